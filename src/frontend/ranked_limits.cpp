#include "frontend/ranked_limits.hpp"

#include <algorithm>

namespace starling {

RankedLimits::RankedLimits(const Decision& decision) {
  for (const LimitStatus& limit : decision.limits)
    if (!limit.unlimited && count_ < limits_.size()) limits_[count_++] = &limit;
  const auto before = [&](const LimitStatus* a, const LimitStatus* b) {
    if ((a == decision.tightest) != (b == decision.tightest)) return a == decision.tightest;
    if (denies(*a) != denies(*b)) return denies(*a);
    if (denies(*a)) return a->reset_ms > b->reset_ms;
    return a->remaining < b->remaining;
  };
  // Insertion: stable, without an allocation, and there are rarely more than three.
  for (std::size_t i = 1; i < count_; ++i)
    for (std::size_t j = i; j > 0 && before(limits_[j], limits_[j - 1]); --j)
      std::swap(limits_[j], limits_[j - 1]);
}

std::uint64_t reset_s(const LimitStatus& limit) {
  return std::max<std::uint64_t>(limit.reset_ms / 1000 + (limit.reset_ms % 1000 == 0 ? 0 : 1), 1);
}

std::uint64_t retry_after_s(const Decision& decision) {
  std::uint64_t wait_s = 1;
  for (const LimitStatus& limit : decision.limits)
    if (denies(limit)) wait_s = std::max(wait_s, reset_s(limit));
  return wait_s;
}

}  // namespace starling
