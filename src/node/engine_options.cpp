#include "node/engine_options.hpp"

#include <algorithm>
#include <utility>

namespace starling {

EngineOptions engine_options(const Settings& settings, EngineIdentity identity) {
  EngineOptions options;
  options.origin = identity.origin;
  options.seed = identity.seed;
  options.cluster = settings.cluster;
  options.node_name = std::move(identity.node_name);
  options.sync_port = identity.sync_port;
  options.has_neighborhood = identity.has_neighborhood;
  if (settings.heartbeat_interval) options.heartbeat_interval = *settings.heartbeat_interval;
  options.sync_interval = settings.sync_interval;
  options.egress_bytes_per_s = std::uint64_t{settings.egress_mib_per_s} * 1024 * 1024;
  options.join_timeout = settings.join_timeout;
  options.counters_max = settings.max_counters;
  constexpr std::uint64_t components_per_counter = 4;
  options.components_max = static_cast<std::uint32_t>(
      std::min<std::uint64_t>(std::uint64_t{settings.max_counters} * components_per_counter, 0xFFFF'FFF0));
  return options;
}

}  // namespace starling
