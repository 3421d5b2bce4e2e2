/// Sliding windows out of aligned ones: the last window length is the current window and the tail of the one
/// before, of which we know only how many hits it had. They are taken to be spread evenly over it, so the
/// tail counts for its share of them.
///
/// Source: the approximation of Kong, Cloudflare and Envoy's local limiters; `design.md` section 3.
#pragma once

#include "base/ids.hpp"
#include "base/time.hpp"
#include "counter/window.hpp"

namespace starling {

/// Hits of the window before `window` that are still inside the last window length at `wall`, rounded up.
Hits weighted_previous(Hits previous, const Window& window, WallTime wall);

struct SlidingCounts {
  Hits previous = 0;
  Hits current = 0;
};
/// Milliseconds, at least 1, until no more than `wanted` of these counts are inside the last window length,
/// if nothing is added meanwhile.
std::uint64_t sliding_wait_ms(const SlidingCounts& counts, Hits wanted, const Window& window, WallTime wall);

}  // namespace starling
