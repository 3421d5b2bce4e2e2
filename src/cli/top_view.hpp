/// How `/v1/top` is shown. A pure function of the JSON, as in views.hpp.
#pragma once

#include <string>

#include "cli/output.hpp"

namespace starling::cli {

/// PRINCIPAL RULE LIMIT USED USAGE DENIED(HERE) and a line that sums up; `wide` adds what a learning limit
/// would have denied, the key, and who counted how much. A caller without a name is shown as `#key`.
std::string render_top(const Json& document, bool wide, const Paint& paint = {});

}  // namespace starling::cli
