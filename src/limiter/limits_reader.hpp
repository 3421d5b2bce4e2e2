/// Reads `limits`: how many requests, in windows of which length.
#pragma once

#include <vector>

#include "limiter/rules.hpp"
#include "limiter/yaml_reader.hpp"

namespace starling {

/// Windows unique. Empty only after an error.
std::vector<Limit> read_limits(YamlReader& reader, const YAML::Node& node);

}  // namespace starling
