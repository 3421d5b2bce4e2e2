/// What the process takes of the machine, for the `process_*` metrics that every Prometheus client has.
#pragma once

#include <cstdint>

namespace starling::metrics {

struct ProcessUsage {
  double cpu_s = 0;  ///< user and system, of all threads
  std::uint64_t resident_bytes = 0;
  std::uint64_t virtual_bytes = 0;
  std::uint64_t open_fds = 0;
  std::uint64_t max_fds = 0;
  double started_at_s = 0;  ///< since the epoch
};

/// Asks the system. What it does not tell is 0.
///
/// From Linux 6.2 on the number of open files is asked for and not counted; before, it is one look at each of
/// them (0.3 us).
ProcessUsage process_usage();

}  // namespace starling::metrics
