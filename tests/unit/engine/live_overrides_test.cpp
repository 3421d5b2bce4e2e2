// Live overrides between engines: who is believed, who is asked, and who is left alone.
#include <doctest/doctest.h>

#include "../wire/other_versions.hpp"
#include "net.hpp"

namespace starling {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

LiveOverride limits(Hits requests) {
  LiveOverride what;
  what.rule = "per-principal";
  what.limits = {Limit{.requests = requests, .window_s = 10}};
  return what;
}

Result<LiveView> set(Net& net, std::size_t side, const LiveOverride& what) {
  return net.sides[side].engine->set_live(what, std::nullopt, "alice", net.now, net.wall(), net.sides[side]);
}

std::vector<LiveView> live(Net& net, std::size_t side) {
  return net.sides[side].engine->live_overrides(net.wall());
}

wire::OverrideEntry forged(Net& net) {
  return {.rule = "per-principal",
          .limits = {{1, 1}},
          .wall_ms = ms_since_epoch(net.wall()),
          .origin = OriginId{1},
          .set_by = "mallory"};
}

/// Counts the datagrams of one kind, by receiver.
struct Tap {
  explicit Tap(Net& net) {
    net.copies = [this](const Net::Datagram& datagram, std::size_t to) {
      ++seen[static_cast<std::uint8_t>(datagram.bytes[5])];
      ++to_side[to][static_cast<std::uint8_t>(datagram.bytes[5])];
      return 1;
    };
  }
  std::array<int, 16> seen{};
  std::array<std::array<int, 16>, 8> to_side{};
};

}  // namespace

TEST_SUITE("engine.live_overrides") {
  TEST_CASE("a change is told to each peer once, with who set it where, and nothing is asked") {
    Net net(one_limit(100, 10));
    for (int i = 0; i < 3; ++i) net.add();
    net.settle();
    Tap tap(net);
    const auto view = set(net, 0, limits(5));
    REQUIRE(view);
    net.deliver();
    CHECK(tap.seen[6] == 2);
    for (std::size_t side = 0; side < 3; ++side) {
      REQUIRE(live(net, side).size() == 1);
      const LiveView held = live(net, side).front();
      CHECK(held.what == limits(5));
      CHECK(held.set_by == "alice");
      CHECK(held.set_on == "node");
      CHECK(held.set_at == net.wall());
    }
    net.pass(seconds(2));
    CHECK(tap.seen[6] == 2);
    CHECK(tap.seen[7] == 0);
    CHECK(net.sides[1].engine->clear_live(limits(0), "bob", net.now, net.wall(), net.sides[1]));
    net.deliver();
    for (std::size_t side = 0; side < 3; ++side) CHECK(live(net, side).empty());
    CHECK_FALSE(net.sides[2].engine->clear_live(limits(0), "bob", net.now, net.wall(), net.sides[2]));
  }

  TEST_CASE("only live peers are believed and answered, and only at their proven addresses") {
    Net net(one_limit(100, 10));
    for (int i = 0; i < 2; ++i) net.add();
    net.settle();
    REQUIRE(set(net, 0, limits(5)));
    net.deliver();
    const Address peer = net.sides[1].address.address;
    const auto entry = forged(net);
    const wire::Overrides news{.sender = OriginId{2}, .recipient = OriginId{1}, .entries = {entry}};
    CHECK(net.forge(net.sides[0], news).error().code == ErrorCode::unknown_sender);
    wire::Overrides other = news;
    other.sender = OriginId{77};
    CHECK(net.forge(net.sides[0], other, peer).error().code == ErrorCode::unknown_sender);
    other = news;
    other.recipient = OriginId{3};
    CHECK(net.forge(net.sides[0], other, peer).error().code == ErrorCode::unknown_sender);
    other.recipient = OriginId{};
    CHECK(net.forge(net.sides[0], other, peer).error().code == ErrorCode::unknown_sender);
    CHECK(live(net, 0).front().what == limits(5));

    net.wire.clear();
    wire::OverridesQuery query{.sender = OriginId{2}, .recipient = OriginId{1}};
    CHECK(net.forge(net.sides[0], query).error().code == ErrorCode::unknown_sender);
    query.sender = OriginId{77};
    CHECK(net.forge(net.sides[0], query, peer).error().code == ErrorCode::unknown_sender);
    CHECK(net.wire.empty());
    query.sender = OriginId{2};
    CHECK(net.forge(net.sides[0], query, peer).has_value());
    REQUIRE(net.wire.size() == 1);
    CHECK(net.wire.front().to.address == peer);
    CHECK(net.forge(net.sides[0], news, peer).has_value());  // what sealed packets will keep out
  }

  TEST_CASE("an answer that stands still is not asked for as fast as it comes") {
    Net net(one_limit(100, 10));
    for (int i = 0; i < 2; ++i) net.add();
    net.settle();
    REQUIRE(set(net, 0, limits(5)));
    net.deliver();
    net.wire.clear();
    Tap tap(net);
    // Node 1 says that it holds something else, and then answers with the end of nothing.
    net.alter = [&](Net::Datagram& datagram, std::size_t) {
      const auto kind = static_cast<std::uint8_t>(datagram.bytes[5]);
      wire::Decoder decoder(KeyedHash("starling").cluster_tag());
      if (datagram.from == 1 && kind == 3 && decoder.open(datagram.bytes, Port::heartbeat)) {
        wire::Heartbeat heartbeat = **decoder.heartbeat();
        heartbeat.overrides = 12345;
        const auto bytes = net.encoder.encode(heartbeat);
        datagram.bytes.assign(bytes.begin(), bytes.end());
      } else if (datagram.from == 1 && kind == 6 && decoder.open(datagram.bytes, Port::sync)) {
        wire::Overrides answer = **decoder.overrides();
        answer.from = answer.to = 0;
        const auto bytes = net.encoder.encode(answer);
        datagram.bytes.assign(bytes.begin(), bytes.end());
      }
    };
    net.pass(seconds(10));
    CHECK(tap.to_side[1][7] > 5);
    CHECK(tap.to_side[1][7] < 100);
  }

  TEST_CASE("what a later version knows is left alone: it is asked about a few times, then hardly ever") {
    Net net(one_limit(100, 10));
    for (int i = 0; i < 2; ++i) net.add();
    net.settle();
    Tap tap(net);
    net.alter = [&](Net::Datagram& datagram, std::size_t) {
      wire::Decoder decoder(KeyedHash("starling").cluster_tag());
      if (datagram.from != 1 || datagram.bytes[5] != std::byte{6} ||
          !decoder.open(datagram.bytes, Port::sync))
        return;
      wire::Overrides later = **decoder.overrides();
      for (wire::OverrideEntry& entry : later.entries) entry.kind = 9;
      const auto bytes = net.encoder.encode(later);
      datagram.bytes.assign(bytes.begin(), bytes.end());
    };
    REQUIRE(set(net, 1, limits(5)));
    net.pass(seconds(60));
    CHECK(live(net, 0).empty());
    CHECK(net.sides[0].engine->counts().live.refused_unknown > 0);
    CHECK(tap.to_side[1][7] >= 5);
    CHECK(tap.to_side[1][7] <= 12);
    // And a joiner does not wait for it in vain.
    net.sides[0].engine = std::make_unique<Engine>(net.options_for(OriginId{99}), net.rules, net.now);
    net.settle();
    CHECK(net.sides[0].engine->state() == EngineState::ready);
  }

  TEST_CASE("a node of 0.1.0 is told nothing and asked nothing, holds nobody up, and hands nothing on") {
    Net net(one_limit(100, 10));
    for (int i = 0; i < 3; ++i) net.add();
    Tap tap(net);
    net.alter = [](Net::Datagram& datagram, std::size_t to) {
      if (datagram.from != 2 && to != 2) return;
      auto as_old = wire::as_0_1_0(datagram.bytes);
      datagram.bytes = as_old ? std::move(*as_old) : std::vector<std::byte>{};
    };
    net.settle();
    for (Net::Side& side : net.sides) CHECK(side.engine->state() == EngineState::ready);
    REQUIRE(set(net, 0, limits(5)));
    net.pass(seconds(5));
    CHECK(live(net, 1).size() == 1);
    CHECK(tap.to_side[2][6] == 0);
    CHECK(tap.to_side[2][7] == 0);
    // The last of today's, among those of 0.1.0, need not wait for anybody to be told.
    net.sides[1].engine.reset();
    net.pass(seconds(4));
    REQUIRE(set(net, 0, limits(6)));
    net.sides[0].engine->begin_leave(net.now, net.sides[0]);
    net.sides[0].engine->finish_leave(net.now + seconds(60));
    net.pass(seconds(2));
    CHECK(net.sides[0].engine->state() == EngineState::left);
  }

  TEST_CASE(
      "a few changes hold for the next request; of thousands, one alone does, and many in a row together") {
    Net net(one_limit(100, 10));
    net.add(net.options_for(OriginId{1}));
    const auto of_user = [](int user, Hits requests) {
      LiveOverride what = limits(requests);
      what.match = {
          {.key = "principal", .kind = Matcher::Kind::equal, .text = "user-" + std::to_string(user)}};
      return what;
    };
    const auto denies = [&](int user) { return !net.ask(net.sides[0], "user-" + std::to_string(user), 1); };
    for (int user = 0; user < 200; ++user) {
      REQUIRE(set(net, 0, of_user(user, 0)));
      REQUIRE(denies(user));
    }
    for (int user = 200; user < 2000; ++user) REQUIRE(set(net, 0, of_user(user, 0)));
    net.now += milliseconds(20);
    REQUIRE(denies(1999));
    net.now += seconds(1);
    REQUIRE(set(net, 0, of_user(2000, 0)));
    CHECK(denies(2000));
    REQUIRE(set(net, 0, of_user(2001, 0)));
    CHECK_FALSE(denies(2001));
    net.now += milliseconds(21);
    CHECK(denies(2001));
  }

  TEST_CASE("a node is ready with all that it was told, for its first request") {
    Net net(one_limit(100, 10));
    net.add();
    net.add();
    net.settle();
    for (int user = 0; user < 300; ++user) {
      LiveOverride what = limits(0);
      what.match = {
          {.key = "principal", .kind = Matcher::Kind::equal, .text = "user-" + std::to_string(user)}};
      REQUIRE(set(net, 0, what));
    }
    net.deliver();
    net.sides[1].engine = std::make_unique<Engine>(net.options_for(OriginId{99}), net.rules, net.now);
    net.resolve();
    Engine& joiner = *net.sides[1].engine;
    for (int i = 0; i < 4000 && joiner.state() != EngineState::ready; ++i) {
      // Requests come before it is ready, too, and make it apply what it has.
      if (i % 2 == 0) net.ask(net.sides[1], "somebody", 0);
      net.pass(std::chrono::microseconds(500));
    }
    REQUIRE(joiner.state() == EngineState::ready);
    int allowed = 0;
    for (int user = 0; user < 300; ++user)
      allowed += net.ask(net.sides[1], "user-" + std::to_string(user), 1) ? 1 : 0;
    CHECK(allowed == 0);
  }

  TEST_CASE("errors of a client: what is wrong, and that nothing has changed") {
    Net net(one_limit(100, 10));
    EngineOptions options = net.options_for(OriginId{1});
    options.live_overrides_max = 1;
    net.add(options);
    CHECK(set(net, 0, LiveOverride{}).error() ==
          Error{ErrorCode::bad_field, static_cast<std::uint32_t>(LiveFlaw::rule_missing)});
    REQUIRE(set(net, 0, limits(5)));
    LiveOverride other = limits(5);
    other.rule = "other";
    CHECK(set(net, 0, other).error() == Error{ErrorCode::table_full});
    CHECK(live(net, 0).size() == 1);
    CHECK(net.sides[0].engine->counts().live.refused_full == 1);
    CHECK(net.wire.empty());
  }
}

}  // namespace starling
