/// What --watch shows on a terminal: a line about itself, a line about what is wrong, and as much of the
/// state as there is room for. Nothing wraps and nothing scrolls, so that the next frame can be painted over
/// it.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace starling::cli {

struct TerminalSize {
  std::size_t rows = 24;
  std::size_t columns = 80;
};

struct WatchFrame {
  std::string header;
  std::string problem;  ///< one line; empty: all is well
  std::string body;     ///< lines, may have colours
};

/// At most as many lines as the terminal has rows, none wider than its columns. What has no room is counted
/// in the last one.
std::vector<std::string> fit(const WatchFrame& frame, TerminalSize size);

/// What paints them over whatever is there, without clearing first, which would flicker.
std::string repaint(const std::vector<std::string>& lines);

}  // namespace starling::cli
