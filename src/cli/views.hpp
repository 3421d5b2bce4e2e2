/// What people see of the admin API's documents. Pure functions of the JSON: a document of another version
/// may lack members, and then a dash is shown.
#pragma once

#include <string>

#include "cli/output.hpp"

namespace starling::cli {

/// NAME ADDRESS STATE AGE RTT LAG VERSION and a line that sums up; `wide` adds what only a developer wants.
std::string render_peers(const Json& document, bool wide, const Paint& paint = {});

/// The node in a screenful, and at the end what to do next.
/// `wide`: why each front end refused what it refused.
std::string render_status(const Json& document, bool wide = false, const Paint& paint = {});

}  // namespace starling::cli
