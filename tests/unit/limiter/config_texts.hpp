/// What the reader says of a text, as people see it.
#pragma once

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <string>
#include <string_view>
#include <vector>

#include "limiter/config_file.hpp"

namespace starling {

/// "3:5: message" of each, for a file named f.
inline std::vector<std::string> lines_of(const std::vector<ConfigError>& errors) {
  std::vector<std::string> lines;
  for (const ConfigError& error : errors) {
    CHECK(error.file == "f");
    const std::string shown = error.to_string();
    CHECK(shown.starts_with("f:"));
    CHECK(shown.find('\n') == std::string::npos);
    lines.push_back(shown.substr(2));
  }
  return lines;
}

/// The errors of `text`, without the file's name; none if it is good.
inline std::vector<std::string> errors_of(std::string_view text) {
  const auto config = parse_config(text, "f");
  if (config) return {};
  CHECK_FALSE(config.error().empty());
  return lines_of(config.error());
}

/// Its warnings; it has to be good.
inline std::vector<std::string> warnings_of(std::string_view text) {
  CAPTURE(text);
  const auto config = parse_config(text, "f");
  if (!config) FAIL(config.error().front().to_string());
  return lines_of(config->warnings);
}

/// Each line begins as expected, and there are no others.
inline void check_lines(const std::vector<std::string>& lines, const std::vector<std::string>& expected) {
  CAPTURE(fmt::format("{}", fmt::join(lines, "\n")));
  REQUIRE(lines.size() == expected.size());
  for (std::size_t i = 0; i < lines.size(); ++i) CHECK(lines[i].substr(0, expected[i].size()) == expected[i]);
}

inline void check_errors(std::string_view text, const std::vector<std::string>& expected) {
  CAPTURE(text);
  check_lines(errors_of(text), expected);
}

/// The only rule of a good text.
inline Rule only_rule(std::string_view text) {
  CAPTURE(text);
  auto config = parse_config(text, "f");
  if (!config) FAIL(config.error().front().to_string());
  REQUIRE(config->rules.rules.size() == 1);
  return config->rules.rules.front();
}

}  // namespace starling
