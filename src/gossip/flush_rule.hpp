/// When are unpublished hits worth a packet?
///
/// Accuracy depends on how stale the others' views are *near the limit*; far from it nobody needs to know. So
/// a node publishes once the hits it has not told anyone reach a share of what is left of the limit: with N
/// nodes each keeping back less than epsilon * remaining / N, all of them together keep back less than
/// epsilon * remaining, and the steps shrink as the limit comes near. The number of packets per window is
/// O(log limit), whatever the request rate.
///
/// Source: Cormode, Muthukrishnan, Yi, "Algorithms for distributed functional monitoring" (2008);
/// `design.md` section 4.
#pragma once

#include <algorithm>
#include <cstdint>

#include "base/ids.hpp"

namespace starling {

/// What starts a publication.
enum class SyncMode : std::uint8_t {
  adaptive,  ///< the rule of this file, and a slow beat for what it leaves
  fixed,     ///< the beat alone, as in Kong, Gubernator and others: to compare with, not to run
};

/// How soon hits that nobody has been told of should be.
enum class Urgency : std::uint8_t {
  now,   ///< they have reached the threshold
  soon,  ///< with the next beat
  late,  ///< they are so few of what remains that beats may pass
};

inline constexpr double flush_epsilon = 0.5;
/// Less than this part of the threshold is late.
inline constexpr Hits late_divisor = 8;

/// Hits that may stay unpublished minus one: publish when the unpublished count reaches this. At least 1.
constexpr Hits flush_threshold(Hits remaining, std::uint32_t nodes_count) {
  const double share = flush_epsilon * static_cast<double>(remaining) / std::max(nodes_count, 1U);
  return std::max<Hits>(1, static_cast<Hits>(share));
}

constexpr Urgency urgency(Hits unpublished, Hits threshold) {
  if (unpublished >= threshold) return Urgency::now;
  return unpublished < threshold / late_divisor ? Urgency::late : Urgency::soon;
}

}  // namespace starling
