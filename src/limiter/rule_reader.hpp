/// Reads one rule. What concerns several rules (names, `replaces`) is looked at when all are there.
#pragma once

#include <string>
#include <vector>

#include "limiter/rules.hpp"
#include "limiter/yaml_reader.hpp"

namespace starling {

/// A rule and where its parts stand, for messages about how rules fit together.
struct PlacedRule {
  struct Place {
    int line = 0;
    int column = 0;
  };
  Rule rule;  ///< with an empty domain
  Place place;
  std::vector<Place> replaces;  ///< of each name in `rule.replaces`
  bool sound = false;           ///< false: it has errors, and only its name means something
};

PlacedRule read_rule(YamlReader& reader, const YAML::Node& node, const std::string& file);

}  // namespace starling
