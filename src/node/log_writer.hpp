/// Writes the lines of a log to a file descriptor, from a thread of its own.
///
/// Whoever logs never waits: lines go into a queue with a bound, and when nobody reads the other end (a full
/// pipe, a slow disk) the oldest of them are lost. The first line after a gap says how many. The thread
/// writes without a lock held and in small pieces, so that `close` can tell a slow reader, for whom it waits,
/// from none at all. A thread that is stuck in `write` for ever is left behind: what it uses is its own.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>

#include "node/log.hpp"

namespace starling {

class LogWriter final : public LogSink {
 public:
  struct Options {
    int fd = 2;  ///< not closed; must stay open for as long as the process lives
    LogFormat format = LogFormat::text;
    bool is_coloured = false;
    std::string node;  ///< for JSON
    std::size_t lines_max = 8192;
    std::size_t bytes_max = std::size_t{4} * 1024 * 1024;
  };

  /// Throws `std::system_error` if the machine has no thread left.
  explicit LogWriter(Options options);
  ~LogWriter() override { close(); }
  LogWriter(const LogWriter&) = delete;
  LogWriter& operator=(const LogWriter&) = delete;

  void take(const LogRecord& record) override;
  std::uint64_t dropped() const override;
  /// Writes what is queued; whoever reads nothing for `patience` will not be waited for. Lines that come
  /// later are lost. To be called once or more.
  void close() override;

  static constexpr std::chrono::milliseconds patience{1000};
  static constexpr std::chrono::milliseconds close_wait_max{10'000};  ///< even for a slow reader

 private:
  struct Shared;

  static void run(const std::shared_ptr<Shared>& shared);

  std::shared_ptr<Shared> shared_;  ///< with the thread
  std::thread thread_;
};

}  // namespace starling
