/// The page that Prometheus reads, in its text format, version 0.0.4.
#pragma once

#include <string>

#include "metrics/snapshot.hpp"

namespace starling::metrics {

/// Bounded by the bounds of its parts: at most 1,001 rules (three lines each), 100 peers (three lines), and
/// about 250 lines of all else.
std::string page(const Snapshot& snapshot);

}  // namespace starling::metrics
