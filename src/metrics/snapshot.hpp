/// All that a page of metrics is made of, taken at one moment.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "base/duration_histogram.hpp"
#include "frontend/front_end_status.hpp"
#include "frontend/request_count.hpp"
#include "metrics/process_usage.hpp"
#include "node/node_counts.hpp"

namespace starling::metrics {

struct Snapshot {
  NodeCounts node;
  std::vector<FrontEndStatus> front_ends;
  std::vector<RequestCount> requests;
  DurationHistogram loop_busy{{}};
  ProcessUsage process;
};

}  // namespace starling::metrics
