/// Envoy's way down its tree, as flat lists: for each tuple of keys, patterns of values in the order in which
/// the first that fits decides.
///
/// The reference takes one step per entry of a descriptor: the child with that very value, else the first
/// wildcard that fits, else the bare key; it never turns back, and it finds a limit only where descriptor and
/// tree end together. So what a tuple of keys can meet is found by walking all children in that order. A
/// child below which the walk ends too early still hides its neighbours: for that a line without a limit
/// follows what is below it
/// (`hidden`). Read from the top, the first pattern that fits is where the reference ends.
///
/// Patterns that can never be first, and lines without a limit that hide nothing, are left out.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "import/envoy_tree.hpp"
#include "import/report.hpp"

namespace starling {

inline constexpr std::size_t envoy_outcomes_max = 200'000;  ///< of all lists, before any is left out

struct EnvoyOutcome {
  std::vector<Matcher> pattern;                 ///< in the order of the list's keys
  const EnvoyDescriptor* descriptor = nullptr;  ///< the one with the limit; null: no limit
};

/// All that descriptors with these keys, in this order, can meet.
struct EnvoyLookup {
  std::vector<std::string> keys;
  std::vector<EnvoyOutcome> outcomes;
};

/// True if some value fits both.
bool overlap(const Matcher& a, const Matcher& b);
bool overlap(const std::vector<Matcher>& a, const std::vector<Matcher>& b);
/// True if every value that fits `inner` fits `outer`.
bool covers(const Matcher& outer, const Matcher& inner);
bool covers(const std::vector<Matcher>& outer, const std::vector<Matcher>& inner);

/// The patterns point into `tree`. Empty after an error.
std::vector<EnvoyLookup> envoy_lookups(const EnvoyTree& tree, ImportReport& report);

}  // namespace starling
