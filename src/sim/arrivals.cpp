#include "sim/arrivals.hpp"

#include <algorithm>
#include <cmath>

namespace starling::sim {
namespace {

constexpr double burst_share = 0.1;  // of the window

double weight(Spread spread, std::size_t node) {
  switch (spread) {
    case Spread::zipf:
      return 1.0 / static_cast<double>(node + 1);
    case Spread::one_node:
      return node == 0 ? 1.0 : 0.0;
    case Spread::even:
    case Spread::burst:
      return 1.0;
  }
  return 1.0;
}

}  // namespace

Arrivals::Arrivals(Options options) : options_(options), random_(options.seed) {
  double sum = 0;
  for (std::size_t node = 0; node < options_.nodes; ++node)
    cumulative_.push_back(sum += weight(options_.spread, node));
  for (double& value : cumulative_) value /= sum;
  gap_mean_ns_ = 1e9 / options_.per_second;
  if (options_.spread == Spread::burst) gap_mean_ns_ *= burst_share;
}

Arrivals::Arrival Arrivals::next() {
  if (!(options_.per_second > 0)) return {};
  active_ns_ += -std::log(1.0 - random_.unit()) * gap_mean_ns_;
  double after_ns = active_ns_;
  if (options_.spread == Spread::burst) {
    const double burst_ns = burst_share * static_cast<double>(options_.window.count());
    const double bursts = std::floor(active_ns_ / burst_ns);
    after_ns = bursts * static_cast<double>(options_.window.count()) + (active_ns_ - bursts * burst_ns);
  }
  const auto chosen = std::upper_bound(cumulative_.begin(), cumulative_.end(), random_.unit());
  const auto node = std::min(static_cast<std::size_t>(chosen - cumulative_.begin()), options_.nodes - 1);
  return Arrival{.at = options_.begin + Duration(static_cast<std::int64_t>(after_ns)), .node = node};
}

}  // namespace starling::sim
