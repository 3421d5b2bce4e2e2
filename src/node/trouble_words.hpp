/// Troubles in the log: how much each matters, how often it is told, and in which words.
#pragma once

#include "node/log.hpp"
#include "node/troubles.hpp"

namespace starling {

/// Tells all that is due.
void log_due(Troubles& troubles, Logger& log, Instant now);
/// Tells this one if it is due.
void log_due(Troubles& troubles, Trouble trouble, Logger& log, Instant now);

}  // namespace starling
