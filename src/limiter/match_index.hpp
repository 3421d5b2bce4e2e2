/// Which of many matches fit a descriptor, without trying them all.
///
/// Ten thousand overrides mostly say `principal: <name>`, and looking for the right one must cost one lookup.
/// Matches that ask for equal values of the same keys have one *shape*, and within a shape a hash of those
/// values leads to the few that can fit. So a lookup costs one hash per shape, and what is left to try one by
/// one are the patterns: matches of one shape and the same equal values that differ in their `*` and
/// `prefix*` only. Rules files have a handful of shapes. (This is tuple space search, as in packet
/// classifiers.)
///
/// Source: Srinivasan, Suri, Varghese, "Packet classification using tuple space search" (1999).
#pragma once

#include <absl/container/flat_hash_map.h>
#include <absl/hash/hash.h>

#include <cstdint>
#include <limits>
#include <span>
#include <string_view>
#include <vector>

#include "limiter/matching.hpp"

namespace starling {

class MatchIndex {
 public:
  /// `match` is kept as a view and must outlive the index; its keys are sorted and unique.
  void add(std::span<const Matcher> match, std::uint32_t id);
  void clear();
  bool empty() const { return items_.empty(); }

  /// Calls `visit` with the id of each match that fits, in no particular order. No allocation.
  /// Shape: O(shapes + fitting + patterns that agree in their equal values).
  template <class Visit>
  void for_each_fitting(const Descriptor& descriptor, Visit&& visit) const {
    for (const Shape& shape : shapes_)
      for (std::uint32_t at = first_of(shape, descriptor); at != none; at = items_[at].next)
        if (fits(items_[at].match, descriptor)) visit(items_[at].id);
  }

 private:
  static constexpr std::uint32_t none = std::numeric_limits<std::uint32_t>::max();

  using Keys = std::vector<std::string_view>;
  struct Shape {
    std::uint64_t seed = 0;
    Keys keys;  // of the matchers that ask for an equal value
  };
  struct Item {
    std::span<const Matcher> match;
    std::uint32_t id = 0;
    std::uint32_t next = none;  // with the same shape and the same equal values
  };

  const Shape& shape_of(std::span<const Matcher> match);
  /// The first item that can fit, or none.
  std::uint32_t first_of(const Shape& shape, const Descriptor& descriptor) const;

  std::vector<Shape> shapes_;
  std::vector<Item> items_;
  absl::flat_hash_map<Keys, std::uint32_t> shape_by_keys_;
  // By shape and values. Two that share a hash by chance share a list, and `fits` tells them apart.
  absl::flat_hash_map<std::uint64_t, std::uint32_t> first_by_values_;
  Keys keys_;  // scratch of `add`
};

}  // namespace starling
