#include <algorithm>

#include "limiter/sliding_window.hpp"
#include "support.hpp"

namespace starling::sim {
namespace {

/// What the whole cluster has really admitted inside the last window length, by the same weighting.
Hits truly_used(Simulation& simulation, std::uint32_t window_s) {
  const WallTime wall = simulation.wall(0);
  const Window window = Window::at(wall, window_s);
  const auto admitted = [&](std::uint64_t id) {
    for (const auto& [key, entry] : simulation.ledger().entries())
      if (key.window_id == id) return entry.admitted;
    return Hits{0};
  };
  return admitted(window.id.value) + weighted_previous(admitted(window.id.value - 1), window, wall);
}

}  // namespace

TEST_SUITE("sim.sliding_window") {
  TEST_CASE("across many windows the cluster stays at the limit, at rollovers too") {
    for (const double load : {1.2, 10.0}) {
      SimulationOptions options = small_cluster(1, 5, 500, 2);
      options.rules.rules[0].algorithm = Algorithm::sliding_window;
      Simulation simulation(options);
      settle(simulation);
      const Instant start = simulation.now();
      const Instant end = start + seconds(20);
      for (NodeIndex node = 0; node < 5; ++node) simulation.load(node, "alice", 50 * load, end);
      Hits highest = 0;
      Hits lowest = hits_max;
      while (simulation.now() < end) {
        simulation.run_until(simulation.now() + milliseconds(5));
        const Hits used = truly_used(simulation, 2);
        highest = std::max(highest, used);
        if (simulation.now() > start + seconds(6)) lowest = std::min(lowest, used);
      }
      CAPTURE(load);
      CHECK(highest <= 510);  // fixed windows would let 1,000 pass around a rollover
      CHECK(lowest >= 480);
      CHECK_MESSAGE(simulation.failure().empty(), simulation.failure());
    }
  }

  TEST_CASE(
      "slow traffic whose hits are kept back at the end of a window is held to the limit in the next one") {
    // With a beat of an hour only the flush rule tells anybody anything.
    SimulationOptions options = small_cluster(2, 4, 100, 60);
    options.rules.rules[0].algorithm = Algorithm::sliding_window;
    options.engine.sync_interval = std::chrono::hours(1);
    Simulation simulation(options);
    settle(simulation);
    simulation.run_until(simulation.now() +
                         milliseconds(Window::at(simulation.wall(0), 60).remaining_ms(simulation.wall(0))));
    simulation.run_until(simulation.now() + seconds(59));
    Hits admitted = 0;
    for (int i = 0; i < 60; ++i) {
      admitted += simulation.request(static_cast<NodeIndex>(i % 4), "alice").value() ? 1 : 0;
      simulation.run_until(simulation.now() + milliseconds(5));
    }
    CHECK(admitted == 60);
    simulation.run_until(simulation.now() + seconds(1));  // the next window has begun
    for (int i = 0; i < 200; ++i) {
      simulation.request(static_cast<NodeIndex>(i % 4), "alice");
      simulation.run_until(simulation.now() + milliseconds(5));
    }
    CHECK(truly_used(simulation, 60) <= 101);
    CHECK(truly_used(simulation, 60) >= 98);
  }
}

}  // namespace starling::sim
