/// From Kong's rate limiting plugins to rules: one per instance, with all its limits.
///
/// Kong runs one instance of a plugin per request, the one attached most narrowly; here all rules that match
/// apply, so each rule `replaces` those of wider instances that could match with it. What an instance counts
/// by (`limit_by`) becomes a key of the rule with `*`; where a request has no such thing, Kong counts by the
/// client's address, for which there is a second rule, replaced by the first.
///
/// The gateway tells service, route, consumer, client_ip, ... in one descriptor.
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "import/foreign_yaml.hpp"
#include "import/report.hpp"

namespace starling {

inline constexpr std::size_t import_replaces_max = 100'000;  ///< of all rules together

/// Nothing if there was an error.
std::optional<Imported> import_kong(const std::vector<ForeignNode>& documents, ImportReport& report);

}  // namespace starling
