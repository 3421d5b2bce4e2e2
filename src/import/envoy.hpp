/// From the configuration of Envoy's reference rate limit service (envoyproxy/ratelimit) to rules.
///
/// Tree -> for each tuple of keys the order in which its values are tried (`envoy_lookup`) -> rules
/// (`envoy_rules`). Two things differ and cannot be told per file: entries of a descriptor have no order
/// here, and the reference joins key and value by `_` before it looks them up, so that its bare key `a_b`
/// also takes the value `b` of `a`.
#pragma once

#include <optional>

#include "import/foreign_yaml.hpp"
#include "import/report.hpp"

namespace starling {

/// Nothing if there was an error.
std::optional<Imported> import_envoy(const ForeignNode& document, ImportReport& report);

}  // namespace starling
