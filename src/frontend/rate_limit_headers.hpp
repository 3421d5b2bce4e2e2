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
///
/// Most decisions are about one limit, and most of such an answer is the same each time: it is kept.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>

#include "base/text_buffer.hpp"
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
           WallTime decided_at, HeaderSink& headers);

 private:
  /// What all answers about one limit have in common, if nothing but that limit is in them. It follows from
  /// the first three members alone, and those are compared: rules may be reloaded at any time.
  struct Texts {
    std::string rule;
    std::uint64_t limit = 0;
    std::uint32_t window_s = 0;  ///< 0: nothing is here
    TextBuffer limit_digits;
    TextBuffer policy;  ///< `"name";q=100;w=10`, if there is the ietf family
    TextBuffer left;    ///< `"name";r=`, likewise
  };

  const Texts& texts_of(const LimitStatus& limit, const PolicyNames& names);
  void add_only(const LimitStatus& limit, const PolicyNames& names, HeaderSink& headers);

  static constexpr std::size_t texts_count = 64;  ///< of limits that many callers have; 40 KiB at most
  HeaderFamilies families_;
  std::array<Texts, texts_count> texts_;
};

}  // namespace starling
