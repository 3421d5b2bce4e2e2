/// The engine alone, behind plain numbers.
#include <starling/engine.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <string>
#include <utility>
#include <vector>

namespace starling::embed {
namespace {

constexpr std::int64_t ms = 1'000'000;

struct Outbox final : Effects {
  struct Datagram {
    Port via;
    Endpoint to;
    std::vector<std::byte> bytes;
  };
  std::vector<Datagram> sent;
  std::vector<std::string> notices;
  void send(Port via, const Endpoint& to, std::span<const std::byte> datagram) override {
    sent.push_back({via, to, {datagram.begin(), datagram.end()}});
  }
  void notify(std::string_view what, std::string_view peer) override {
    notices.push_back(std::string(what) + " " + std::string(peer));
  }
};

EngineOptions options(std::uint64_t origin, std::string name) {
  return {
      .origin = origin,
      .seed = origin,
      .node_name = std::move(name),
      .rules = "rules:\n  - name: x\n    match: {principal: '*'}\n    limits: [{requests: 10, per: 366d}]\n",
      .settings = {{"max-counters", "1000"}}};
}

Decision ask(Engine& engine, Time now, std::uint64_t hits = 1) {
  static const Entry entry{"principal", "alice"};
  static const Descriptor descriptor{.entries = {&entry, 1}};
  return engine.decide({.descriptors = {&descriptor, 1}, .hits = hits}, now);
}

/// Two engines that reach each other at once.
struct Two {
  Time now{.monotonic_ns = 1, .wall_ms = 1'700'000'000'000};
  std::array<Engine, 2> engines{Engine(options(1, "a")), Engine(options(2, "b"))};
  std::array<Outbox, 2> outboxes;
  std::array<Endpoint, 2> addresses{*Endpoint::parse("10.0.0.1", 4291), *Endpoint::parse("fd00::2", 4291)};

  Two() {
    for (std::size_t i = 0; i < 2; ++i) {
      REQUIRE_FALSE(engines[i].start(now));
      CHECK(engines[i].state() == State::joining);
      engines[i].on_resolved(addresses, now, outboxes[i]);
    }
  }

  void run(std::int64_t duration_ms) {
    for (std::int64_t i = 0; i < duration_ms; ++i, now.monotonic_ns += ms, ++now.wall_ms) {
      for (std::size_t from = 0; from < 2; ++from) {
        if (engines[from].next_deadline_ns() <= now.monotonic_ns) engines[from].on_tick(now, outboxes[from]);
        for (auto& [via, to, bytes] : std::exchange(outboxes[from].sent, {})) {
          const std::size_t receiver = to.address == addresses[0].address ? 0 : 1;
          Endpoint sender = addresses[from];
          if (via == Port::sync) sender.port = 4290;
          const auto refused = engines[receiver].on_datagram(sender, via, bytes, now, outboxes[receiver]);
          CHECK((refused.empty() || (refused == "from_self" && receiver == from)));
        }
      }
    }
  }
};

}  // namespace

TEST_SUITE("embed.engine") {
  TEST_CASE("two engines find each other, share a limit, and part") {
    Two two;
    two.run(3000);
    REQUIRE(two.engines[0].state() == State::ready);
    REQUIRE(two.engines[1].state() == State::ready);
    REQUIRE(two.engines[0].peers(two.now).size() == 1);
    const Peer peer = two.engines[0].peers(two.now).front();
    CHECK(peer.name == "b");
    CHECK(peer.origin == 2);
    CHECK(peer.state == "alive");
    CHECK(peer.address == "[fd00::2]:4291");
    CHECK_FALSE(peer.version.empty());
    CHECK(two.engines[0].counts().cluster_size == 2);
    const auto& notices = two.outboxes[0].notices;
    CHECK(std::find(notices.begin(), notices.end(), "peer_alive b") != notices.end());

    for (int i = 0; i < 5; ++i) {
      CHECK(ask(two.engines[0], two.now).allowed);
      two.run(20);
      CHECK(ask(two.engines[1], two.now).allowed);
      two.run(600);
    }
    CHECK_FALSE(ask(two.engines[0], two.now).allowed);
    CHECK_FALSE(ask(two.engines[1], two.now).allowed);
    CHECK(two.engines[0].counts().allowed == 5);
    CHECK(two.engines[0].counts().denied == 1);

    two.engines[0].leave(two.now.monotonic_ns + 5000 * ms, two.now, two.outboxes[0]);
    CHECK(two.engines[0].state() == State::leaving);
    two.run(1000);
    CHECK(two.engines[0].state() == State::left);
    CHECK(two.engines[1].peers(two.now).front().state == "left");
  }

  TEST_CASE("an idle engine lets everything pass and takes nothing in") {
    Engine engine(options(1, "a"));
    Outbox outbox;
    CHECK(engine.state() == State::idle);
    CHECK(ask(engine, {}).allowed);
    CHECK(engine.on_datagram({}, Port::sync, {}, {}, outbox) == "idle");
    engine.on_tick({}, outbox);
    engine.on_resolved({}, {}, outbox);
    engine.leave(0, {}, outbox);
    CHECK(engine.next_deadline_ns() == never_ns);
    CHECK(engine.replace_rules("rules: []"));
    CHECK(engine.peers({}).empty());
    CHECK(engine.counts().counters_max == 0);
    CHECK(outbox.sent.empty());
  }

  TEST_CASE("what is wrong is said, and garbage has a reason") {
    Engine wrong(EngineOptions{.origin = 0});
    CHECK(wrong.start({}).message().starts_with("origin: "));
    Engine engine(options(1, "a"));
    REQUIRE_FALSE(engine.start({}));
    CHECK(engine.start({}).message().find("started before") != std::string::npos);
    Outbox outbox;
    const std::array<std::byte, 3> garbage{};
    CHECK(engine.on_datagram(*Endpoint::parse("10.0.0.9", 1), Port::sync, garbage, {}, outbox) ==
          "too_short");
    CHECK(engine.replace_rules("rules: 3").message().starts_with("rules:1:8: "));
  }

  TEST_CASE("a cluster of one is ready at once") {
    EngineOptions alone = options(1, "a");
    alone.has_neighborhood = false;
    Engine engine(std::move(alone));
    REQUIRE_FALSE(engine.start({}));
    CHECK(engine.state() == State::ready);
  }

  TEST_CASE("endpoints are read and written") {
    CHECK(Endpoint::parse("10.0.0.1", 5)->to_string() == "10.0.0.1:5");
    CHECK(Endpoint::parse("fd00::1", 5)->to_string() == "[fd00::1]:5");
    CHECK(Endpoint::parse("10.0.0.1", 5) == Endpoint::parse("::ffff:10.0.0.1", 5));
    CHECK_FALSE(Endpoint::parse("10.0.0", 5).has_value());
    CHECK_FALSE(Endpoint::parse("host", 5).has_value());
  }
}

}  // namespace starling::embed
