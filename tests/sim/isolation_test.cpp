#include <algorithm>
#include <vector>

#include "support.hpp"

namespace starling::sim {
namespace {

SimulationOptions cluster_with(WhenIsolated policy, std::size_t nodes, Hits limit, std::uint32_t window_s,
                               std::uint64_t seed = 1) {
  SimulationOptions options = small_cluster(seed, nodes, limit, window_s);
  options.rules.rules[0].when_isolated = policy;
  return options;
}

void divide(Simulation& simulation, const std::vector<std::vector<NodeIndex>>& groups) {
  simulation.network().partition(groups);
  // Until a silence means death both sides go on by what they last saw.
  simulation.run_until(simulation.now() + seconds(4));
}

/// Loads all nodes for some whole windows and returns what all of them together admitted in each.
std::vector<Hits> admitted_per_window(Simulation& simulation, double load, int windows) {
  const Limit limit{simulation.engine(0).rules().rules[0].limits[0]};
  simulation.run_until(
      simulation.now() +
      milliseconds(Window::at(simulation.wall(0), limit.window_s).remaining_ms(simulation.wall(0))));
  const std::uint64_t first = Window::at(simulation.wall(0), limit.window_s).id.value;
  const Instant end = simulation.now() + seconds(limit.window_s) * windows - milliseconds(1);
  const double per_node = static_cast<double>(limit.requests) * load / limit.window_s /
                          static_cast<double>(simulation.nodes_count());
  for (NodeIndex node = 0; node < simulation.nodes_count(); ++node)
    simulation.load(node, "alice", per_node, end);
  simulation.run_until(end);
  std::vector<Hits> admitted;
  for (const auto& [key, entry] : simulation.ledger().entries())
    if (key.window_id >= first) admitted.push_back(entry.admitted);
  REQUIRE(admitted.size() == static_cast<std::size_t>(windows));
  return admitted;
}

int admitted_of(Simulation& simulation, NodeIndex node, int offered) {
  int admitted = 0;
  for (int i = 0; i < offered; ++i) admitted += simulation.request(node, "alice").value() ? 1 : 0;
  return admitted;
}

}  // namespace

TEST_SUITE("sim.isolation") {
  TEST_CASE("share: all parts together stay at or below the limit, and use nearly all of it") {
    for (const Hits limit : {Hits{1000}, Hits{100}, Hits{7}})
      for (const double load : {1.0, 10.0, 100.0}) {
        CAPTURE(limit);
        CAPTURE(load);
        Simulation simulation(cluster_with(WhenIsolated::share, 5, limit, 1));
        settle(simulation);
        divide(simulation, {{0, 1}, {2, 3}, {4}});
        const Hits shares = 2 * (limit * 2 / 5) + limit / 5;  // whole hits only
        for (const Hits admitted : admitted_per_window(simulation, load, 5)) {
          CHECK(admitted <= limit);
          if (load > 1) CHECK(admitted * 100 >= shares * 70);
        }
        simulation.network().heal();
        simulation.run_until(simulation.now() + seconds(8));
        for (const Hits admitted : admitted_per_window(simulation, 10, 3)) CHECK(admitted >= limit);
      }
  }

  TEST_CASE("share: what was admitted before the cluster fell apart counts") {
    Simulation simulation(cluster_with(WhenIsolated::share, 4, 100, 7200));
    settle(simulation);
    CHECK(admitted_of(simulation, 0, 60) == 60);
    simulation.run_until(simulation.now() + seconds(1));
    divide(simulation, {{0, 1}, {2, 3}});
    for (NodeIndex node = 0; node < 4; ++node) CHECK(admitted_of(simulation, node, 100) == 0);  // 60 > 50
    simulation.network().heal();
    simulation.run_until(simulation.now() + seconds(8));
    int admitted = 0;
    for (int i = 0; i < 100; ++i) {
      admitted += admitted_of(simulation, static_cast<NodeIndex>(i % 4), 1);
      simulation.run_until(simulation.now() + milliseconds(3));
    }
    CHECK(admitted == 40);
  }

  TEST_CASE("share: a node that left is not missed, one that was killed is until DNS drops it") {
    Simulation simulation(cluster_with(WhenIsolated::share, 3, 90, 7200));
    settle(simulation);
    simulation.leave(2, seconds(2));
    REQUIRE(simulation.run_until([&] { return simulation.engine(2).state() == EngineState::left; },
                                 simulation.now() + seconds(3)));
    simulation.kill(2);
    simulation.run_until(simulation.now() + seconds(1));
    CHECK(admitted_of(simulation, 0, 1) == 1);
    simulation.kill(1);
    simulation.run_until(simulation.now() + seconds(4));
    CHECK(admitted_of(simulation, 0, 100) == 44);  // 45 of 90, one of them above
    simulation.list_in_dns({0});
    CHECK(admitted_of(simulation, 0, 100) == 45);
  }

  TEST_CASE("local: every part holds the whole limit") {
    Simulation simulation(cluster_with(WhenIsolated::local, 4, 200, 1));
    settle(simulation);
    divide(simulation, {{0, 1}, {2, 3}});
    for (const Hits admitted : admitted_per_window(simulation, 10, 3)) {
      CHECK(admitted >= 400);
      CHECK(admitted <= 420);
    }
  }

  TEST_CASE("learning and deny are for a node that is all alone, and end with it") {
    for (const WhenIsolated policy : {WhenIsolated::learning, WhenIsolated::deny}) {
      Simulation simulation(cluster_with(policy, 3, 10, 7200));
      settle(simulation);
      divide(simulation, {{0, 1}, {2}});
      const int expected = policy == WhenIsolated::learning ? 30 : 0;
      CHECK(admitted_of(simulation, 2, 30) == expected);
      CHECK(admitted_of(simulation, 0, 30) == 10);
      simulation.network().heal();
      simulation.run_until(simulation.now() + seconds(8));
      CHECK(admitted_of(simulation, 2, 30) == 0);
      CHECK(viewed(simulation, 0, "alice") == 10 + static_cast<Hits>(expected));
    }
  }

  TEST_CASE("a node that DNS lists alone, or that nobody has told of others, is not isolated") {
    SimulationOptions options = cluster_with(WhenIsolated::deny, 2, 10, 7200);
    Simulation simulation(options);
    simulation.list_in_dns({0});
    simulation.start(0);
    simulation.run_until(simulation.now() + seconds(3));
    CHECK(admitted_of(simulation, 0, 30) == 10);
  }
}

}  // namespace starling::sim
