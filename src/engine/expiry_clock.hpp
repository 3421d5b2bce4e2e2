/// The wall clock by which windows are dropped: the slowest that was seen in the last five seconds.
///
/// Wall clocks are stepped, by people and by NTP, and stepped back. If a step forward dropped the windows
/// that it seems to have ended, a step back would let this node count in them again from nothing, under the
/// same origin; the others, who take the larger of two counts, would not see those hits. So a faster clock is
/// believed only when it has been so for a while, a slower one at once: what is kept too long does no harm.
///
/// A clock that is wrong for longer than that does drop windows, and one set back by more than a window's
/// retention (its length and a second after its end) finds them gone.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>

#include "base/time.hpp"

namespace starling {

class ExpiryClock {
 public:
  /// What time it is for windows to end. Call at least once a second.
  WallTime at(Instant now, WallTime wall) {
    const auto now_ms = std::chrono::duration_cast<WallClock::duration>(now.time_since_epoch());
    const WallClock::duration ahead = wall.time_since_epoch() - now_ms;
    const std::int64_t second = std::chrono::duration_cast<std::chrono::seconds>(now_ms).count();
    Slowest& current = last_[static_cast<std::size_t>(second) % last_.size()];
    current =
        current.second == second ? Slowest{second, std::min(current.ahead, ahead)} : Slowest{second, ahead};
    WallClock::duration slowest = ahead;
    for (const Slowest& seen : last_)
      if (second - seen.second < static_cast<std::int64_t>(last_.size()))
        slowest = std::min(slowest, seen.ahead);
    return WallTime(now_ms + slowest);
  }

 private:
  /// Of one second: by how much the wall clock was ahead of the monotonic one, at least.
  struct Slowest {
    std::int64_t second = -1'000'000;
    WallClock::duration ahead{};
  };
  std::array<Slowest, 6> last_{};  // the current second has only begun
};

}  // namespace starling
