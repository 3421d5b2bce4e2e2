/// The log of a node: one line an event, on stderr.
///
/// Lines are handed to a thread with a bounded queue; when stderr is a full pipe the oldest lines are lost,
/// and the loop goes on.
#pragma once

#include <spdlog/logger.h>

#include <memory>

#include "node/settings.hpp"

namespace starling {

using Log = std::shared_ptr<spdlog::logger>;

Log make_log(LogLevel level);
/// Writes out what is queued. Call before the process ends.
void close_log();

}  // namespace starling
