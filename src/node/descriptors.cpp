#include "node/descriptors.hpp"

#include <sys/resource.h>

#include <algorithm>

namespace starling {
namespace {

/// Of a node for itself: standard streams, epoll, event and signal pipes, two UDP sockets, listeners,
/// resolver, the configuration's watcher and a reload in its thread; a new node has 24 open.
constexpr std::uint64_t own_descriptors = 64;
constexpr std::uint64_t gateways_max = 10'000;
constexpr std::uint64_t admin_max = 500;
constexpr std::uint64_t connections_min = 4;

}  // namespace

std::uint64_t raise_descriptors_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return 0;
  const rlim_t before = limit.rlim_cur;
  limit.rlim_cur = limit.rlim_max;
  return setrlimit(RLIMIT_NOFILE, &limit) == 0 ? limit.rlim_cur : before;
}

ConnectionBounds connection_bounds(std::uint64_t descriptors, std::size_t front_ends) {
  const std::uint64_t left = descriptors > own_descriptors ? descriptors - own_descriptors : 0;
  const std::uint64_t admin = std::clamp(left / 8, connections_min, admin_max);
  const std::uint64_t each = (left - std::min(admin, left)) / std::max<std::size_t>(front_ends, 1);
  return {.gateways = static_cast<std::size_t>(std::clamp(each, connections_min, gateways_max)),
          .admin = static_cast<std::size_t>(admin)};
}

}  // namespace starling
