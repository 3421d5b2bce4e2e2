#include "cli/watch.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <ctime>
#include <optional>
#include <string_view>
#include <utility>

#include "cli/standard_output.hpp"
#include "cli/watch_frame.hpp"
#include "cli/watch_signals.hpp"

namespace starling::cli {
namespace {

using Clock = std::chrono::steady_clock;
constexpr int exit_no_reader = 1;

TerminalSize size_of_terminal() {
  struct winsize size {};
  if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_row == 0 || size.ws_col == 0) return {};
  return {.rows = size.ws_row, .columns = size.ws_col};
}

std::string wall_clock() {
  const std::time_t now = std::time(nullptr);
  std::tm local{};
  localtime_r(&now, &local);
  return fmt::format("{:%H:%M:%S}", local);
}

std::string age_since(Clock::time_point then) {
  return render_age(std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - then).count() /
                    1000 * 1000);
}

Clock::time_point next_look(const Watch& watch, Clock::time_point last) {
  const auto interval =
      std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(watch.interval_s));
  return last + interval;
}

/// Until then, or until a signal.
void pause_until(Clock::time_point then) {
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(then - Clock::now()).count();
  if (left > 0) poll(nullptr, 0, static_cast<int>(left));
}

/// What is known, between two answers.
struct State {
  std::string body;
  std::string problem;
  std::optional<Clock::time_point> heard;  ///< nothing: never
};

WatchFrame frame_of(const Watch& watch, const State& state) {
  WatchFrame frame{.header = printable(fmt::format("starling {}  {}  {}  every {}s", watch.title,
                                                   wall_clock(), watch.server, watch.interval_s)),
                   .body = state.body};
  if (!state.problem.empty())
    frame.problem =
        watch.paint(Hue::bad, state.heard ? fmt::format("no answer; what follows is {} old: {}",
                                                        age_since(*state.heard), printable(state.problem))
                                          : fmt::format("no answer yet: {}", printable(state.problem)));
  return frame;
}

int run_on_terminal(const Watch& watch) {
  WatchSignals signals(true);
  State state;
  for (;;) {
    const Clock::time_point began = Clock::now();
    if (const auto document = watch.get()) {
      state = {.body = watch.text(*document), .heard = Clock::now()};
    } else {
      state.problem = document.error();
    }
    do {
      const std::vector<std::string> lines = fit(frame_of(watch, state), size_of_terminal());
      std::string last;
      for (const std::string& line : lines) last += line + "\r\n";
      if (!signals.write(repaint(lines), std::move(last))) return exit_no_reader;
      while (Clock::now() < next_look(watch, began)) {
        pause_until(next_look(watch, began));
        if (signals.take_changed()) break;
      }
    } while (Clock::now() < next_look(watch, began));
  }
}

int run_in_blocks(const Watch& watch) {
  WatchSignals signals(false);
  std::string problem;
  bool first = true;
  for (;;) {
    const Clock::time_point began = Clock::now();
    const auto document = watch.get();
    if (!document && document.error() != problem) fmt::print(stderr, "starling: {}\n", document.error());
    problem = document ? "" : document.error();
    if (document) {
      const bool table = watch.format == Format::table || watch.format == Format::wide;
      const std::string_view before = watch.format == Format::yaml ? "---\n" : table && !first ? "\n" : "";
      if (!signals.write(std::string(before) + watch.text(*document))) return exit_no_reader;
      first = false;
    }
    while (Clock::now() < next_look(watch, began)) pause_until(next_look(watch, began));
  }
}

}  // namespace

int run(const Watch& watch) {
  const char* const terminal = std::getenv("TERM");
  const bool can_repaint = is_output_a_terminal() && terminal != nullptr && *terminal != '\0' &&
                           std::string_view(terminal) != "dumb";
  return can_repaint ? run_on_terminal(watch) : run_in_blocks(watch);
}

}  // namespace starling::cli
