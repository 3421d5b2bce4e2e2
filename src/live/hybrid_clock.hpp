/// Which of two changes came later: a hybrid logical clock.
///
/// Wall clocks disagree, so the later of two changes may carry the earlier time, and would lose. A hybrid
/// clock never shows less than what it has heard: whoever has seen a change stamps the next one above it,
/// whatever its own wall clock says; only changes that knew nothing of each other are ordered by wall clocks,
/// and by origin where these are equal. So the order is total and the same everywhere, a clock that is
/// stepped back harms nothing, and a stamp still reads as a time.
///
/// The hard case is a clock far ahead, wrong or forged: a stamp of the year 2099 could not be overridden by
/// anybody for decades. So a stamp more than 24 hours ahead of the own wall clock is refused, and a clock
/// that finds itself that far ahead has been wrong and starts again from the wall.
///
/// Source: Kulkarni et al., "Logical Physical Clocks" (2014); CockroachDB refuses by the same rule, at 0.5 s.
#pragma once

#include <algorithm>
#include <chrono>
#include <compare>
#include <cstdint>
#include <limits>

#include "base/ids.hpp"
#include "base/time.hpp"

namespace starling {

/// When a change was made, and by whom: unique, and totally ordered.
struct Stamp {
  std::uint64_t wall_ms = 0;  ///< since the epoch, as the clock of that node showed it
  std::uint32_t logical = 0;  ///< counts changes within what the clock shows
  OriginId origin;

  friend auto operator<=>(const Stamp&, const Stamp&) = default;
};

class HybridClock {
 public:
  static constexpr std::uint64_t ahead_ms_max = std::chrono::milliseconds(std::chrono::hours(24)).count();

  explicit HybridClock(OriginId self) : self_(self) {}

  /// True if nobody should believe this stamp now.
  static bool is_too_far_ahead(const Stamp& stamp, WallTime wall) {
    return stamp.wall_ms > ms_since_epoch(wall) + ahead_ms_max;
  }

  /// The stamp of a change that is made now: above all that were made or heard here.
  Stamp next(WallTime wall) {
    const std::uint64_t now_ms = ms_since_epoch(wall);
    if (last_ms_ > now_ms + ahead_ms_max) last_ms_ = now_ms;  // the count goes on, so no stamp is used twice
    if (now_ms > last_ms_) {
      last_ms_ = now_ms;
      logical_ = 0;
    } else if (logical_ == std::numeric_limits<std::uint32_t>::max()) {
      ++last_ms_;
      logical_ = 0;
    } else {
      ++logical_;
    }
    return Stamp{last_ms_, logical_, self_};
  }

  /// Takes in a stamp of somebody else's. False, and nothing changes, if it is too far ahead.
  bool hear(const Stamp& stamp, WallTime wall) {
    if (is_too_far_ahead(stamp, wall)) return false;
    if (stamp.wall_ms > last_ms_) {
      last_ms_ = stamp.wall_ms;
      logical_ = stamp.logical;
    } else if (stamp.wall_ms == last_ms_) {
      logical_ = std::max(logical_, stamp.logical);
    }
    return true;
  }

 private:
  OriginId self_;
  std::uint64_t last_ms_ = 0;
  std::uint32_t logical_ = 0;
};

}  // namespace starling
