#include <algorithm>
#include <vector>

#include "support.hpp"

namespace starling::sim {
namespace {

/// Admissions of every full window under steady load, in percent of the limit.
std::vector<double> admitted_pct(const SimulationOptions& options, double load, int windows) {
  Simulation simulation(options);
  settle(simulation);
  const Limit limit = options.rules.rules[0].limits[0];
  // Begin at the start of a window, so that every window is a full one.
  simulation.run_until(
      simulation.now() +
      milliseconds(Window::at(simulation.wall(0), limit.window_s).remaining_ms(simulation.wall(0))));
  const Instant end = simulation.now() + seconds(limit.window_s) * windows - milliseconds(1);
  const double per_node =
      static_cast<double>(limit.requests) * load / limit.window_s / static_cast<double>(options.nodes);
  for (NodeIndex node = 0; node < options.nodes; ++node) simulation.load(node, "alice", per_node, end);
  simulation.run_until(end);
  REQUIRE_MESSAGE(simulation.failure().empty(), simulation.failure());
  std::vector<double> admitted;
  for (const auto& [key, entry] : simulation.ledger().entries())
    admitted.push_back(100.0 * static_cast<double>(entry.admitted) / static_cast<double>(entry.limit));
  REQUIRE(admitted.size() == static_cast<std::size_t>(windows));
  return admitted;
}

double mean(const std::vector<double>& values) {
  double sum = 0;
  for (const double value : values) sum += value;
  return sum / static_cast<double>(values.size());
}

}  // namespace

TEST_SUITE("sim.over_admission") {
  TEST_CASE("ten nodes at ten times the limit stay within 1.2 % of it on average and 3 % in any window") {
    SimulationOptions options = small_cluster(1, 10, 1000, 1);
    options.check_every_step = false;
    const auto admitted = admitted_pct(options, 10, 30);
    CHECK(mean(admitted) <= 101.2);
    CHECK(*std::max_element(admitted.begin(), admitted.end()) <= 103.0);
    CHECK(*std::min_element(admitted.begin(), admitted.end()) >= 100.0);
  }

  TEST_CASE("the same holds with the invariant checked after every step") {
    const auto admitted = admitted_pct(small_cluster(2, 5, 200, 1), 10, 5);
    CHECK(mean(admitted) <= 103.0);
    CHECK(*std::min_element(admitted.begin(), admitted.end()) >= 100.0);
  }

  TEST_CASE("below the limit nothing is rejected") {
    SimulationOptions options = small_cluster(3, 10, 1000, 1);
    options.check_every_step = false;
    Simulation simulation(options);
    settle(simulation);
    const Instant end = simulation.now() + seconds(20);
    for (NodeIndex node = 0; node < 10; ++node) simulation.load(node, "alice", 80, end);
    simulation.run_until(end);
    for (const auto& [key, entry] : simulation.ledger().entries()) CHECK(entry.false_rejections == 0);
  }

  TEST_CASE("slow traffic spread over the nodes is admitted exactly up to the limit") {
    // Each request comes after the last one's packets: hits held back far from the limit must come out in
    // time.
    Simulation simulation(small_cluster(4, 3, 100, 3600));
    settle(simulation);
    Hits admitted = 0;
    for (int i = 0; i < 150; ++i) {
      admitted += simulation.request(static_cast<NodeIndex>(i / 50), "alice").value() ? 1 : 0;
      simulation.run_until(simulation.now() + milliseconds(5));
    }
    CHECK(admitted == 100);
    CHECK_MESSAGE(simulation.failure().empty(), simulation.failure());
  }

  TEST_CASE("a burst on all nodes at once is over-admitted by no more than what the nodes cannot know") {
    Simulation simulation(small_cluster(5, 4, 100, 3600));
    settle(simulation);
    Hits admitted = 0;
    for (int i = 0; i < 100; ++i)
      for (NodeIndex node = 0; node < 4; ++node)
        admitted += simulation.request(node, "alice").value() ? 1 : 0;
    CHECK(admitted == 400);  // no time has passed: no node can know of another's hits
    simulation.run_until(simulation.now() + milliseconds(5));
    for (NodeIndex node = 0; node < 4; ++node) CHECK_FALSE(simulation.request(node, "alice").value());
    CHECK_MESSAGE(simulation.failure().empty(), simulation.failure());
  }
}

}  // namespace starling::sim
