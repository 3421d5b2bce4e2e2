/// The configuration: rules and, optionally, settings, from YAML text.
///
/// Strict, because a misspelt key that is quietly ignored is a limit that is quietly missing: unknown and
/// duplicate keys, wrong types and impossible values are errors, each with file:line:column, what was
/// expected and what was found. All errors are reported at once. What is possible but hardly meant is a
/// warning. The text comes in as a parameter; whoever calls has read the file.
///
/// Several files make one configuration: all their rules hold together. Each file's rules belong to the
/// `domain` that this file names; whatever else two files say, they must not contradict each other.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

#include "limiter/rules.hpp"

namespace starling {

inline constexpr std::size_t config_bytes_max = std::size_t{16} * 1024 * 1024;  ///< of all files together
inline constexpr std::size_t config_errors_max = 100;                           ///< told at once
inline constexpr std::size_t config_warnings_max = 100;

struct ConfigError {
  std::string file;
  int line = 0;    ///< from 1; 0: the file as a whole
  int column = 0;  ///< from 1
  std::string message;

  /// "rules.yaml:3:5: message"; `label`, such as "warning: ", stands before the message.
  std::string to_string(std::string_view label = "") const;
};

/// One entry of a file's `settings:` map; what it may say is the node's business.
struct ConfigSetting {
  std::string key;
  std::string value;
  int line = 0;  ///< of the key
  int column = 0;
  std::string file = {};
};

struct ConfigFile {
  RuleSet rules;
  bool has_rules = false;  ///< false: there was no `rules:` key, and `rules` is the built-in set
  std::vector<ConfigSetting> settings;
  std::vector<ConfigError> warnings;  ///< at most `config_warnings_max`, in the order of the files
};

struct ConfigText {
  std::string file;  ///< its name, for messages and for `Rule::from`
  std::string text;

  friend bool operator==(const ConfigText&, const ConfigText&) = default;
};

/// Reads all of them as one configuration. Errors: in the order of the files, at most `config_errors_max`;
/// nothing of a configuration with an error is to be used.
tl::expected<ConfigFile, std::vector<ConfigError>> parse_configs(std::span<const ConfigText> texts);

/// One file.
tl::expected<ConfigFile, std::vector<ConfigError>> parse_config(std::string_view text,
                                                                const std::string& file);

}  // namespace starling
