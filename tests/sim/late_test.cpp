#include "support.hpp"

namespace starling::sim {
namespace {

/// All of them, as on a node that has thousands of callers.
SimulationOptions all_are_late(std::uint64_t seed, std::uint32_t window_s) {
  SimulationOptions options = small_cluster(seed, 2, 1000, window_s);
  options.engine.late_per_beat_min = 0;
  return options;
}

}  // namespace

TEST_SUITE("sim.late") {
  TEST_CASE(
      "what may wait for beats with a fixed window is told with the next one where it weighs on later "
      "windows") {
    for (const Algorithm algorithm : {Algorithm::fixed_window, Algorithm::sliding_window}) {
      SimulationOptions options = all_are_late(3, 3600);
      options.rules.rules[0].algorithm = algorithm;
      Simulation simulation(options);
      settle(simulation);
      CHECK(simulation.request(0, "alice").value());
      simulation.run_until(simulation.now() + milliseconds(600));
      CHECK(viewed(simulation, 1, "alice") == (algorithm == Algorithm::sliding_window ? 1 : 0));
      simulation.run_until(simulation.now() + seconds(4));
      CHECK(viewed(simulation, 1, "alice") == 1);
    }
  }

  TEST_CASE("hits of short windows are told while others still take them in") {
    Simulation simulation(all_are_late(4, 1));
    settle(simulation);
    for (int second = 0; second < 20; ++second) {
      const WallTime wall = simulation.wall(0);
      const Window window = Window::at(wall, 1);
      CHECK(simulation.request(0, "alice").value());
      simulation.run_until(simulation.now() + milliseconds(window.remaining_ms(wall) + 900));
      CHECK(viewed(simulation, 1, "alice", window.id.value) == 1);
    }
  }
}

}  // namespace starling::sim
