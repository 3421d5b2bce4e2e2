#include "limiter/sliding_window.hpp"

#include <algorithm>

namespace starling {
namespace {

/// Hits times milliseconds: more than 64 bits.
__extension__ using Wide = unsigned __int128;

/// ceil(a * b / divisor)
std::uint64_t multiply_divide_up(std::uint64_t a, std::uint64_t b, std::uint64_t divisor) {
  return static_cast<std::uint64_t>((Wide{a} * b + divisor - 1) / divisor);
}

}  // namespace

Hits weighted_previous(Hits previous, const Window& window, WallTime wall) {
  if (previous == 0) return 0;
  // A clock that has stepped out of the window sees it at its end, or its whole predecessor.
  const std::uint64_t left_ms =
      std::min(window.end_ms() - std::min(window.end_ms(), ms_since_epoch(wall)), window.length_ms());
  return multiply_divide_up(previous, left_ms, window.length_ms());
}

std::uint64_t sliding_wait_ms(const SlidingCounts& counts, Hits wanted, const Window& window, WallTime wall) {
  const std::uint64_t length_ms = window.length_ms();
  const std::uint64_t left_ms = window.remaining_ms(wall);
  const auto until_left = [&](Hits shrinking, Hits allowed) {
    // The longest tail of a window of which no more than `allowed` of `shrinking` hits count.
    return shrinking <= allowed ? length_ms
                                : static_cast<std::uint64_t>(Wide{allowed} * length_ms / shrinking);
  };
  if (counts.current <= wanted) {
    const std::uint64_t tail_ms = until_left(counts.previous, wanted - counts.current);
    return std::max<std::uint64_t>(left_ms > tail_ms ? left_ms - tail_ms : 0, 1);
  }
  // Not in this window: in the next one today's hits are the ones that slide out.
  return left_ms + length_ms - until_left(counts.current, wanted);
}

}  // namespace starling
