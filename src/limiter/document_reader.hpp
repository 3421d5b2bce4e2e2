/// Reads the text of one configuration file, as far as one file can be judged alone.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "limiter/config_file.hpp"
#include "limiter/rule_reader.hpp"

namespace starling {

struct ConfigDocument {
  template <class T>
  struct Said {
    T value;  // without {}, on which clang 14 crashes
    PlacedRule::Place place;
  };
  std::string file;
  std::optional<Said<std::string>> domain;
  std::optional<Said<bool>> learning;
  bool has_rules = false;
  std::vector<PlacedRule> rules;  ///< those with errors too
  std::vector<ConfigSetting> settings;
  std::vector<ConfigError> errors;
  std::vector<ConfigError> warnings;
};

ConfigDocument read_document(std::string_view text, const std::string& file);

}  // namespace starling
