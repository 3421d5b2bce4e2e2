/// Rules as the text of Starling's own rules file: read back, it gives the same rules.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "limiter/rules.hpp"

namespace starling {

/// `comments` come first, a line each. What a rule leaves at its default is not written; neither are
/// `Rule::domain` and `Rule::from`, which no file sets.
std::string write_rules(const RuleSet& set, const std::vector<std::string>& comments);

/// A text as YAML, inside of braces and brackets too: as it is if nobody could read it as anything else, or
/// in double quotes.
std::string yaml_text(std::string_view text);

}  // namespace starling
