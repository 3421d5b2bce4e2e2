#include "node/troubles.hpp"

#include <utility>

namespace starling {
namespace {

std::int64_t minute_of(Instant now) {
  return std::chrono::floor<std::chrono::minutes>(now.time_since_epoch()).count();
}

}  // namespace

void Troubles::add(Trouble trouble, std::uint64_t count, Instant now, std::string_view detail) {
  if (count == 0) return;
  Kept& kept = of(trouble);
  kept.total += count;
  kept.unsaid += count;
  if (!detail.empty()) kept.detail = detail.substr(0, detail_bytes_max);
  const std::int64_t minute = minute_of(now);
  const std::size_t bucket = static_cast<std::uint64_t>(minute) % buckets_count;
  if (std::exchange(kept.minutes[bucket], minute) != minute) kept.counts[bucket] = 0;
  kept.counts[bucket] += count;
}

void Troubles::observe(Trouble trouble, std::uint64_t total, Instant now) {
  const std::uint64_t before = std::exchange(of(trouble).observed, total);
  if (total > before) add(trouble, total - before, now);
}

Troubles::View Troubles::view(Trouble trouble, Instant now) const {
  const Kept& kept = of(trouble);
  View view{.total = kept.total, .recent = 0};
  const std::int64_t minute = minute_of(now);
  for (std::size_t i = 0; i < buckets_count; ++i)
    if (minute - kept.minutes[i] < static_cast<std::int64_t>(buckets_count)) view.recent += kept.counts[i];
  return view;
}

std::optional<Troubles::Due> Troubles::due(Trouble trouble, Duration said_every, Instant now) {
  Kept& kept = of(trouble);
  if (kept.unsaid == 0 || now < kept.quiet_until) return std::nullopt;
  kept.quiet_until = now + said_every;
  return Due{.count = std::exchange(kept.unsaid, 0), .detail = kept.detail};
}

}  // namespace starling
