/// Nodes with keys: who hears whom, what a change of keys loses, and what repeats.
#include <doctest/doctest.h>

#include "net.hpp"

namespace starling {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

wire::MasterKey master_key(unsigned char first) {
  wire::MasterKey key;
  for (std::size_t i = 0; i < key.bytes.size(); ++i) key.bytes[i] = static_cast<unsigned char>(first + i);
  return key;
}

wire::KeyRing ring_of(std::initializer_list<unsigned char> keys,
                      wire::PlainPackets plain = wire::PlainPackets::refused) {
  wire::KeyRing ring;
  for (const unsigned char key : keys) ring.keys.push_back(master_key(key));
  ring.plain = plain;
  return ring;
}

struct KeyNet : Net {
  KeyNet() : Net(one_limit(1000, 3600)) {}

  Side& add_with(const wire::KeyRing& ring) {
    EngineOptions options = options_for(OriginId{sides.size() + 1});
    options.keys = ring;
    return add(options);
  }
};

std::uint64_t dropped(const Net::Side& side, ErrorCode code) {
  return side.engine->counts().dropped[static_cast<std::size_t>(code)];
}

std::uint64_t dropped(const Net::Side& side) {
  std::uint64_t all = 0;
  for (const std::uint64_t count : side.engine->counts().dropped) all += count;
  return all;
}

std::string_view state_of(const Net& net, const Net::Side& at, std::uint64_t origin) {
  for (const PeerView& view : at.engine->peers(net.now))
    if (view.origin == OriginId{origin}) return view.state;
  return "unknown";
}

std::optional<wire::KeyId> key_of(const Net& net, const Net::Side& at, std::uint64_t origin) {
  for (const PeerView& view : at.engine->peers(net.now))
    if (view.origin == OriginId{origin}) return view.key;
  return std::nullopt;
}

TEST_SUITE("engine.keys") {
  TEST_CASE("nodes with one key meet and count together; nothing of it can be read on the way") {
    KeyNet net;
    std::size_t plain = 0;
    net.alter = [&](Net::Datagram& datagram, std::size_t) { plain += datagram.bytes[6] != std::byte{1}; };
    for (int i = 0; i < 3; ++i) net.add_with(ring_of({0}));
    net.settle();
    REQUIRE(net.ask(net.sides[0], "alice", 5));
    net.pass(seconds(1));
    for (Net::Side& side : net.sides) {
      CHECK(side.engine->state() == EngineState::ready);
      CHECK(net.total(side, "alice") == 5);
      CHECK(dropped(side) == dropped(side, ErrorCode::from_self));
      const EngineCounts counts = side.engine->counts();
      CHECK(counts.keys.ids == std::vector{master_key(0).id()});
      CHECK(counts.keys.plain == wire::PlainPackets::refused);
      CHECK(counts.keys.opened == counts.datagrams_received);
      CHECK(counts.keys.derived == 3);  // itself is one of those it hears
      CHECK(counts.sent_by_kind[wire::index_of(wire::Kind::heartbeat)].packets > 0);
      CHECK(counts.received_by_kind[wire::index_of(wire::Kind::heartbeat)].packets > 0);
    }
    CHECK(key_of(net, net.sides[0], 2) == master_key(0).id());
    CHECK(plain == 0);
  }

  TEST_CASE("a node knows its own heartbeats that DNS sends back to it") {
    KeyNet net;
    Net::Side& alone = net.add_with(ring_of({0}));
    net.settle();
    CHECK(dropped(alone, ErrorCode::from_self) > 0);
    CHECK(dropped(alone) == dropped(alone, ErrorCode::from_self));
    CHECK(alone.engine->counts().known_count == 1);
    CHECK_FALSE(alone.engine->counts().isolated);
  }

  TEST_CASE("nodes with different keys do not meet, and say which key it is that they lack") {
    KeyNet net;
    net.add_with(ring_of({0}));
    net.add_with(ring_of({40}));
    net.settle();
    net.pass(seconds(1));
    for (const Net::Side& side : net.sides) {
      CHECK(side.engine->counts().nodes_count == 1);
      CHECK(dropped(side, ErrorCode::unknown_key) > 0);
    }
    const auto heartbeat = net.encoder.encode(wire::Heartbeat{.sender = {7}, .sync_port = 4290});
    CHECK(net.sides[0].engine->on_datagram(net.sides[1].address, Port::heartbeat, heartbeat, net.now,
                                           net.wall(),
                                           net.sides[0]) == tl::unexpected(Error{ErrorCode::not_sealed}));
  }

  TEST_CASE("a node with a key and one without do not meet") {
    KeyNet net;
    Net::Side& with = net.add_with(ring_of({0}));
    Net::Side& without = net.add_with(wire::KeyRing{});
    net.settle();
    CHECK(dropped(with, ErrorCode::not_sealed) > 0);
    CHECK(dropped(without, ErrorCode::sealed) > 0);
    CHECK(with.engine->counts().nodes_count == 1);
    CHECK(without.engine->counts().nodes_count == 1);
  }

  TEST_CASE("in three steps, node by node, to another key and from plain to sealed: nothing is dropped") {
    using enum wire::PlainPackets;
    struct Change {
      std::array<wire::KeyRing, 4> steps;
      std::optional<wire::KeyId> last;
    };
    const std::array changes{
        Change{{ring_of({0}), ring_of({0, 40}), ring_of({40, 0}), ring_of({40})}, master_key(40).id()},
        Change{{wire::KeyRing{}, ring_of({40}, sent), ring_of({40}, accepted), ring_of({40})},
               master_key(40).id()},
        Change{{ring_of({0}), ring_of({0}, accepted), ring_of({0}, sent), wire::KeyRing{}}, std::nullopt}};
    for (const Change& change : changes) {
      KeyNet net;
      for (int i = 0; i < 4; ++i) net.add_with(change.steps[0]);
      net.settle();
      Hits asked = 0;
      for (std::size_t step = 1; step < change.steps.size(); ++step) {
        for (Net::Side& side : net.sides) {
          side.engine->replace_keys(change.steps[step]);
          for (Net::Side& asking : net.sides) asked += net.ask(asking, "alice", 1) ? 1 : 0;
          net.pass(milliseconds(300));
          for (const Net::Side& any : net.sides) REQUIRE(any.engine->counts().nodes_count == 4);
        }
      }
      net.pass(seconds(1));
      CHECK(asked == 48);
      for (Net::Side& side : net.sides) {
        CHECK(net.total(side, "alice") == asked);
        CHECK(dropped(side) == dropped(side, ErrorCode::from_self));
      }
      CHECK(key_of(net, net.sides[0], 3) == change.last);
    }
  }

  TEST_CASE("a key that is changed at one node only cuts it off, until the others have it") {
    KeyNet net;
    for (int i = 0; i < 3; ++i) net.add_with(ring_of({0}));
    net.settle();
    net.sides[0].engine->replace_keys(ring_of({40}));
    net.pass(seconds(5));
    CHECK(net.sides[0].engine->counts().nodes_count == 1);
    CHECK(net.sides[1].engine->counts().nodes_count == 2);
    REQUIRE(net.ask(net.sides[0], "alice", 3));
    net.pass(seconds(1));
    CHECK(net.total(net.sides[1], "alice") == 0);
    for (Net::Side& side : net.sides) side.engine->replace_keys(ring_of({40}));
    net.pass(seconds(7));
    for (Net::Side& side : net.sides) {
      CHECK(side.engine->counts().nodes_count == 3);
      CHECK(net.total(side, "alice") == 3);
    }
  }
}

TEST_SUITE("engine.keys replay") {
  TEST_CASE("every datagram twice: all but the counts is dropped the second time, and nothing else changes") {
    KeyNet net;
    net.copies = [](const Net::Datagram&, std::size_t) { return 2; };
    for (int i = 0; i < 3; ++i) net.add_with(ring_of({0}));
    net.settle();
    for (int i = 0; i < 20; ++i) {
      REQUIRE(net.ask(net.sides[static_cast<std::size_t>(i) % 3], "alice", 1));
      net.pass(milliseconds(50));
    }
    net.pass(seconds(1));
    for (Net::Side& side : net.sides) {
      CHECK(net.total(side, "alice") == 20);
      CHECK(side.engine->counts().nodes_count == 3);
      CHECK(dropped(side) == dropped(side, ErrorCode::from_self) + dropped(side, ErrorCode::replayed));
      CHECK(dropped(side, ErrorCode::replayed) > 0);
    }
  }

  TEST_CASE("deltas that are played again bring their counts, and keep nobody alive") {
    KeyNet net;
    Net::Side& hears = net.add_with(ring_of({0}));
    Net::Side& dies = net.add_with(ring_of({0}));
    std::vector<Net::Datagram> recorded;
    net.alter = [&](Net::Datagram& datagram, std::size_t to) {
      if (to == 0 && datagram.from == 1 && datagram.via == Port::sync) recorded.push_back(datagram);
    };
    net.settle();
    for (int i = 0; i < 10; ++i) {
      REQUIRE(net.ask(dies, "alice", 1));
      net.pass(milliseconds(100));
    }
    net.pass(seconds(1));
    REQUIRE_FALSE(recorded.empty());
    REQUIRE(state_of(net, hears, 2) == "alive");
    dies.engine.reset();
    const std::uint64_t accepted = hears.engine->counts().datagrams_accepted;
    for (int i = 0; i < 100 && state_of(net, hears, 2) != "dead"; ++i) {
      for (const Net::Datagram& datagram : recorded) net.hand_over(datagram, 0);
      net.pass(milliseconds(100));
    }
    CHECK(state_of(net, hears, 2) == "dead");
    CHECK(net.total(hears, "alice") == 10);
    CHECK(hears.engine->counts().datagrams_accepted > accepted);
    CHECK(hears.engine->counts().nodes_count == 1);
  }

  TEST_CASE("of a delta that is played again the ack is not believed") {
    KeyNet net;
    Net::Side& hears = net.add_with(ring_of({0}));
    Net::Side& says = net.add_with(ring_of({0}));
    bool is_silent = false;
    net.alter = [&](Net::Datagram& datagram, std::size_t) {
      if (is_silent && datagram.from == 1) datagram.bytes.clear();
    };
    net.settle();
    is_silent = true;  // what it acks does not come any more
    REQUIRE(net.ask(hears, "alice", 1));
    net.pass(milliseconds(700));
    const auto unacked = [&] {
      for (const PeerView& view : hears.engine->peers(net.now))
        if (view.origin == OriginId{2}) return view.unacked_versions;
      return std::uint64_t{0};
    };
    REQUIRE(unacked() == 1);
    // Two packets of one number, as nobody makes them: the second one counts as the first once more.
    const Endpoint from{says.address.address, 4290};
    const auto say = [&](int number, Version acked, std::vector<wire::DeltaEntry> entries = {}) {
      wire::Sealer sealer(OriginId{2}, "starling", ring_of({0}));
      wire::Encoder encoder(KeyedHash("starling").cluster_tag(), &sealer);
      wire::Delta ack{.sender = {2}, .origin = {2}, .recipient = {1}, .ack = acked, .entries = entries};
      if (!entries.empty()) ack.to = entries.back().version;
      std::span<const std::byte> datagram;
      for (int i = 0; i < number; ++i) datagram = encoder.encode(ack);
      CHECK(hears.engine->on_datagram(from, Port::sync, datagram, net.now, net.wall(), hears));
    };
    say(500, Version{0});
    const std::size_t used = hears.engine->counts().counters_used;
    const auto window = static_cast<std::uint64_t>(net.wall().time_since_epoch() / seconds(3600));
    say(500, Version{1}, {{3600, WindowId{window}, CounterKey{99}, 5, Version{1}}});
    CHECK(unacked() == 1);
    CHECK(hears.engine->counts().counters_used == used + 1);
    say(501, Version{1});
    CHECK(unacked() == 0);
  }

  TEST_CASE("a heartbeat for another that is led to us is no sign of life of its sender") {
    // Somebody on the way lets nothing of the peer through but what it sends to others, and leads that to us.
    for (const bool sealed : {true, false}) {
      CAPTURE(sealed);
      KeyNet net;
      const wire::KeyRing ring = sealed ? ring_of({0}) : wire::KeyRing{};
      Net::Side& hears = net.add_with(ring);
      net.add_with(ring);
      net.add_with(ring);
      bool is_cut = false;
      net.copies = [&](const Net::Datagram& datagram, std::size_t to) {
        if (!is_cut || datagram.from != 1 || to != 2) return 1;
        if (datagram.via == Port::heartbeat) net.hand_over(datagram, 0);
        return 0;
      };
      net.alter = [&](Net::Datagram& datagram, std::size_t to) {
        if (is_cut && datagram.from == 1 && to == 0) datagram.bytes.clear();
      };
      net.settle();
      REQUIRE(state_of(net, hears, 2) == "alive");
      is_cut = true;
      net.pass(seconds(6));
      CHECK(state_of(net, hears, 2) == (sealed ? "dead" : "alive"));
    }
  }

  TEST_CASE("a node that restarts at its address is met again, though greeted under its old origin") {
    KeyNet net;
    Net::Side& stays = net.add_with(ring_of({0}));
    Net::Side& restarts = net.add_with(ring_of({0}));
    net.settle();
    REQUIRE(net.ask(stays, "alice", 4));
    net.pass(seconds(1));
    EngineOptions options = net.options_for(OriginId{77});
    options.keys = ring_of({0});
    restarts.engine = std::make_unique<Engine>(options, net.rules, net.now);
    restarts.engine->on_resolved(std::vector{stays.address, restarts.address}, net.now, restarts);
    net.pass(seconds(1));
    CHECK(state_of(net, stays, 77) == "alive");
    CHECK(state_of(net, restarts, 1) == "alive");
    CHECK(net.total(restarts, "alice") == 4);
    CHECK(restarts.engine->state() == EngineState::ready);
  }

  TEST_CASE(
      "a node that restarts at its address is met within three datagrams, however rare heartbeats are") {
    KeyNet net;
    for (std::uint64_t i = 1; i <= 12; ++i) {
      EngineOptions options = net.options_for(OriginId{i});
      options.keys = ring_of({0});
      options.heartbeat_interval = seconds(10);
      net.add(options);
    }
    net.resolve();
    net.pass(seconds(12));
    for (std::size_t i = 0; i < net.sides.size(); ++i) REQUIRE(net.ask(net.sides[i], "alice", 1));
    net.pass(seconds(1));
    Net::Side& restarts = net.sides[1];
    EngineOptions options = net.options_for(OriginId{77});
    options.keys = ring_of({0});
    options.heartbeat_interval = seconds(10);
    restarts.engine = std::make_unique<Engine>(options, net.rules, net.now);
    net.resolve();
    net.pass(milliseconds(20));
    CHECK(restarts.engine->counts().nodes_count == 12);
    CHECK(state_of(net, net.sides[0], 77) == "alive");
    CHECK(state_of(net, net.sides[0], 2) == "dead");
    net.pass(milliseconds(300));
    CHECK(net.total(restarts, "alice") >= 11);
  }
}

}  // namespace
}  // namespace starling
