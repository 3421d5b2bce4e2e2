#include <fmt/format.h>

#include "support.hpp"

namespace starling::sim {

TEST_SUITE("sim.lifecycle") {
  TEST_CASE("a node killed and restarted at its address lowers no count, reuses none and gets its own back") {
    Simulation simulation(small_cluster(1, 3, 100, 7200));
    settle(simulation);
    for (int i = 0; i < 30; ++i) simulation.request(1, "alice");
    simulation.run_until(simulation.now() + seconds(2));
    const OriginId before = simulation.engine(1).origin();
    simulation.kill(1);
    simulation.run_until(simulation.now() + milliseconds(50));
    simulation.start(1);
    CHECK(simulation.engine(1).origin() != before);
    REQUIRE(simulation.run_until([&] { return simulation.engine(1).state() == EngineState::ready; },
                                 simulation.now() + seconds(5)));
    // Ready means that the counts are in, its former life's too, though that one is nobody's live peer any
    // more.
    CHECK(viewed(simulation, 1, "alice") == 30);
    for (int i = 0; i < 5; ++i) simulation.request(1, "alice");
    simulation.run_until(simulation.now() + seconds(2));
    for (NodeIndex node = 0; node < 3; ++node) CHECK(viewed(simulation, node, "alice") == 35);
    CHECK_MESSAGE(simulation.failure().empty(), simulation.failure());
  }

  TEST_CASE("a late joiner is ready only when it holds its peers' counts, many pages of them") {
    SimulationOptions options = small_cluster(2, 3, 100, 7200);
    options.engine.counters_max = 40'000;
    options.engine.components_max = 80'000;
    Simulation simulation(options);
    simulation.start(0);
    simulation.start(1);
    simulation.run_until(simulation.now() + seconds(3));
    constexpr int principals = 34'000;  // more pages from each than may be in flight
    for (int i = 0; i < principals; ++i)
      simulation.request(static_cast<NodeIndex>(i % 2), fmt::format("user-{}", i));
    simulation.run_until(simulation.now() + seconds(3));
    simulation.start(2);
    const Instant started = simulation.now();
    REQUIRE(simulation.run_until([&] { return simulation.engine(2).state() == EngineState::ready; },
                                 simulation.now() + seconds(5)));
    CHECK(simulation.now() - started < seconds(2));  // by the snapshot, not by the timeout
    CHECK(simulation.engine(2).counts().counters_used == principals);
    CHECK_MESSAGE(simulation.failure().empty(), simulation.failure());
  }

  TEST_CASE("with little egress a joiner waits for its pages, and a limit does not wait for the joiner") {
    SimulationOptions options = small_cluster(12, 3, 1000, 7200);
    options.engine.counters_max = 20'000;
    options.engine.components_max = 80'000;
    options.engine.egress_bytes_per_s = 50'000;
    Simulation simulation(options);
    simulation.start(0);
    simulation.start(1);
    simulation.run_until(simulation.now() + seconds(3));
    for (int i = 0; i < 10'000; ++i) simulation.request(0, fmt::format("user-{}", i));
    simulation.run_until(simulation.now() + seconds(30));
    REQUIRE(simulation.engine(1).counts().counters_used == 10'000);
    for (int i = 0; i < 500; ++i) simulation.request(static_cast<NodeIndex>(i % 2), "alice");
    simulation.run_until(simulation.now() + milliseconds(20));
    simulation.start(2);  // 160 kB of counts: more than three seconds
    simulation.run_until(simulation.now() + milliseconds(1000));
    REQUIRE(simulation.engine(2).counts().counters_used < 9000);
    Hits admitted = 500;
    while (simulation.request(0, "alice").value()) {
      ++admitted;
      simulation.run_until(simulation.now() + milliseconds(1));
      if (simulation.request(1, "alice").value()) ++admitted;
      simulation.run_until(simulation.now() + milliseconds(1));
    }
    CHECK(admitted <= 1002);
    const auto of = [&](Purpose purpose) {
      return simulation.engine(0).counts().sent[static_cast<std::size_t>(purpose)];
    };
    CHECK(of(Purpose::catch_up).deferred > 0);
    CHECK(simulation.run_until([&] { return simulation.engine(2).counts().counters_used == 10'001; },
                               simulation.now() + seconds(20)));
    CHECK_MESSAGE(simulation.failure().empty(), simulation.failure());
  }

  TEST_CASE("a graceful leave loses no hit, however few they were") {
    SimulationOptions options = small_cluster(3, 3, 1'000'000, 7200);
    options.engine.sync_interval = std::chrono::hours(1);  // only the leave can publish them
    Simulation simulation(options);
    settle(simulation);
    for (int i = 0; i < 7; ++i) simulation.request(2, "alice");
    simulation.run_until(simulation.now() + seconds(1));
    CHECK(viewed(simulation, 0, "alice") == 0);
    simulation.leave(2, seconds(5));
    REQUIRE(simulation.run_until([&] { return simulation.engine(2).state() == EngineState::left; },
                                 simulation.now() + seconds(6)));
    simulation.kill(2);
    simulation.run_until(simulation.now() + milliseconds(100));
    for (const NodeIndex node : {0, 1}) {
      CHECK(viewed(simulation, node, "alice") == 7);
      CHECK(simulation.engine(node).counts().nodes_count == 2);
    }
  }

  TEST_CASE("a leave with a silent peer ends at its deadline") {
    Simulation simulation(small_cluster(4, 2, 100, 7200));
    settle(simulation);
    simulation.network().partition(std::vector<std::vector<NodeIndex>>{{0}, {1}});
    simulation.request(0, "alice");
    simulation.leave(0, seconds(1));
    CHECK(simulation.run_until([&] { return simulation.engine(0).state() == EngineState::left; },
                               simulation.now() + seconds(2)));
  }

  TEST_CASE("nobody there: ready after the join timeout; nobody configured: at once") {
    SimulationOptions options = small_cluster(5, 2, 100, 10);
    Simulation simulation(options);
    simulation.start(0);
    CHECK(simulation.engine(0).state() == EngineState::joining);
    simulation.run_until(simulation.now() + milliseconds(2100));
    CHECK(simulation.engine(0).state() == EngineState::ready);
    EngineOptions alone;
    alone.origin = OriginId{7};
    alone.counters_max = 10;
    alone.components_max = 10;
    CHECK(Engine(alone, RuleSet::built_in(), Instant{}).state() == EngineState::ready);
  }

  TEST_CASE("a killed node is taken out of N within five seconds, and its counts stay") {
    Simulation simulation(small_cluster(6, 3, 100, 7200));
    settle(simulation);
    for (int i = 0; i < 10; ++i) simulation.request(2, "alice");
    simulation.run_until(simulation.now() + seconds(1));
    simulation.kill(2);
    CHECK(simulation.run_until([&] { return simulation.engine(0).counts().nodes_count == 2; },
                               simulation.now() + seconds(5)));
    CHECK(viewed(simulation, 0, "alice") == 10);
    simulation.run_until(simulation.now() + seconds(120));  // long after it was forgotten
    CHECK(viewed(simulation, 0, "alice") == 10);
  }

  TEST_CASE("old counts do not come back when a window ends") {
    Simulation simulation(small_cluster(7, 3, 50, 2));
    settle(simulation);
    const Instant end = simulation.now() + seconds(20);
    for (NodeIndex node = 0; node < 3; ++node) simulation.load(node, "alice", 100, end);
    simulation.run_until(end);
    REQUIRE_MESSAGE(simulation.failure().empty(), simulation.failure());
    std::size_t full_windows = 0;
    for (const auto& [key, entry] : simulation.ledger().entries()) {
      CHECK(entry.admitted <= 60);
      full_windows += entry.admitted >= 50 ? 1 : 0;
    }
    CHECK(full_windows >= 9);
    CHECK(simulation.engine(0).counts().counters_used <= 4);
  }

  TEST_CASE("a clock that is stepped, and stepped back within five seconds, lowers no count") {
    constexpr std::uint32_t window_s = 4;
    for (int step_ms = -4000; step_ms <= 8000; step_ms += 500) {
      CAPTURE(step_ms);
      Simulation simulation(small_cluster(9, 3, 1'000'000, window_s));
      settle(simulation);
      const Instant end = simulation.now() + seconds(20);
      for (NodeIndex node = 0; node < 3; ++node) simulation.load(node, "alice", 20, end);
      for (int i = 0; i < 3; ++i) {
        const Instant at =
            simulation.now() + milliseconds(1000 + 6300 * i);  // at different times of a window
        simulation.at(at, [&] { simulation.set_clock_skew(0, milliseconds(step_ms)); });
        simulation.at(at + milliseconds(4500), [&] { simulation.set_clock_skew(0, milliseconds(0)); });
      }
      simulation.run_until(end + seconds(1));
      CHECK_MESSAGE(simulation.failure().empty(), simulation.failure());
      // No window is kept for long on this account.
      simulation.run_until(end + seconds(3 * window_s));
      CHECK(simulation.engine(0).counts().counters_used <= 3);
    }
  }

  TEST_CASE("garbage and packets of another cluster change nothing and are counted by reason") {
    Simulation simulation(small_cluster(8, 2, 100, 7200));
    settle(simulation);
    for (int i = 0; i < 10; ++i) simulation.request(0, "alice");
    simulation.run_until(simulation.now() + seconds(1));
    const Endpoint stranger{Address::v4(10, 9, 9, 9), 4290};
    std::vector<std::byte> bytes(300);
    for (int i = 0; i < 2000; ++i) {
      for (std::byte& byte : bytes) byte = static_cast<std::byte>(simulation.random().next());
      CHECK_FALSE(
          simulation.inject(1, stranger, i % 2 == 0 ? Port::sync : Port::heartbeat, bytes).has_value());
    }
    wire::Encoder foreign(KeyedHash("another").cluster_tag());
    const auto outcome =
        simulation.inject(1, stranger, Port::sync, foreign.encode(wire::Pull{.sender = {1}, .origin = {2}}));
    REQUIRE_FALSE(outcome.has_value());
    CHECK(outcome.error().code == ErrorCode::wrong_cluster);
    CHECK(viewed(simulation, 1, "alice") == 10);
    const EngineCounts counts = simulation.engine(1).counts();
    CHECK(counts.dropped[static_cast<std::size_t>(ErrorCode::bad_magic)] == 2000);
    CHECK(counts.dropped[static_cast<std::size_t>(ErrorCode::wrong_cluster)] == 1);
    CHECK(counts.nodes_count == 2);
  }
}

}  // namespace starling::sim
