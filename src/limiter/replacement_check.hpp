/// Finds circles in `replaces`: rules that replace each other, so that none of them would ever apply.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "limiter/rules.hpp"

namespace starling {

struct ReplacementCircle {
  const Rule* rule = nullptr;      ///< the one whose `replaces` closes the circle
  std::size_t replaces_index = 0;  ///< which name there
  std::string message;
};

/// One for every `replaces` that closes a circle on the way of a depth-first walk in the order of `rules`;
/// none if and only if there is no circle. Names of rules that are not there are passed over.
/// Shape: O(rules + names in `replaces`), without recursion.
std::vector<ReplacementCircle> replacement_circles(std::span<const Rule* const> rules);

}  // namespace starling
