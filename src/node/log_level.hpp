/// How much a line of the log matters.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace starling {

enum class LogLevel : std::uint8_t { trace, debug, info, warn, error };
inline constexpr std::size_t log_levels_count = static_cast<std::size_t>(LogLevel::error) + 1;

constexpr std::string_view name(LogLevel level) {
  constexpr std::array<std::string_view, log_levels_count> names{"trace", "debug", "info", "warn", "error"};
  return names[static_cast<std::size_t>(level)];
}

/// One line an event, for people; or one JSON object a line, for programs.
enum class LogFormat : std::uint8_t { text, json };

}  // namespace starling
