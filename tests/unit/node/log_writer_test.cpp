/// The log's thread at real pipes: with a reader, with none, with one that comes back, and at the end.
#include "node/log_writer.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

namespace starling {
namespace {

/// A pipe whose ends are closed with it, or before.
class Pipe {
 public:
  Pipe() {
    REQUIRE(::pipe2(ends_.data(), O_CLOEXEC) == 0);
    ::signal(SIGPIPE, SIG_IGN);  // as in a node
  }
  ~Pipe() {
    close_reader();
    if (ends_[1] >= 0) ::close(ends_[1]);
  }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;

  int writer() const { return ends_[1]; }
  void close_reader() {
    if (const int fd = std::exchange(ends_[0], -1); fd >= 0) ::close(fd);
  }
  /// For a thread that is left behind.
  void leave_writer_open() { ends_[1] = -1; }
  /// Reads until `part` was in it.
  std::string read_until(std::string_view part) {
    std::string text;
    std::array<char, 65536> some{};
    while (text.find(part) == std::string::npos) {
      const ssize_t count = ::read(ends_[0], some.data(), some.size());
      REQUIRE(count > 0);
      text.append(some.data(), static_cast<std::size_t>(count));
    }
    return text;
  }

 private:
  std::array<int, 2> ends_{-1, -1};
};

LogRecord record_of(std::string_view message) {
  return {.at = WallTime{}, .level = LogLevel::info, .message = message, .fields = {}};
}

std::size_t lines_in(std::string_view text) {
  std::size_t count = 0;
  for (const char c : text) count += c == '\n' ? 1 : 0;
  return count;
}

/// Of all lines that tell how many were lost.
std::uint64_t sum_told(std::string_view text, std::string_view key) {
  std::uint64_t sum = 0;
  for (std::size_t at = text.find(key); at != std::string_view::npos; at = text.find(key, at + 1))
    sum += std::stoull(std::string(text.substr(at + key.size(), 20)));
  return sum;
}

TEST_SUITE("node.log_writer") {
  TEST_CASE("what is read is complete and in order, and nothing is lost at the end") {
    Pipe pipe;
    LogWriter writer({.fd = pipe.writer(), .lines_max = 10'000});
    constexpr int count = 5000;
    std::string text;
    std::thread reader([&] { text = pipe.read_until("line 4999\n"); });
    for (int i = 0; i < count; ++i) writer.take(record_of("line " + std::to_string(i)));
    writer.close();
    reader.join();
    CHECK(writer.dropped() == 0);
    CHECK(lines_in(text) == count);
    std::size_t at = 0;
    for (int i = 0; i < count; ++i) {
      at = text.find("line " + std::to_string(i) + "\n", at);
      REQUIRE(at != std::string::npos);
    }
  }

  TEST_CASE("nobody reads: the oldest lines go, and whoever comes back is told how many") {
    for (const LogFormat format : {LogFormat::text, LogFormat::json}) {
      Pipe pipe;
      LogWriter writer({.fd = pipe.writer(), .format = format, .node = "n1", .lines_max = 100});
      const std::string filler(200, 'x');
      constexpr std::uint64_t count = 20'000;  // some 5 MB: far beyond what the pipe and the queue hold
      for (std::uint64_t i = 0; i < count; ++i) writer.take(record_of(filler));
      writer.take(record_of("the last"));
      const std::uint64_t lost = writer.dropped();
      CHECK(lost > count / 2);
      const std::string text = pipe.read_until("the last");
      CHECK(sum_told(text, format == LogFormat::json ? "\"lines_lost\":" : "lines_lost=") == lost);
      CHECK(writer.dropped() == lost);
    }
  }

  TEST_CASE("a queue is bounded in bytes as well") {
    Pipe pipe;
    LogWriter writer({.fd = pipe.writer(), .lines_max = 1'000'000, .bytes_max = 1'000'000});
    const std::string large(100'000, 'x');
    for (int i = 0; i < 100; ++i) writer.take(record_of(large));
    CHECK(writer.dropped() >= 80);
    pipe.close_reader();
  }

  TEST_CASE("the end does not wait for a pipe that nobody reads") {
    Pipe pipe;
    LogWriter writer({.fd = pipe.writer()});
    for (int i = 0; i < 3000; ++i) writer.take(record_of(std::string(100, 'x')));
    writer.close();  // returns, or the test hangs
    const std::uint64_t before = writer.dropped();
    writer.take(record_of("too late"));
    CHECK(writer.dropped() == before + 1);
    writer.close();
    pipe.leave_writer_open();
    pipe.close_reader();
  }

  TEST_CASE("a reader that is gone costs lines, nothing else") {
    Pipe pipe;
    LogWriter writer({.fd = pipe.writer()});
    pipe.close_reader();
    for (int i = 0; i < 10; ++i) writer.take(record_of("a"));
    writer.close();
    CHECK(writer.dropped() == 10);
  }

  TEST_CASE("a non-blocking stderr is waited for") {
    Pipe pipe;
    REQUIRE(::fcntl(pipe.writer(), F_SETFL, O_NONBLOCK) == 0);
    LogWriter writer({.fd = pipe.writer()});
    for (int i = 0; i < 3000; ++i) writer.take(record_of(std::string(100, 'x')));
    writer.take(record_of("the last"));
    const std::string text = pipe.read_until("the last\n");
    CHECK(lines_in(text) == 3001);
    CHECK(writer.dropped() == 0);
  }
}

}  // namespace
}  // namespace starling
