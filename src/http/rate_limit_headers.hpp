/// The headers by which an answer tells how much of the limits is left, in the families that were chosen.
///
/// Each family is a dialect that clients already speak; what it says is the same decision:
/// - ietf: draft-ietf-httpapi-ratelimit-headers-11, structured fields (RFC 9651), one item per limit, the
///   tightest first, `policies_per_answer_max` of them;
/// - x-ratelimit: the tightest limit, reset in seconds;
/// - spinnaker: the tightest limit, reset as an HTTP-date, and whether it only learns (Gate's filter);
/// - kong: the tightest limit, and one pair per calendar-like window (Kong's rate-limiting plugin).
/// No reset is ever told too early: seconds and dates are rounded up. `Retry-After` belongs to no family.
#pragma once

#include <cstddef>

#include "base/time.hpp"
#include "http/policy_names.hpp"
#include "http/ranked_limits.hpp"
#include "http/response.hpp"
#include "node/header_families.hpp"
#include "starling/request.hpp"

namespace starling::http {

/// Keeps the two fields within what proxies buffer for all headers (nginx: 4 KiB).
inline constexpr std::size_t policies_per_answer_max = 8;

class RateLimitHeaders {
 public:
  explicit RateLimitHeaders(HeaderFamilies families) : families_(families) {}

  HeaderFamilies families() const { return families_; }

  /// `names`: assigned from the decision's limits if there is the ietf family. `decided_at`: the wall clock
  /// by which it was decided. Without a limit nothing is added.
  void add(const Decision& decision, const RankedLimits& ranked, const PolicyNames& names,
           WallTime decided_at, Response& response) const;

 private:
  HeaderFamilies families_;
};

}  // namespace starling::http
