#include "sim/network.hpp"

namespace starling::sim {

Duration Network::draw_delay() {
  Duration delay = options_.delay;
  if (options_.jitter > Duration::zero())
    delay += Duration(
        static_cast<std::int64_t>(random_.below(static_cast<std::uint64_t>(options_.jitter.count()))));
  if (options_.reordering > 0 && random_.chance(options_.reordering)) delay += options_.reordering_delay;
  return delay;
}

std::vector<Duration> Network::fate(NodeIndex from, NodeIndex to) {
  if (is_cut(from, to)) return {};
  if (options_.loss > 0 && random_.chance(options_.loss)) return {};
  std::vector<Duration> delays{draw_delay()};
  if (options_.duplication > 0 && random_.chance(options_.duplication)) delays.push_back(draw_delay());
  return delays;
}

void Network::partition(std::span<const std::vector<NodeIndex>> groups) {
  for (std::size_t a = 0; a < groups.size(); ++a)
    for (std::size_t b = 0; b < groups.size(); ++b)
      if (a != b)
        for (const NodeIndex from : groups[a])
          for (const NodeIndex to : groups[b]) cut(from, to);
}

}  // namespace starling::sim
