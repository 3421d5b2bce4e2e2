/// How `/v1/rules` is shown, and what it says to somebody who has just turned learning on or off. Pure
/// functions of the JSON, as in views.hpp.
#pragma once

#include <string>
#include <vector>

#include "cli/output.hpp"

namespace starling::cli {

/// One line a value, with where it comes from. Policies that the file leaves at their defaults are shown with
/// `wide` only.
std::string render_rules(const Json& document, bool wide, const Paint& paint = {});

/// What all rules have in common about learning, and for each rule whether it learns and who says so.
std::string render_learning(const Json& document, const Paint& paint = {});

/// What can still deny (with `learning`) or still lets pass (without) although all rules, or the one of
/// `document`, have been told to learn or not to: one line each.
std::vector<std::string> against_learning(const Json& document, bool learning);

/// "2000 per 10s, 9000 per 1h", "unlimited"
std::string limits_text(const Json& limits);
/// "principal=alice, area=eu-*"
std::string match_text(const Json& match);

}  // namespace starling::cli
