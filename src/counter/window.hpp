/// A window of time, aligned to the epoch: [id * length, (id + 1) * length).
#pragma once

#include <algorithm>
#include <chrono>
#include <compare>
#include <cstdint>
#include <utility>

#include "base/ids.hpp"
#include "base/time.hpp"

namespace starling {

inline constexpr std::uint32_t window_s_min = 1;
inline constexpr std::uint32_t window_s_max = 366U * 24 * 3600;  ///< a year

struct Window {
  std::uint32_t length_s = window_s_min;  ///< seconds, in [window_s_min, window_s_max]
  WindowId id{};

  static constexpr Window at(WallTime wall, std::uint32_t length_s) {
    return {length_s, WindowId{ms_since_epoch(wall) / (std::uint64_t{length_s} * 1000)}};
  }

  constexpr std::uint64_t length_ms() const { return std::uint64_t{length_s} * 1000; }
  constexpr std::uint64_t end_ms() const { return (id.value + 1) * length_ms(); }

  /// Milliseconds until the window ends, at least 1: a reset of 0 would invite a retry inside the window.
  constexpr std::uint64_t remaining_ms(WallTime wall) const {
    const std::uint64_t now_ms = ms_since_epoch(wall);
    return end_ms() > now_ms ? end_ms() - now_ms : 1;
  }

  friend constexpr auto operator<=>(const Window&, const Window&) = default;

  template <class H>
  friend H AbslHashValue(H state, const Window& window) {
    return H::combine(std::move(state), window.length_s, window.id);
  }
};

/// When counts of a window are taken in and kept.
///
/// A window is kept for one more length after its end (a sliding window weighs it) plus the clock skew
/// allowed between nodes; a window in the future is taken in while it is at most 1 + ceil(skew / length)
/// ahead.
struct WindowRetention {
  std::chrono::milliseconds skew_max{1000};

  constexpr std::uint64_t expires_ms(const Window& window) const {
    return window.end_ms() + window.length_ms() + static_cast<std::uint64_t>(skew_max.count());
  }

  /// Its counts are not needed any more. What `accepts` refuses is over or has not come yet.
  constexpr bool is_over(const Window& window, WallTime wall) const {
    if (window.length_s < window_s_min || window.length_s > window_s_max) return false;
    const std::uint64_t current = Window::at(wall, window.length_s).id.value;
    return window.id.value <= current && ms_since_epoch(wall) >= expires_ms(window);
  }

  constexpr bool accepts(const Window& window, WallTime wall) const {
    if (window.length_s < window_s_min || window.length_s > window_s_max) return false;
    const std::uint64_t current = Window::at(wall, window.length_s).id.value;
    const auto skew_ms = static_cast<std::uint64_t>(skew_max.count());
    const std::uint64_t ahead_max = 1 + (skew_ms + window.length_ms() - 1) / window.length_ms();
    // The bound on `id` comes first: it keeps the product in expires_ms from overflowing.
    return window.id.value <= current + ahead_max && ms_since_epoch(wall) < expires_ms(window);
  }
};

}  // namespace starling
