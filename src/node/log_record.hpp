/// One event as it is logged: a message for people, and what it is about in fields for programs.
#pragma once

#include <fmt/format.h>

#include <concepts>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>

#include "base/time.hpp"
#include "node/log_level.hpp"

namespace starling {

/// A name in snake_case and a value. The names `ts`, `level`, `msg` and `node` are taken.
struct LogField {
  LogField(std::string_view field_key, std::string_view text) : key(field_key), value(text) {}
  LogField(std::string_view field_key, const std::string& text) : key(field_key), value(text) {}
  LogField(std::string_view field_key, const char* text) : key(field_key), value(text) {}
  template <std::integral Number>
  LogField(std::string_view field_key, Number number)
      : key(field_key), value(fmt::format("{}", number)), is_text(false) {}

  std::string_view key;
  std::string value;
  bool is_text = true;  ///< else a number, or true or false
};

using LogFields = std::initializer_list<LogField>;

struct LogRecord {
  WallTime at;
  LogLevel level = LogLevel::info;
  std::string_view message;
  std::span<const LogField> fields;
};

}  // namespace starling
