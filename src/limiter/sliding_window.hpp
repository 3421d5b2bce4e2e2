/// Sliding windows out of aligned ones: the last window length is the current window and the tail of the one
/// before, of which we know only how many hits it had. They are taken to be spread evenly over it, so the
/// tail counts for its share of them.
///
/// How wrong can that be? Let a window of length L admit up to `limit`, and look at any interval of length
/// s <= L that ends at an admission, the share e of the current window being over. C hits of the current
/// window and P of the one before were admitted by then, and the admission at the end passed the test
///
///     C + ceil(P * (1 - e)) <= limit,    so    C + P <= limit + P * e.
///
/// The interval has at most the C hits and, if it reaches back into the window before (e < s / L), the P. The
/// window before admitted no more than `limit` either. So
///
///     hits in any interval of length s  <=  limit * (1 + min(e, s / L))  <=  limit * (1 + s / L):
///
/// a token bucket that holds `limit` and is filled at `limit` per L admits as much. The bound is met when all
/// of P came at the very end of its window and the current one is asked without pause; arrivals that are
/// even, as the rule assumes, exceed the limit by nothing. (A fixed window admits 2 * limit at once.)
/// tests/unit/limiter/limiter_properties_test.cpp holds a log of admissions against it.
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
