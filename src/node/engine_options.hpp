/// What an engine is told of the settings.
#pragma once

#include <cstdint>
#include <string>

#include "engine/engine.hpp"
#include "node/settings.hpp"

namespace starling {

/// What settings do not say: it differs at every start, or is known only then.
struct EngineIdentity {
  OriginId origin;         ///< random, not 0
  std::uint64_t seed = 0;  ///< random
  std::string node_name;
  std::uint16_t sync_port = 0;  ///< at which it really listens
  bool has_neighborhood = false;
};

EngineOptions engine_options(const Settings& settings, EngineIdentity identity);

}  // namespace starling
