/// A bar on stderr: on a terminal only, and only when it takes so long that people would ask.
#pragma once

#include <chrono>

namespace starling::cli {

class ProgressBar {
 public:
  ProgressBar();
  ~ProgressBar() { clear(); }
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;

  /// `share` of the work is done, in [0, 1].
  void show(double share);
  /// Takes the bar away, so that something else can be said.
  void clear();

 private:
  bool is_terminal_;
  bool drawn_ = false;
  std::chrono::steady_clock::time_point shown_at_ = std::chrono::steady_clock::now();
};

}  // namespace starling::cli
