/// Randomness from a seed, so that a run can be repeated bit for bit.
///
/// The engine of the standard library is specified to the bit, its distributions are not; so the few that we
/// need are here.
#pragma once

#include <cstdint>
#include <random>

#include "base/time.hpp"

namespace starling {

class Random {
 public:
  explicit Random(std::uint64_t seed) : engine_(seed) {}

  std::uint64_t next() { return engine_(); }

  /// A number in [0, bound); 0 if `bound` is 0. The bias, below bound / 2^64, is of no consequence here.
  std::uint64_t below(std::uint64_t bound) { return bound == 0 ? 0 : engine_() % bound; }

  /// A number in [0, 1).
  double unit() { return static_cast<double>(engine_() >> 11) * 0x1.0p-53; }

  bool chance(double probability) { return unit() < probability; }

  /// `mean`, give or take up to `share` of it: jitter, so that nodes do not act in step.
  Duration jittered(Duration mean, double share) {
    const double factor = 1.0 + share * (2.0 * unit() - 1.0);
    return Duration(static_cast<std::int64_t>(static_cast<double>(mean.count()) * factor));
  }

 private:
  std::mt19937_64 engine_;
};

}  // namespace starling
