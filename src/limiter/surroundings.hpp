/// What a decision must know of time and of the cluster. The limiter knows no peers; it is told these
/// numbers.
#pragma once

#include <cstdint>

#include "base/time.hpp"

namespace starling {

struct Surroundings {
  Instant now{};
  WallTime wall{};
  std::uint32_t nodes_count = 1;  ///< live nodes, this one included (N)
  std::uint32_t known_count = 1;  ///< nodes of the neighborhood, reachable or not; at least `nodes_count`
  std::uint32_t rank = 0;         ///< of this node among the live ones by origin id; below `nodes_count`
  bool isolated = false;          ///< DNS lists other nodes and none of them is alive
  /// How long a hit may stay unknown to the others: the same on all nodes (D), at least 1 ms.
  Duration peer_delay = std::chrono::milliseconds(2);
};

}  // namespace starling
