/// The headers by which an answer tells how much of the limits is left, in the families that were chosen.
///
/// Each family is a dialect that clients already speak; what it says is the same decision:
/// - ietf: draft-ietf-httpapi-ratelimit-headers-11, structured fields (RFC 9651), one item per limit, the
///   tightest first, `policies_per_answer_max` of them;
/// - x-ratelimit: the tightest limit, reset in seconds;
/// - spinnaker: the tightest limit, reset as an HTTP-date, and whether it only learns (Gate's filter);
/// - kong: the tightest limit, and one pair per calendar-like window (Kong's rate-limiting plugin).
/// No reset is ever told too early: seconds and dates are rounded up. Whatever the families, `Retry-After` is
/// on every denial and `Starling-Learning: true` on what passed only because a limit learns.
#pragma once

#include <cstddef>

#include "base/time.hpp"
#include "frontend/header_families.hpp"
#include "frontend/header_sink.hpp"
#include "frontend/policy_names.hpp"
#include "frontend/ranked_limits.hpp"
#include "starling/request.hpp"

namespace starling {

/// Keeps the two fields within what proxies buffer for all headers (nginx: 4 KiB).
inline constexpr std::size_t policies_per_answer_max = 8;

class RateLimitHeaders {
 public:
  explicit RateLimitHeaders(HeaderFamilies families) : families_(families) {}

  HeaderFamilies families() const { return families_; }

  /// `names`: assigned from the decision's limits if there is the ietf family. `decided_at`: the wall clock
  /// by which it was decided. Without a limit there is no family to add.
  void add(const Decision& decision, const RankedLimits& ranked, const PolicyNames& names,
           WallTime decided_at, HeaderSink& headers) const;

 private:
  HeaderFamilies families_;
};

}  // namespace starling
