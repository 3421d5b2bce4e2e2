/// How live overrides are shown, and the line that says what holds after one was set. Pure functions of the
/// JSON, as in views.hpp.
#pragma once

#include <string>
#include <string_view>

#include "cli/output.hpp"

namespace starling::cli {

/// Of `/v1/overrides`: those of `kind` and `rule`, each of which may be empty for any.
Json select_overrides(const Json& document, std::string_view kind, std::string_view rule);

std::string render_overrides(const Json& document, bool wide, const Paint& paint = {});

/// "rule login allows principal=alice 2000 per 10s, for 1h (until 2026-05-04T12:00:00Z)". `expires` is what
/// was asked for, "1h" or empty.
std::string what_holds(const Json& entry, std::string_view expires);

}  // namespace starling::cli
