/// How long after a hit was admitted does every node know of it?
///
/// A few hits of each window are watched: from their admission until the last node's view holds as many hits
/// of that origin. Looked at when a packet arrives, not by polling: a view changes at no other time. What has
/// not arrived by the end counts as infinitely late, so that losses show in the percentiles instead of
/// vanishing.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/random.hpp"
#include "sim/simulation.hpp"

namespace starling::sim {

class Convergence {
 public:
  struct Options {
    std::uint32_t per_window = 10;     ///< hits to watch, about
    double admitted_per_window = 0;    ///< expected, to choose them evenly
    double near_limit_per_window = 0;  ///< expected of those that count as near the limit
    std::uint64_t seed = 0;
  };
  explicit Convergence(Options options) : options_(options), random_(options.seed) {}

  struct Hit {
    NodeIndex node = 0;
    std::uint64_t window_id = 0;
    Hits own = 0;             ///< what that node has admitted in the window, this hit included
    bool near_limit = false;  ///< little of the limit is left
  };
  void on_admitted(Simulation& simulation, std::string_view principal, const Hit& hit);
  void on_delta(Simulation& simulation, NodeIndex from, NodeIndex to);

  /// Nearest-rank percentiles in ms; nothing where no hit was watched, or so many did not arrive.
  struct Percentiles {
    std::uint64_t watched = 0;
    std::optional<double> p50;
    std::optional<double> p99;
  };
  Percentiles all() const { return percentiles(all_ms_, missing(false)); }
  Percentiles near_limit() const { return percentiles(near_limit_ms_, missing(true)); }

 private:
  struct Watched {
    Hit hit;
    bool in_all = false;
    bool in_near_limit = false;
    Instant admitted;
    std::string principal;
    std::vector<bool> knows;
    std::size_t ignorant_count = 0;
  };

  bool draw(double per_window);
  void finish(const Watched& watched, Instant now);
  std::uint64_t missing(bool near_limit) const;
  static Percentiles percentiles(std::vector<double> values, std::uint64_t missing);

  Options options_;
  Random random_;
  std::vector<Watched> watched_;
  std::vector<double> all_ms_;
  std::vector<double> near_limit_ms_;
};

}  // namespace starling::sim
