/// A network that is bad on purpose, from a seed.
///
/// For each datagram it draws its fate: lost, delivered once, delivered twice, and when. Links can be cut in
/// one direction or both; a partition is a set of cut links.
#pragma once

#include <cstdint>
#include <set>
#include <span>
#include <utility>
#include <vector>

#include "base/random.hpp"
#include "base/time.hpp"
#include "sim/event_queue.hpp"

namespace starling::sim {

struct LinkOptions {
  Duration delay = std::chrono::microseconds(500);  ///< one way
  Duration jitter{};       ///< up to this much more, drawn evenly; enough of it reorders
  double loss = 0;         ///< share of datagrams that vanish
  double duplication = 0;  ///< share that arrives twice
  double reordering = 0;   ///< share that is held up by `reordering_delay`
  Duration reordering_delay = std::chrono::milliseconds(20);
};

class Network {
 public:
  Network(LinkOptions options, Random& random) : options_(options), random_(random) {}

  /// When the copies of a datagram sent now arrive, as delays; empty: it is lost.
  std::vector<Duration> fate(NodeIndex from, NodeIndex to);

  void set_options(LinkOptions options) { options_ = options; }
  const LinkOptions& options() const { return options_; }

  void cut(NodeIndex from, NodeIndex to) { cut_.emplace(from, to); }
  /// Cuts both directions between every two nodes that are not in the same group.
  void partition(std::span<const std::vector<NodeIndex>> groups);
  void heal() { cut_.clear(); }
  bool is_cut(NodeIndex from, NodeIndex to) const { return cut_.contains({from, to}); }

 private:
  Duration draw_delay();

  LinkOptions options_;
  Random& random_;
  std::set<std::pair<NodeIndex, NodeIndex>> cut_;
};

}  // namespace starling::sim
