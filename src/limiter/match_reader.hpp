/// Reads what descriptors a rule, an override or a list entry is about: a map of keys to a text, `*` or
/// `prefix*`.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "limiter/rules.hpp"
#include "limiter/yaml_reader.hpp"

namespace starling {

/// Sorted by key. `what` begins the messages. Empty only after an error.
std::vector<Matcher> read_match(YamlReader& reader, const YAML::Node& node, std::string_view what);

/// Two matches have the same one if they are the same.
std::string identity(const std::vector<Matcher>& match);

}  // namespace starling
