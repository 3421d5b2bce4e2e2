/// Time as a value. The core never asks for the time: it is told.
///
/// `Instant` is monotonic and measures how long; `WallTime` is the clock on the wall and picks windows. They
/// are different types, so that one can never be passed for the other, and neither clock has a `now()`.
#pragma once

#include <chrono>
#include <cstdint>

namespace starling {

struct MonotonicClock {
  using rep = std::int64_t;
  using period = std::nano;
  using duration = std::chrono::nanoseconds;
  using time_point = std::chrono::time_point<MonotonicClock>;
  static constexpr bool is_steady = true;
};

struct WallClock {
  using rep = std::int64_t;
  using period = std::milli;
  using duration = std::chrono::milliseconds;
  using time_point = std::chrono::time_point<WallClock>;
  static constexpr bool is_steady = false;
};

using Duration = MonotonicClock::duration;   ///< nanoseconds
using Instant = MonotonicClock::time_point;  ///< nanoseconds since an arbitrary start
using WallTime = WallClock::time_point;      ///< milliseconds since 1970-01-01 UTC

inline constexpr Instant never = Instant::max();

inline constexpr std::uint64_t ms_since_epoch(WallTime wall) {
  const auto ms = wall.time_since_epoch().count();
  return ms < 0 ? 0 : static_cast<std::uint64_t>(ms);
}

}  // namespace starling
