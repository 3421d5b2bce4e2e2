/// The limits of a decision in the order in which an answer tells of them, and how long a client has to wait.
///
/// First what denies, the longest wait before the others; then what has the least left. Unlimited ones are
/// not there: they have nothing to tell.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "starling/request.hpp"

namespace starling {

class RankedLimits {
 public:
  /// Valid as long as the decision's limits are.
  explicit RankedLimits(const Decision& decision);

  std::span<const LimitStatus* const> all() const { return std::span(limits_).first(count_); }
  /// The one for families that tell of one limit only; null if there is none.
  const LimitStatus* tightest() const { return count_ == 0 ? nullptr : limits_[0]; }

 private:
  std::array<const LimitStatus*, limits_per_request_max> limits_;  ///< of these, `count_` are set
  std::size_t count_ = 0;
};

/// True if this limit is a reason for the denial of a request.
constexpr bool denies(const LimitStatus& limit) {
  return !limit.allowed && limit.enforced && !limit.unlimited;
}

/// Whole seconds, rounded up and at least 1: whoever waits that long finds the limit reset.
std::uint64_t reset_s(const LimitStatus& limit);

/// For Retry-After: until the last of the limits that deny is reset. At least 1.
std::uint64_t retry_after_s(const Decision& decision);

}  // namespace starling
