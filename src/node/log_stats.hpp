/// How much a log has said so far.
#pragma once

#include <array>
#include <cstdint>

#include "node/log_level.hpp"

namespace starling {

struct LogStats {
  std::array<std::uint64_t, log_levels_count> lines{};  ///< by level, written or not
  std::uint64_t dropped = 0;                            ///< of these: lost, for nobody read them in time
};

}  // namespace starling
