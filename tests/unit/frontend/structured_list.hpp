/// Reads a structured-field List of Strings with Integer parameters (RFC 9651, section 4.2), and nothing
/// else: written from the RFC for the tests, so that what the server writes is not checked by its own code.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace starling::testing {

struct ListItem {
  std::string text;
  std::map<std::string, std::int64_t> parameters;
};

namespace structured {

inline bool take(std::string_view& input, char c) {
  if (input.empty() || input.front() != c) return false;
  input.remove_prefix(1);
  return true;
}

inline std::optional<std::string> take_string(std::string_view& input) {
  if (!take(input, '"')) return std::nullopt;
  std::string text;
  while (!input.empty()) {
    const char c = input.front();
    input.remove_prefix(1);
    if (c == '"') return text;
    if (c < 0x20 || c > 0x7e) return std::nullopt;
    if (c == '\\') {
      if (input.empty() || (input.front() != '"' && input.front() != '\\')) return std::nullopt;
      text += input.front();
      input.remove_prefix(1);
    } else {
      text += c;
    }
  }
  return std::nullopt;
}

inline std::optional<std::string> take_key(std::string_view& input) {
  std::string key;
  while (!input.empty()) {
    const char c = input.front();
    const bool starts = (c >= 'a' && c <= 'z') || c == '*';
    if (!starts && (key.empty() || !((c >= '0' && c <= '9') || c == '_' || c == '-' || c == '.'))) break;
    key += c;
    input.remove_prefix(1);
  }
  if (key.empty()) return std::nullopt;
  return key;
}

inline std::optional<std::int64_t> take_integer(std::string_view& input) {
  const bool negative = take(input, '-');
  std::int64_t number = 0;
  int digits = 0;
  while (!input.empty() && input.front() >= '0' && input.front() <= '9') {
    number = number * 10 + (input.front() - '0');
    input.remove_prefix(1);
    if (++digits > 15) return std::nullopt;
  }
  if (digits == 0 || (!input.empty() && input.front() == '.')) return std::nullopt;
  return negative ? -number : number;
}

inline void skip_white_space(std::string_view& input) {
  while (!input.empty() && (input.front() == ' ' || input.front() == '\t')) input.remove_prefix(1);
}

}  // namespace structured

/// Nothing if it is anything else.
inline std::optional<std::vector<ListItem>> read_list(std::string_view input) {
  using namespace structured;
  std::vector<ListItem> items;
  for (;;) {
    auto text = take_string(input);
    if (!text) return std::nullopt;
    ListItem item{*text, {}};
    while (take(input, ';')) {
      while (take(input, ' ')) {
      }
      const auto key = take_key(input);
      if (!key || !take(input, '=')) return std::nullopt;
      const auto number = take_integer(input);
      if (!number) return std::nullopt;
      item.parameters[*key] = *number;
    }
    items.push_back(item);
    skip_white_space(input);
    if (input.empty()) return items;
    if (!take(input, ',')) return std::nullopt;
    skip_white_space(input);
    if (input.empty()) return std::nullopt;  // a trailing comma
  }
}

}  // namespace starling::testing
