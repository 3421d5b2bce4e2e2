/// Rules that decide as a list of Envoy's outcomes does.
///
/// In a list the first pattern that fits decides, and nothing else; here every rule that matches applies. So
/// patterns that can fit the same descriptor must become one rule: its `match` is the most general of them,
/// the others are its overrides. An override with an exact value or without one gives each value the counter
/// that it has in Envoy too, for there as here a counter belongs to the values of all keys. If no pattern is
/// that general, the rule is `unlimited` but for its overrides; a line without a limit is an override that is
/// `unlimited`.
///
/// Overrides that name all of a rule's open keys by a value come first here, then the order of the file
/// decides (all overrides of one rule name the same keys). That never contradicts the list: in it, the
/// pattern of which all values are exact is the first of all that fit, since an exact value is tried first on
/// every level.
///
/// `replaces` speaks of rules, not of overrides. Where a pattern replaces or is replaced, each pattern of its
/// neighbourhood becomes a rule of its own, and what is tried before it is masked by overrides that are
/// `unlimited`.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "import/envoy_lookup.hpp"
#include "import/report.hpp"
#include "limiter/rules.hpp"

namespace starling {

inline constexpr std::size_t import_overrides_max = 100'000;  ///< of all rules together

/// Rules of limits without a name are called as Envoy's metrics are, from the domain on. Empty after an
/// error.
std::vector<Rule> envoy_rules(const std::string& domain, const std::vector<EnvoyLookup>& lookups,
                              ImportReport& report);

}  // namespace starling
