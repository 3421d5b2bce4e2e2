/// How --watch ends, stops, and learns of a resized window, at once even while it waits for a node.
///
/// Signals come at any time and, since look-ups have threads, in any thread. So the handlers do themselves
/// what must be done: they give the terminal back, leave the last frame on it, and end the process. While
/// something is being written they wait for its end, so that neither an escape sequence nor a line of JSON is
/// cut in the middle.
#pragma once

#include <string>

namespace starling::cli {

class WatchSignals {
 public:
  /// `on_terminal`: a screen of its own is opened (the alternate one), and closed again.
  explicit WatchSignals(bool on_terminal);
  ~WatchSignals();
  WatchSignals(const WatchSignals&) = delete;
  WatchSignals& operator=(const WatchSignals&) = delete;

  /// Writes `text`. `last_frame` stays on the ordinary screen when the process ends. False after an error,
  /// which was told.
  bool write(const std::string& text, std::string last_frame = {});

  /// True once after the window has changed, or the process was stopped and goes on.
  bool take_changed();
};

}  // namespace starling::cli
