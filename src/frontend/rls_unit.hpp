/// Units of Envoy's Rate Limit Service, and the windows they stand for.
///
/// The numbers are those of `RateLimitResponse.RateLimit.Unit`; requests use the same ones. A window that is
/// none of these has no unit: it is told as UNKNOWN with its requests as they are. Envoy then leaves the
/// policy (`10;w=60`) out of its x-ratelimit-limit header and still tells limit, remaining and reset. The
/// other way, to scale "100 per 10 s" to 10 a second, would tell another limit than the one that holds, and
/// a remaining above it.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace starling {

enum class RlsUnit : std::uint8_t { unknown, second, minute, hour, day, month, year, week };

struct RlsUnitRow {
  RlsUnit unit;
  std::string_view name;  ///< as in JSON
  std::uint32_t window_s;
};

inline constexpr std::array rls_units{
    RlsUnitRow{RlsUnit::second, "SECOND", 1},         RlsUnitRow{RlsUnit::minute, "MINUTE", 60},
    RlsUnitRow{RlsUnit::hour, "HOUR", 3'600},         RlsUnitRow{RlsUnit::day, "DAY", 86'400},
    RlsUnitRow{RlsUnit::month, "MONTH", 30 * 86'400}, RlsUnitRow{RlsUnit::year, "YEAR", 365 * 86'400},
    RlsUnitRow{RlsUnit::week, "WEEK", 7 * 86'400},
};

constexpr RlsUnit rls_unit_of(std::uint32_t window_s) {
  for (const RlsUnitRow& row : rls_units)
    if (row.window_s == window_s) return row.unit;
  return RlsUnit::unknown;
}

/// Nothing for UNKNOWN and for numbers that are no unit.
constexpr std::optional<std::uint32_t> rls_window_s(std::uint32_t unit) {
  for (const RlsUnitRow& row : rls_units)
    if (static_cast<std::uint32_t>(row.unit) == unit) return row.window_s;
  return std::nullopt;
}

constexpr std::string_view name(RlsUnit unit) {
  for (const RlsUnitRow& row : rls_units)
    if (row.unit == unit) return row.name;
  return "UNKNOWN";
}

}  // namespace starling
