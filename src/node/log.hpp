/// The log of a node: whoever has something to say says it here, on the loop's thread.
///
/// A line is a message for people and fields for programs (`node/log_record.hpp`):
///
///     log->warn({{"peer", name}, {"address", address}}, "peer suspect: it has missed {} heartbeats",
///     missed);
///
/// Where lines end is the business of a `LogSink`: a writer on stderr (`node/log_writer.hpp`), or a function
/// of the program that embeds the node. A sink never blocks.
#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <memory>
#include <utility>

#include "node/log_record.hpp"
#include "node/log_stats.hpp"

namespace starling {

class LogSink {
 public:
  virtual ~LogSink() = default;
  /// `record` is valid during the call.
  virtual void take(const LogRecord& record) = 0;
  /// Lines that were taken and then lost.
  virtual std::uint64_t dropped() const { return 0; }
  /// Nothing more will come. May wait, but not for ever.
  virtual void close() {}
};

class Logger {
 public:
  /// Lines below `level` are not made. Without a sink none is.
  Logger(std::unique_ptr<LogSink> sink, LogLevel level) : sink_(std::move(sink)), level_(level) {}

  bool should_log(LogLevel level) const { return sink_ != nullptr && level >= level_; }

  template <class... Args>
  void log(LogLevel level, LogFields fields, fmt::format_string<Args...> text, Args&&... args) {
    if (should_log(level)) write(level, fields, text, fmt::make_format_args(args...));
  }
  template <class... Args>
  void log(LogLevel level, fmt::format_string<Args...> text, Args&&... args) {
    if (should_log(level)) write(level, {}, text, fmt::make_format_args(args...));
  }

  template <class... Args>
  void debug(LogFields fields, fmt::format_string<Args...> text, Args&&... args) {
    log(LogLevel::debug, fields, text, std::forward<Args>(args)...);
  }
  template <class... Args>
  void debug(fmt::format_string<Args...> text, Args&&... args) {
    log(LogLevel::debug, text, std::forward<Args>(args)...);
  }
  template <class... Args>
  void info(LogFields fields, fmt::format_string<Args...> text, Args&&... args) {
    log(LogLevel::info, fields, text, std::forward<Args>(args)...);
  }
  template <class... Args>
  void info(fmt::format_string<Args...> text, Args&&... args) {
    log(LogLevel::info, text, std::forward<Args>(args)...);
  }
  template <class... Args>
  void warn(LogFields fields, fmt::format_string<Args...> text, Args&&... args) {
    log(LogLevel::warn, fields, text, std::forward<Args>(args)...);
  }
  template <class... Args>
  void warn(fmt::format_string<Args...> text, Args&&... args) {
    log(LogLevel::warn, text, std::forward<Args>(args)...);
  }
  template <class... Args>
  void error(LogFields fields, fmt::format_string<Args...> text, Args&&... args) {
    log(LogLevel::error, fields, text, std::forward<Args>(args)...);
  }
  template <class... Args>
  void error(fmt::format_string<Args...> text, Args&&... args) {
    log(LogLevel::error, text, std::forward<Args>(args)...);
  }

  LogStats stats() const;

  /// Writes out what is queued. Call before the process ends.
  void close() {
    if (sink_ != nullptr) sink_->close();
  }

 private:
  void write(LogLevel level, LogFields fields, fmt::string_view text, fmt::format_args args);

  std::unique_ptr<LogSink> sink_;
  LogLevel level_;
  LogStats stats_;
};

using Log = std::shared_ptr<Logger>;

}  // namespace starling
