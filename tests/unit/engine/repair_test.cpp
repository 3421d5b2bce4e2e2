// What goes wrong between several nodes, and has to come right.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>

#include "net.hpp"

namespace starling {
namespace {

using std::chrono::hours;
using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr Version version_max{~std::uint64_t{0}};

/// One counter of a dead origin, as it would have published it.
wire::Delta of_the_dead(const Net& net, std::uint64_t origin, std::uint32_t window_s) {
  wire::Delta delta{.sender = {origin}, .origin = {origin}, .from = {0}, .to = {1}};
  delta.entries = {{.window_s = window_s,
                    .window_id = Window::at(net.wall(), window_s).id,
                    .key = {origin},
                    .count = 1,
                    .version = {1}}};
  return delta;
}

int drop_sync(const Net::Datagram& datagram, std::size_t) {
  return datagram.via == Port::sync ? 0 : 1;
}
int drop_all(const Net::Datagram&, std::size_t) {
  return 0;
}
int drop_none(const Net::Datagram&, std::size_t) {
  return 1;
}

}  // namespace

TEST_SUITE("engine.repair") {
  TEST_CASE("urgent hits reach the others even when a newcomer is met at that moment") {
    Net net(one_limit(2, 3600));
    Net::Side& a = net.add();
    Net::Side& b = net.add();
    net.settle();
    Net::Side& c = net.add();
    net.resolve();
    c.engine->on_tick(net.now, net.wall(), c);
    // Step by step, so that a's hits come right before the datagram that makes c alive at a.
    bool asked = false;
    for (int step = 0; step < 200 && a.engine->counts().nodes_count < 3; ++step) {
      if (net.wire.empty()) {
        net.now += milliseconds(1);
        c.engine->on_tick(net.now, net.wall(), c);
        continue;
      }
      const Net::Datagram datagram = std::move(net.wire.front());
      net.wire.pop_front();
      const std::size_t to = datagram.to.address.bytes[15] - 1U;
      if (to == a.index && datagram.from == c.index && step > 2 && !asked) asked = net.ask(a, "alice", 2);
      net.hand_over(datagram, to);
    }
    REQUIRE(asked);
    for (int ms = 0; ms < 20; ++ms) {
      a.engine->on_tick(net.now, net.wall(), a);
      net.deliver();
      net.now += milliseconds(1);
    }
    CHECK(net.total(b, "alice") == 2);
  }

  TEST_CASE("a forged claim to everything does not hold up a leave") {
    for (const Address from : {Address::v4(9, 9, 9, 9), Address::v4(10, 0, 0, 1)}) {
      Net net(one_limit(1000, 3600));
      Net::Side& a = net.add();
      Net::Side& b = net.add();
      net.settle();
      CHECK(net.forge(b, wire::Delta{.sender = {1}, .origin = {1}, .from = {0}, .to = version_max}, from)
                .has_value());
      net.ask(a, "alice");
      net.pass(seconds(5));
      CHECK(net.total(b, "alice") == 1);
      a.engine->begin_leave(net.now, a);
      a.engine->finish_leave(net.now + seconds(25));
      net.pass(seconds(4));
      CHECK(a.engine->state() == EngineState::left);
    }
  }

  TEST_CASE("a forged claim to everything does not keep counts away after a partition") {
    for (const Address from : {Address::v4(9, 9, 9, 9), Address::v4(10, 0, 0, 1)}) {
      Net net(one_limit(1000, 3600));
      Net::Side& a = net.add();
      Net::Side& b = net.add();
      net.settle();
      CHECK(net.forge(b, wire::Delta{.sender = {1}, .origin = {1}, .from = {0}, .to = version_max}, from)
                .has_value());
      net.copies = drop_all;
      net.pass(seconds(4));
      for (int i = 0; i < 7; ++i) net.ask(a, "alice");
      net.pass(seconds(1));
      net.copies = drop_none;
      net.pass(seconds(15));
      CHECK(net.total(b, "alice") == 7);
    }
  }

  TEST_CASE("a forged ack does not keep counts away") {
    // From a stranger's address, and from the peer's own.
    for (const auto& [from, acked] : {std::pair{Address::v4(9, 9, 9, 9), std::uint64_t{1}},
                                      {Address::v4(10, 0, 0, 2), std::uint64_t{1}},
                                      {Address::v4(10, 0, 0, 2), std::uint64_t{2}},
                                      {Address::v4(10, 0, 0, 2), version_max.value}}) {
      Net net(one_limit(1000, 3600));
      Net::Side& a = net.add();
      Net::Side& b = net.add();
      net.settle();
      net.copies = drop_sync;
      for (int i = 0; i < 7; ++i) net.ask(a, "alice");
      net.pass(milliseconds(700));
      CHECK(net.forge(a, wire::Delta{.sender = {2}, .origin = {2}, .recipient = {1}, .ack = {acked}}, from)
                .has_value());
      net.copies = drop_none;
      net.pass(seconds(10));
      CHECK(net.total(b, "alice") == 7);
    }
  }

  TEST_CASE(
      "acks and claims are believed only from an address that their sender speaks from, counts from any") {
    Net net(one_limit(1000, 3600));
    Net::Side& a = net.add();
    Net::Side& b = net.add();
    net.settle();
    net.copies = drop_sync;
    net.ask(a, "alice");
    net.pass(milliseconds(900));
    const auto missing = [&] { return b.engine->peers(net.now)[0].missing_versions; };
    const auto unacked = [&] { return a.engine->peers(net.now)[0].unacked_versions; };
    REQUIRE(missing() == 1);
    REQUIRE(unacked() == 1);
    wire::Delta claim{.sender = {1}, .origin = {1}, .from = {0}, .to = {1}};
    const wire::Delta ack{.sender = {2}, .origin = {2}, .recipient = {1}, .ack = {1}};
    claim.entries = {{.window_s = 3600,
                      .window_id = Window::at(net.wall(), 3600).id,
                      .key = {4711},
                      .count = 1,
                      .version = {1}}};
    CHECK(net.forge(b, claim).has_value());
    CHECK(net.forge(a, ack).has_value());
    CHECK(missing() == 1);
    CHECK(unacked() == 1);
    CHECK(b.engine->counts().counters_used == 1);  // the count is taken all the same
    CHECK(net.forge(b, claim, a.address.address).has_value());
    CHECK(net.forge(a, ack, b.address.address).has_value());
    CHECK(missing() == 0);
    CHECK(unacked() == 0);
  }

  TEST_CASE("a stranger is believed about itself where its heartbeats come from, and about nobody else") {
    Net net(one_limit(1000, 3600));
    Net::Side& a = net.add();
    Net::Side& b = net.add();
    net.settle();
    const Endpoint stranger{Address::v4(9, 9, 9, 9), 4291};
    CHECK(b.engine
              ->on_datagram(stranger, Port::heartbeat,
                            net.encoder.encode(wire::Heartbeat{.sender = {99}, .sync_port = 4290}), net.now,
                            net.wall(), b)
              .has_value());
    // What b holds of an origin without a gap, it tells a by its holdings; here it is asked.
    const auto held = [&](std::uint64_t origin) {
      wire::Delta delta{.sender = {99}, .origin = {origin}, .from = {0}, .to = {1}};
      delta.entries = {{.window_s = 3600,
                        .window_id = Window::at(net.wall(), 3600).id,
                        .key = {origin},
                        .count = 1,
                        .version = {1}}};
      CHECK(net.forge(b, delta).has_value());
      net.wire.clear();
      CHECK(net.forge(b, wire::Pull{.sender = {1}, .recipient = {2}, .origin = {origin}}, a.address.address)
                .has_value());
      REQUIRE(net.wire.size() == 1);
      wire::Decoder decoder(KeyedHash("starling").cluster_tag());
      REQUIRE(decoder.open(net.wire.front().bytes, Port::sync).has_value());
      return !(*decoder.delta())->partial;
    };
    CHECK(held(99));
    CHECK_FALSE(held(98));
  }

  TEST_CASE(
      "a joiner's first counts are not sent twice: they may overtake the heartbeat that makes it a peer") {
    Net net(one_limit(1'000'000, 3600));
    Net::Side& a = net.add();
    Net::Side& b = net.add();
    net.ask(b, "alice", 5);
    const Endpoint listed[] = {a.address};
    b.engine->on_resolved(listed, net.now, b);
    net.pass(seconds(1));
    CHECK(net.total(a, "alice") == 5);
    CHECK(b.engine->counts().sent[static_cast<std::size_t>(Purpose::retransmit)].packets == 0);
  }

  TEST_CASE("a node that had to refuse counts does not claim to hand them all on") {
    Net net(one_limit(1000, 3600));
    Net::Side& a = net.add();
    EngineOptions small = net.options_for(OriginId{2});
    small.counters_max = 2;
    small.components_max = 8;
    Net::Side& full = net.add(small);
    Net::Side& whole = net.add();
    net.settle();
    for (int i = 0; i < 10; ++i) net.ask(a, fmt::format("user-{}", i), 3);
    net.pass(seconds(2));
    REQUIRE(full.engine->counts().counters_used == 2);
    REQUIRE(whole.engine->counts().counters_used == 10);
    a.engine.reset();
    net.pass(seconds(4));
    Net::Side& joiner = net.add();
    // It meets the full one first.
    net.copies = [&](const Net::Datagram& datagram, std::size_t to) {
      const bool between = (datagram.from == whole.index && to == joiner.index) ||
                           (datagram.from == joiner.index && to == whole.index);
      return between ? 0 : 1;
    };
    net.resolve();
    net.pass(milliseconds(300));
    net.copies = drop_none;
    net.pass(seconds(10));
    CHECK(joiner.engine->state() == EngineState::ready);
    CHECK(joiner.engine->counts().counters_used == 10);
  }

  TEST_CASE("a long catch-up whose packets overtake each other needs no second sending") {
    Net net(one_limit(1000, 3600));
    Net::Side& a = net.add();
    Net::Side& b = net.add();
    net.settle();
    for (int i = 0; i < 1500; ++i) net.ask(a, fmt::format("user-{}", i));
    for (int step = 0; step < 1200; ++step) {  // each burst arrives last packet first
      for (Net::Side* side : {&a, &b}) side->engine->on_tick(net.now, net.wall(), *side);
      std::reverse(net.wire.begin(), net.wire.end());
      net.deliver();
      net.now += microseconds(500);
    }
    CHECK(b.engine->counts().counters_used == 1500);
    CHECK(a.engine->counts().sent[static_cast<std::size_t>(Purpose::retransmit)].packets == 0);
  }

  TEST_CASE("a node without room stops asking for what it had to refuse") {
    Net net(one_limit(1000, 3600));
    Net::Side& a = net.add();
    net.add();
    EngineOptions small = net.options_for(OriginId{3});
    small.counters_max = 2;
    small.components_max = 2;
    Net::Side& full = net.add(small);
    net.settle();
    net.ask(full, "mine");
    net.ask(full, "mine too");
    for (int i = 0; i < 10; ++i) net.ask(a, fmt::format("user-{}", i), 3);
    net.pass(seconds(2));
    a.engine.reset();
    net.pass(seconds(10));
    const auto repairs = [&full] {
      return full.engine->counts().sent[static_cast<std::size_t>(Purpose::repair)].packets;
    };
    const std::uint64_t before = repairs();
    net.pass(seconds(20));
    CHECK(repairs() == before);
  }

  TEST_CASE("an entry whose window is over by our clock does not keep us from vouching for the rest") {
    Net net(one_limit(1000, 3600));
    Net::Side& a = net.add();
    Net::Side& b = net.add();
    net.settle();
    // Of a dead origin: something long over, then something that lives.
    wire::Delta delta = of_the_dead(net, 77, 3600);
    delta.to = Version{2};
    delta.entries[0].version = Version{2};
    delta.entries.insert(delta.entries.begin(), delta.entries[0]);
    delta.entries[0].version = Version{1};
    delta.entries[0].window_id.value -= 5;
    CHECK_FALSE(net.forge(b, delta).has_value());
    net.pass(seconds(2));
    CHECK(a.engine->counts().counters_used == 1);
    const std::uint64_t pulls = a.engine->counts().sent[static_cast<std::size_t>(Purpose::repair)].packets;
    CHECK(pulls == 1);  // one answer, whole
  }

  TEST_CASE("a slice of holdings that comes twice does not stand for one that was lost") {
    Net net(one_limit(1000, 3600));
    Net::Side& a = net.add();
    Net::Side& b = net.add();
    for (std::uint64_t origin = 100; origin < 140; ++origin)
      CHECK(net.forge(b, of_the_dead(net, origin, 3600)).has_value());
    int slices = 0;
    net.copies = [&](const Net::Datagram& datagram, std::size_t to) {
      if (datagram.via != Port::heartbeat || to != a.index) return 1;
      wire::Decoder decoder(KeyedHash("starling").cluster_tag());
      REQUIRE(decoder.open(datagram.bytes, datagram.via).has_value());
      const auto heartbeat = decoder.heartbeat();
      if (!heartbeat || (*heartbeat)->holdings.empty()) return 1;
      ++slices;
      return slices == 1 ? 2 : slices == 2 ? 0 : 1;
    };
    net.resolve();
    for (int step = 0; step < 3500 && a.engine->state() != EngineState::ready; ++step)
      net.pass(microseconds(500));
    CHECK(a.engine->state() == EngineState::ready);
    CHECK(a.engine->counts().counters_used == 40);
  }

  TEST_CASE("a pull is answered at its sender's address only") {
    Net net(one_limit(1000, 3600));
    Net::Side& a = net.add();
    net.add();
    net.settle();
    for (int i = 0; i < 3000; ++i) net.ask(a, fmt::format("user-{}", i));
    net.pass(seconds(3));
    net.wire.clear();
    const auto outcome = net.forge(a, wire::Pull{.sender = {2}, .recipient = {1}, .origin = {1}});
    REQUIRE_FALSE(outcome.has_value());
    CHECK(outcome.error().code == ErrorCode::unknown_sender);
    CHECK(net.wire.empty());
  }

  TEST_CASE("origins of which nothing can come any more give their rows back") {
    Net net(one_limit(1000, 1));
    Net::Side& a = net.add();
    Net::Side& b = net.add();
    net.settle();
    net.copies = drop_sync;  // a's pulls are lost until the windows are over
    for (std::uint64_t origin = 1000; origin < 1000 + origins_max - 2; ++origin) {
      (void)net.forge(b, of_the_dead(net, origin, 1));
      if (origin % 24 == 0) net.pass(milliseconds(220));
    }
    net.copies = drop_none;
    net.pass(seconds(70));  // what was asked about in vain is remembered for a minute
    std::size_t room = 0;
    for (std::uint64_t origin = 50'000; origin < 50'000 + origins_max; ++origin)
      room +=
          net.forge(a, wire::Delta{.sender = {origin}, .origin = {origin}, .from = {0}, .to = {1}}) ? 1 : 0;
    CHECK(room >= origins_max - 2);
  }

  TEST_CASE("a late heartbeat of the life before does not bring it back") {
    Net net(one_limit(1000, 3600));
    Net::Side& a = net.add();
    Net::Side& b = net.add();
    std::optional<Net::Datagram> late;
    net.settle();
    bool keep = true;
    net.copies = [&](const Net::Datagram& datagram, std::size_t to) {
      if (keep && datagram.from == b.index && to == a.index && datagram.via == Port::heartbeat)
        late = datagram;
      return 1;
    };
    net.pass(milliseconds(500));
    keep = false;
    b.engine = std::make_unique<Engine>(net.options_for(OriginId{77}), net.rules, net.now);
    net.settle();
    REQUIRE(a.engine->counts().nodes_count == 2);
    REQUIRE(late.has_value());
    net.hand_over(*late, a.index);
    CHECK(a.engine->counts().nodes_count == 2);
  }

  TEST_CASE("a node that is alone leaves at once") {
    Net net(one_limit(1000, 3600));
    EngineOptions options = net.options_for(OriginId{1});
    options.has_neighborhood = false;
    options.sync_interval = hours(1);
    Net::Side& a = net.add(options);
    a.engine->begin_leave(net.now, a);
    net.ask(a, "late");
    a.engine->finish_leave(net.now + seconds(25));
    net.pass(seconds(2));
    CHECK(a.engine->state() == EngineState::left);
  }

  TEST_CASE("a leave waits for the acks, not for the sending") {
    Net net(one_limit(1000, 3600));
    Net::Side& a = net.add();
    Net::Side& b = net.add();
    net.settle();
    net.copies = drop_sync;
    net.ask(a, "alice", 7);
    a.engine->begin_leave(net.now, a);
    a.engine->finish_leave(net.now + seconds(25));
    net.pass(milliseconds(300));
    CHECK(a.engine->state() == EngineState::leaving);
    net.copies = drop_none;
    net.pass(seconds(2));
    CHECK(a.engine->state() == EngineState::left);
    CHECK(net.total(b, "alice") == 7);
  }

  TEST_CASE("what a node keeps back from everybody a newcomer holds before it is ready") {
    Net net(one_limit(1'000'000, 3600));
    EngineOptions slow = net.options_for(OriginId{1});
    slow.sync_interval = hours(1);  // nothing but the meeting can make it tell
    Net::Side& a = net.add(slow);
    net.ask(a, "alice", 5);
    Net::Side& b = net.add();
    net.resolve();
    for (int step = 0; step < 4000 && b.engine->state() != EngineState::ready; ++step)
      net.pass(microseconds(500));
    CHECK(net.total(b, "alice") == 5);
  }

  TEST_CASE("an urgent hit does not queue behind a peer's long catch-up, and the catch-up is paced by acks") {
    Net net(one_limit(10, 3600));
    Net::Side& a = net.add();
    for (int i = 0; i < 10'000; ++i) net.ask(a, fmt::format("user-{}", i));
    Net::Side& b = net.add();
    int to_b = 0;
    net.copies = [&](const Net::Datagram& datagram, std::size_t to) {
      if (datagram.via == Port::sync && to == b.index) ++to_b;
      return datagram.via == Port::sync && to == a.index ? 0 : 1;  // b's acks by delta are lost
    };
    net.resolve();
    for (int step = 0; step < 1000 && to_b == 0; ++step) net.pass(microseconds(500));
    CHECK(to_b == 32);
    net.ask(a, "urgent", 10);
    net.pass(milliseconds(2));
    CHECK(net.total(b, "urgent") == 10);
  }
}

}  // namespace starling
