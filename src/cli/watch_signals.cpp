#include "cli/watch_signals.hpp"

#include <unistd.h>

#include <array>
#include <atomic>
#include <csignal>
#include <string_view>
#include <utility>

#include "cli/standard_output.hpp"

namespace starling::cli {
namespace {

constexpr std::string_view enter_screen = "\x1b[?1049h\x1b[?25l\x1b[H\x1b[2J";
constexpr std::string_view leave_screen = "\x1b[?25h\x1b[?1049l";
constexpr std::array<int, 4> ending{SIGINT, SIGTERM, SIGHUP, SIGQUIT};

// What handlers can reach. Two frames take turns: one that a handler may be reading is not touched.
std::array<std::string, 2> frames;
std::atomic<const std::string*> shown_frame{nullptr};
std::atomic<bool> has_screen{false};
std::atomic<bool> is_writing{false};
std::atomic<int> pending{0};
std::atomic<bool> changed{false};
static_assert(std::atomic<const std::string*>::is_always_lock_free && std::atomic<int>::is_always_lock_free);

void write_raw(std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(STDOUT_FILENO, text.data(), text.size());
    if (written <= 0) return;
    text.remove_prefix(static_cast<std::size_t>(written));
  }
}

void restore() {
  if (!has_screen.exchange(false)) return;
  write_raw(leave_screen);
  if (const std::string* frame = shown_frame.load()) write_raw(*frame);
}

/// Ctrl-C is how one leaves --watch, so it is no failure. Whoever sends another signal is told that it was
/// that.
void end_by(int number) {
  restore();
  if (number == SIGINT) _exit(0);
  std::signal(number, SIG_DFL);
  sigset_t only;
  sigemptyset(&only);
  sigaddset(&only, number);
  pthread_sigmask(SIG_UNBLOCK, &only, nullptr);
  raise(number);
}

void on_ending(int number) {
  pending.store(number);
  if (!is_writing.load()) end_by(number);
}

void on_stop(int) {
  const bool had_screen = has_screen.load();
  if (had_screen) write_raw(leave_screen);
  raise(SIGSTOP);  // goes on here after SIGCONT
  if (had_screen) write_raw(enter_screen);
  changed.store(true);
}

void on_resize(int) {
  changed.store(true);
}

/// Without SA_RESTART: the pause between two looks ends as well.
void handle(int number, void (*handler)(int)) {
  struct sigaction action {};
  action.sa_handler = handler;
  sigaction(number, &action, nullptr);
}

}  // namespace

WatchSignals::WatchSignals(bool on_terminal) {
  for (const int number : ending) handle(number, on_ending);
  if (!on_terminal) return;
  handle(SIGTSTP, on_stop);
  handle(SIGWINCH, on_resize);
  has_screen.store(true);
  write_raw(enter_screen);
}

WatchSignals::~WatchSignals() {
  restore();
}

bool WatchSignals::write(const std::string& text, std::string last_frame) {
  std::string& next = shown_frame.load() == frames.data() ? frames.back() : frames.front();
  next = std::move(last_frame);
  is_writing.store(true);
  const bool written = put(text);
  shown_frame.store(&next);
  is_writing.store(false);
  if (const int number = pending.load(); number != 0) end_by(number);
  return written;
}

bool WatchSignals::take_changed() {
  return changed.exchange(false);
}

}  // namespace starling::cli
