/// Numbers that must not be mixed up, each with its own type.
#pragma once

#include <compare>
#include <cstdint>
#include <limits>
#include <utility>

namespace starling {

template <class Tag, class Rep>
struct StrongId {
  Rep value{};

  friend constexpr auto operator<=>(StrongId, StrongId) = default;

  template <class H>
  friend H AbslHashValue(H state, StrongId id) {
    return H::combine(std::move(state), id.value);
  }
};

/// One life of a node: random, drawn at every boot. 0 is no origin.
using OriginId = StrongId<struct OriginIdTag, std::uint64_t>;
/// Keyed hash of (domain, rule, window length, principal).
using CounterKey = StrongId<struct CounterKeyTag, std::uint64_t>;
/// floor(wall-clock seconds / window length): the same number on every node.
using WindowId = StrongId<struct WindowIdTag, std::uint64_t>;
/// Publish number at an origin. 0: nothing published yet.
using Version = StrongId<struct VersionTag, std::uint64_t>;

/// A row of the local origin table; meaningless outside this process. Row 0 is this node itself.
using OriginIndex = StrongId<struct OriginIndexTag, std::uint32_t>;
inline constexpr OriginIndex own_origin{0};
/// A row of the local table of G-counter components (one origin's share of one counter).
using ComponentIndex = StrongId<struct ComponentIndexTag, std::uint32_t>;
inline constexpr ComponentIndex no_component{std::numeric_limits<std::uint32_t>::max()};

/// A count of hits. Sums saturate: a count never wraps to a small one.
using Hits = std::uint64_t;
inline constexpr Hits hits_max = std::numeric_limits<Hits>::max();

constexpr Hits saturating_add(Hits a, Hits b) {
  return a > hits_max - b ? hits_max : a + b;
}
constexpr Hits saturating_sub(Hits a, Hits b) {
  return a > b ? a - b : 0;
}

}  // namespace starling
