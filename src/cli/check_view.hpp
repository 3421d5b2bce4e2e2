/// How the answer to `starling check` is shown: which rules matched, which limit decided, who counted what.
/// Pure functions of the JSON, as in views.hpp.
#pragma once

#include <string>

#include "cli/output.hpp"

namespace starling::cli {

/// The verdict, and each limit that applied, the one that decided marked. `wide` adds where each limit comes
/// from and, if `document` has been given its `shares`, who counted what.
std::string render_check(const Json& document, bool wide, const Paint& paint = {});

/// What `/v1/counters` says of the same request, with the names of `/v1/peers`: what `render_check` takes as
/// `shares`.
Json shares_of(const Json& counters, const Json& peers);

}  // namespace starling::cli
