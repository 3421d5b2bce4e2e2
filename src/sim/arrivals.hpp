/// When and where the requests of an experiment come.
///
/// Poisson processes add up to a Poisson process: so one stream of random gaps serves the whole cluster, and
/// each request's node is drawn by weight. It has a generator of its own: experiments that differ in anything
/// else are offered the very same requests.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "base/random.hpp"
#include "base/time.hpp"
#include "sim/network.hpp"

namespace starling::sim {

/// Which node a request comes to, and when in the window.
enum class Spread : std::uint8_t {
  even,      ///< any node, any time
  zipf,      ///< node i has weight 1 / (i + 1)
  one_node,  ///< the first node has them all
  burst,     ///< any node, but a window's requests all come in its first tenth
};

constexpr std::string_view name(Spread spread) {
  switch (spread) {
    case Spread::even:
      return "even";
    case Spread::zipf:
      return "zipf";
    case Spread::one_node:
      return "one-node";
    case Spread::burst:
      return "burst";
  }
  return "unknown";
}

class Arrivals {
 public:
  struct Options {
    std::size_t nodes = 1;
    double per_second = 0;
    Spread spread = Spread::even;
    Duration window{};  ///< of a burst
    Instant begin;      ///< the start of a window
    std::uint64_t seed = 0;
  };
  explicit Arrivals(Options options);

  struct Arrival {
    Instant at = never;
    NodeIndex node = 0;
  };
  /// The next request; at `never` if there are none.
  Arrival next();

 private:
  Options options_;
  Random random_;
  double gap_mean_ns_ = 0;
  double active_ns_ = 0;            // since the start, without the pauses between bursts
  std::vector<double> cumulative_;  // weights of the nodes, added up; the last one is 1
};

}  // namespace starling::sim
