#include "node/log.hpp"

#include <fmt/format.h>

#include "node/loop.hpp"

namespace starling {

void Logger::write(LogLevel level, LogFields fields, fmt::string_view text, fmt::format_args args) {
  const std::string message = fmt::vformat(text, args);
  ++stats_.lines[static_cast<std::size_t>(level)];
  sink_->take(
      {.at = Loop::wall(), .level = level, .message = message, .fields = {fields.begin(), fields.size()}});
}

LogStats Logger::stats() const {
  LogStats stats = stats_;
  if (sink_ != nullptr) stats.dropped = sink_->dropped();
  return stats;
}

}  // namespace starling
