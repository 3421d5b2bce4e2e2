#include "limiter/duration_text.hpp"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <cstdint>
#include <limits>

namespace starling {
namespace {

struct Unit {
  std::string_view suffix;
  std::int64_t ms;
};
// From the largest, so that formatting finds the shortest spelling.
constexpr std::array<Unit, 6> units{
    {{"w", 604'800'000}, {"d", 86'400'000}, {"h", 3'600'000}, {"m", 60'000}, {"s", 1000}, {"ms", 1}}};
// Read only, and as Envoy's reference service counts them. Written, "30d" leaves nobody guessing how long a
// month is.
constexpr std::array<Unit, 2> long_units{{{"year", 31'536'000'000}, {"month", 2'592'000'000}}};

std::optional<std::int64_t> unit_ms(std::string_view suffix) {
  for (const Unit& unit : units)
    if (suffix == unit.suffix) return unit.ms;
  for (const Unit& unit : long_units)
    if (suffix == unit.suffix) return unit.ms;
  return std::nullopt;
}

}  // namespace

std::optional<std::chrono::milliseconds> parse_duration(std::string_view text) {
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || text.front() == '-') return std::nullopt;
  const std::string_view suffix = text.substr(static_cast<std::size_t>(end - text.data()));
  const auto ms = unit_ms(suffix);
  if (!ms || number > std::numeric_limits<std::int64_t>::max() / *ms) return std::nullopt;
  return std::chrono::milliseconds(number * *ms);
}

std::string format_duration(std::chrono::milliseconds duration) {
  const std::int64_t ms = duration.count();
  if (ms == 0) return "0s";
  for (const Unit& unit : units)
    if (ms % unit.ms == 0) return fmt::format("{}{}", ms / unit.ms, unit.suffix);
  return fmt::format("{}ms", ms);
}

}  // namespace starling
