/// Small clusters for the simulation tests.
#pragma once

#include <doctest/doctest.h>

#include <optional>

#include "sim/simulation.hpp"

namespace starling::sim {

using std::chrono::milliseconds;
using std::chrono::seconds;

inline SimulationOptions small_cluster(std::uint64_t seed, std::size_t nodes, Hits limit,
                                       std::uint32_t window_s) {
  SimulationOptions options;
  options.seed = seed;
  options.nodes = nodes;
  options.rules.rules[0].limits = {Limit{.requests = limit, .window_s = window_s}};
  options.engine.counters_max = 2000;
  options.engine.components_max = 40'000;
  return options;
}

/// Starts all nodes and lets them find each other.
inline void settle(Simulation& simulation) {
  simulation.start_all();
  const bool found = simulation.run_until(
      [&] {
        for (NodeIndex node = 0; node < simulation.nodes_count(); ++node)
          if (simulation.engine(node).counts().nodes_count != simulation.nodes_count() ||
              simulation.engine(node).state() != EngineState::ready)
            return false;
        return true;
      },
      simulation.now() + seconds(10));
  REQUIRE_MESSAGE(found, "the nodes did not find each other");
}

/// Hits of all origins for `principal` in the current window, or the one given, as `node` sees them.
inline Hits viewed(Simulation& simulation, NodeIndex node, std::string_view principal,
                   std::optional<std::uint64_t> window_id = {}) {
  const Entry entry{.key = "principal", .value = principal};
  const Descriptor descriptor{.entries = std::span(&entry, 1)};
  Hits total = 0;
  for (const CounterView& view : simulation.engine(node).counters(
           Request{.descriptors = std::span(&descriptor, 1)}, simulation.wall(node)))
    if (view.window_id == window_id.value_or(Window::at(simulation.wall(node), view.window_s).id.value))
      total += view.total;
  return total;
}

}  // namespace starling::sim
