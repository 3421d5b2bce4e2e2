/// How many files and sockets this process may have open, and who may have how many of them.
///
/// A server that runs out of descriptors cannot even refuse: its clients wait in the kernel's queue, or are
/// hung up on by libuv without anybody counting it. So the limit is raised as far as it goes, and the
/// connections of all front ends together are bounded below it; whoever comes after that is refused and
/// counted.
#pragma once

#include <cstddef>
#include <cstdint>

namespace starling {

/// Raises the soft limit of this process to the hard one. Returns how many there may be now.
std::uint64_t raise_descriptors_limit();

struct ConnectionBounds {
  std::size_t gateways = 0;  ///< of each front end that gateways ask, by default
  std::size_t admin = 0;

  bool operator==(const ConnectionBounds&) const = default;
};

/// What `descriptors` allow; at most 10,000 for each of the `front_ends` that gateways ask, 500 for people.
ConnectionBounds connection_bounds(std::uint64_t descriptors, std::size_t front_ends);

}  // namespace starling
