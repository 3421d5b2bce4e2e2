/// `/v1/rules`: each rule as it holds now, with where every value comes from: the file, its built-in
/// default, or an override and who set it when.
///
/// A rule does not remember which of its values its file spells out, so a value that equals the default is
/// said to come from there. Long lists are cut at `rules_list_max`, and `more` counts what was left out.
#pragma once

#include <nlohmann/json.hpp>
#include <string_view>
#include <vector>

#include "engine/view.hpp"

namespace starling::http {

using Json = nlohmann::ordered_json;

inline constexpr std::size_t rules_list_max = 100;

/// With `only`, the rule of that name alone; it must be there (see `has_rule`).
Json rules_document(const RuleSet& set, const std::vector<LiveView>& live, std::string_view only);
bool has_rule(const RuleSet& set, std::string_view name);

}  // namespace starling::http
