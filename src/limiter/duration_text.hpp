/// Durations as people write them: "500ms", "1s", "10s", "5m", "1h", "1d", "1w", "1month".
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace starling {

/// Reads a whole number followed by ms, s, m, h, d, w, month (30 days) or year (365 days). Nothing if it is
/// anything else or overflows.
std::optional<std::chrono::milliseconds> parse_duration(std::string_view text);

/// The shortest exact spelling: 90'000 ms is "90s", 3'600'000 ms is "1h".
std::string format_duration(std::chrono::milliseconds duration);

}  // namespace starling
