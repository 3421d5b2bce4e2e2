#include "node/log_writer.hpp"

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <string_view>
#include <utility>

#include "node/log_line.hpp"
#include "node/loop.hpp"

namespace starling {
namespace {

constexpr std::size_t batch_bytes_max = std::size_t{64} * 1024;
constexpr std::size_t piece_bytes_max = 4096;  // what a pipe takes whole, and a sign of life for `close`

/// No signal is for this thread: the loop's handlers stay on the loop's thread.
class SignalsBlocked {
 public:
  SignalsBlocked() {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  ~SignalsBlocked() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  SignalsBlocked(const SignalsBlocked&) = delete;
  SignalsBlocked& operator=(const SignalsBlocked&) = delete;

 private:
  sigset_t before_{};
};

}  // namespace

struct LogWriter::Shared {
  explicit Shared(Options given) : options(std::move(given)) {}

  void format(std::string& out, const LogRecord& record) const {
    if (options.format == LogFormat::json)
      append_json_line(out, record, options.node);
    else
      append_text_line(out, record, options.is_coloured);
    out += '\n';
  }
  void lose(std::uint64_t count) {
    lost_unsaid += count;
    dropped += count;
  }
  bool write_all(std::string_view text);
  std::size_t take_batch(std::string& out);

  const Options options;
  std::atomic<std::uint64_t> dropped{0};
  std::atomic<std::uint64_t> pieces_written{0};

  std::mutex mutex;  // for all below
  std::condition_variable wake;
  std::condition_variable ended;
  std::deque<std::string> lines;
  std::size_t bytes = 0;
  std::uint64_t lost_unsaid = 0;
  bool is_closing = false;
  bool has_ended = false;
};

bool LogWriter::Shared::write_all(std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(options.fd, text.data(), std::min(text.size(), piece_bytes_max));
    if (written > 0) {
      text.remove_prefix(static_cast<std::size_t>(written));
      ++pieces_written;
    } else if (written < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
      // Somebody who shares our stderr has made it non-blocking.
      pollfd ready{.fd = options.fd, .events = POLLOUT, .revents = 0};
      ::poll(&ready, 1, -1);
    } else if (written == 0 || errno != EINTR) {
      return false;
    }
  }
  return true;
}

/// Returns how many lines, without the one about those that were lost. Under the lock.
std::size_t LogWriter::Shared::take_batch(std::string& out) {
  if (lost_unsaid != 0) {
    const std::uint64_t count = std::exchange(lost_unsaid, 0);
    const LogField field("lines_lost", count);
    format(out, {.at = Loop::wall(),
                 .level = LogLevel::warn,
                 .message = "lines of the log were lost here: nobody read them in time",
                 .fields = {&field, 1}});
  }
  std::size_t count = 0;
  while (!lines.empty() && (count == 0 || out.size() + lines.front().size() <= batch_bytes_max)) {
    out += lines.front();
    bytes -= lines.front().size();
    lines.pop_front();
    ++count;
  }
  return count;
}

void LogWriter::run(const std::shared_ptr<Shared>& shared) {
  std::string batch;
  std::unique_lock lock(shared->mutex);
  for (;;) {
    shared->wake.wait(lock, [&] { return !shared->lines.empty() || shared->is_closing; });
    if (shared->lines.empty() && shared->lost_unsaid == 0) break;
    batch.clear();
    const std::size_t count = shared->take_batch(batch);
    lock.unlock();
    const bool is_written = shared->write_all(batch);
    lock.lock();
    if (is_written) continue;
    shared->lose(count);
    if (shared->is_closing && shared->lines.empty()) break;
  }
  shared->has_ended = true;
  shared->ended.notify_all();
}

LogWriter::LogWriter(Options options) : shared_(std::make_shared<Shared>(std::move(options))) {
  const SignalsBlocked blocked;
  thread_ = std::thread([shared = shared_] { run(shared); });
}

void LogWriter::take(const LogRecord& record) {
  std::string line;
  shared_->format(line, record);
  {
    const std::lock_guard lock(shared_->mutex);
    if (shared_->is_closing) {
      ++shared_->dropped;
      return;
    }
    shared_->bytes += line.size();
    shared_->lines.push_back(std::move(line));
    while (shared_->lines.size() > shared_->options.lines_max ||
           shared_->bytes > shared_->options.bytes_max) {
      shared_->bytes -= shared_->lines.front().size();
      shared_->lines.pop_front();
      shared_->lose(1);
    }
  }
  shared_->wake.notify_one();
}

std::uint64_t LogWriter::dropped() const {
  return shared_->dropped;
}

void LogWriter::close() {
  if (!thread_.joinable()) return;
  const auto deadline = std::chrono::steady_clock::now() + close_wait_max;
  std::unique_lock lock(shared_->mutex);
  shared_->is_closing = true;
  shared_->wake.notify_one();
  for (std::uint64_t seen = 0; !shared_->has_ended && std::chrono::steady_clock::now() < deadline;) {
    seen = shared_->pieces_written;
    shared_->ended.wait_for(lock, patience, [&] { return shared_->has_ended; });
    if (shared_->pieces_written == seen) break;
  }
  const bool has_ended = shared_->has_ended;
  lock.unlock();
  if (has_ended)
    thread_.join();
  else
    thread_.detach();
}

}  // namespace starling
