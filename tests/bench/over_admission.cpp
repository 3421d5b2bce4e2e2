// Prints the over-admission of a simulated cluster as JSON; with arguments: nodes limit load loss seed
// windows. The same question as in README: 10 nodes, limit 1000 per 1 s, offered 10x, one-way delay 0.5 ms.
#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <vector>

#include "sim/simulation.hpp"

using namespace starling;

int main(int argc, char** argv) {
  const auto argument = [&](int index, double otherwise) {
    return argc > index ? std::atof(argv[index]) : otherwise;
  };
  const auto nodes = static_cast<std::size_t>(argument(1, 10));
  const auto limit = static_cast<Hits>(argument(2, 1000));
  const double load = argument(3, 10);
  const double loss = argument(4, 0);
  const auto seed = static_cast<std::uint64_t>(argument(5, 1));
  const auto windows = static_cast<std::uint64_t>(argument(6, 30));

  sim::SimulationOptions options;
  options.seed = seed;
  options.nodes = nodes;
  options.check_every_step = false;
  options.link.loss = loss;
  options.rules.rules[0].limits = {Limit{.requests = limit, .window_s = 1}};
  options.engine.counters_max = 1000;
  options.engine.components_max = 100'000;
  sim::Simulation simulation(options);
  simulation.start_all();
  simulation.run_until(simulation.now() + std::chrono::seconds(5));
  const std::uint64_t packets_before = simulation.datagrams_sent();
  const Instant end = simulation.now() + std::chrono::seconds(windows);
  const double per_node = static_cast<double>(limit) * load / static_cast<double>(nodes);
  for (sim::NodeIndex node = 0; node < nodes; ++node) simulation.load(node, "p", per_node, end);
  simulation.run_until(end);

  std::vector<double> over;
  std::uint64_t false_rejections = 0;
  std::uint64_t offered = 0;
  for (const auto& [key, entry] : simulation.ledger().entries()) {
    over.push_back(100.0 * static_cast<double>(saturating_sub(entry.admitted, limit)) /
                   static_cast<double>(limit));
    false_rejections += entry.false_rejections;
    offered += entry.offered;
  }
  std::sort(over.begin(), over.end());
  double sum = 0;
  for (const double value : over) sum += value;
  fmt::print(
      "{{\"nodes\": {}, \"limit\": {}, \"load\": {}, \"loss\": {}, \"windows\": {}, \"over_admission_pct\": "
      "{{\"mean\": {:.3f}, \"p50\": {:.3f}, \"max\": {:.3f}}}, \"false_rejection_pct\": {:.4f}, "
      "\"packets_per_node_per_window\": {:.1f}}}\n",
      nodes, limit, load, loss, over.size(), sum / static_cast<double>(over.size()), over[over.size() / 2],
      over.back(),
      100.0 * static_cast<double>(false_rejections) /
          static_cast<double>(std::max<std::uint64_t>(offered, 1)),
      static_cast<double>(simulation.datagrams_sent() - packets_before) / static_cast<double>(nodes) /
          static_cast<double>(windows));
  return over.empty() ? 1 : 0;
}
