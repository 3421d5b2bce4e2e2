/// `starling simulate --chaos`: whole clusters with faults, drawn from a seed; for whoever doubts, and to see
/// a failure again.
#pragma once

#include <cstdint>

namespace starling::cli {

/// Runs the scenario of a seed and tells its story. Returns the exit code: 0 all was well, 1 a check failed.
int tell_chaos(std::uint64_t seed);

/// Runs the scenarios of the seeds from `first` to `last`; a line for each that fails, and one about all.
int run_chaos_band(std::uint64_t first, std::uint64_t last);

}  // namespace starling::cli
