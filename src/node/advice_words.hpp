/// What pieces of advice have in common.
#pragma once

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "node/troubles.hpp"

namespace starling {

inline constexpr std::string_view lately = "in the last 10 minutes";
static_assert(Troubles::recent_for == std::chrono::minutes(10));

/// A few of many, and how many more there are.
inline std::string some_of(std::vector<std::string> all) {
  constexpr std::size_t shown_max = 5;
  const std::size_t more = all.size() > shown_max ? all.size() - shown_max : 0;
  all.resize(all.size() - more);
  return more == 0 ? fmt::format("{}", fmt::join(all, ", "))
                   : fmt::format("{} and {} more", fmt::join(all, ", "), more);
}

/// ", last from 10.0.0.7", or nothing.
inline std::string last_from(const std::vector<std::string>& senders) {
  return senders.empty() ? std::string() : fmt::format(", last from {}", fmt::join(senders, ", "));
}

}  // namespace starling
