/// The configuration file: rules and, optionally, settings, from YAML text.
///
/// Strict, because a misspelt key that is quietly ignored is a limit that is quietly missing: unknown and
/// duplicate keys, wrong types and impossible values are errors, each with file:line:column, what was
/// expected and what was found. All errors of a file are reported at once. The text comes in as a parameter;
/// whoever calls has read the file.
#pragma once

#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

#include "limiter/rules.hpp"

namespace starling {

inline constexpr std::size_t config_bytes_max = 16 * 1024 * 1024;

struct ConfigError {
  std::string file;
  int line = 0;    ///< from 1; 0: the file as a whole
  int column = 0;  ///< from 1
  std::string message;

  std::string to_string() const;  ///< "rules.yaml:3:5: message"
};

/// One entry of the file's `settings:` map; what it may say is the node's business.
struct ConfigSetting {
  std::string key;
  std::string value;
  int line = 0;  ///< of the key
  int column = 0;
};

struct ConfigFile {
  RuleSet rules;
  bool has_rules = false;  ///< false: there was no `rules:` key, and `rules` is the built-in set
  std::vector<ConfigSetting> settings;
};

/// `file` is only used in messages.
tl::expected<ConfigFile, std::vector<ConfigError>> parse_config(std::string_view text,
                                                                const std::string& file);

}  // namespace starling
