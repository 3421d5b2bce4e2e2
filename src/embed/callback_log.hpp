/// A node's log that ends in a function of the program that embeds it: no thread, no stream, no registry.
#pragma once

#include <starling/node.hpp>

#include "node/log.hpp"

namespace starling::embed {

/// Lines of at least `level` go to `take` at once, on the thread that logs. Null: nothing is logged.
Log make_callback_log(std::function<void(LogLevel, std::string_view)> take, LogLevel level);

}  // namespace starling::embed
