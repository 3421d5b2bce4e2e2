/// How often something took how long: counts by fixed upper bounds, and the sum of all.
///
/// Made for paths that are hot: the memory is taken at construction, and to observe is to look through a few
/// bounds, the small ones first, since most things are quick.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/time.hpp"

namespace starling {

class DurationHistogram {
 public:
  /// `bounds` ascend; what is above the last one is counted all the same.
  explicit DurationHistogram(std::span<const Duration> bounds)
      : bounds_(bounds.begin(), bounds.end()), counts_(bounds.size() + 1) {}

  /// No allocation. A duration on a bound counts as within it; a negative one, of a clock that erred, as 0.
  void observe(Duration duration) {
    std::size_t bound = 0;
    while (bound < bounds_.size() && duration > bounds_[bound]) ++bound;
    ++counts_[bound];
    if (duration > Duration::zero()) sum_ += duration;
  }

  const std::vector<Duration>& bounds() const { return bounds_; }
  /// By bound, not cumulative; one more than there are bounds.
  const std::vector<std::uint64_t>& counts() const { return counts_; }
  Duration sum() const { return sum_; }

 private:
  std::vector<Duration> bounds_;
  std::vector<std::uint64_t> counts_;
  Duration sum_{};
};

}  // namespace starling
