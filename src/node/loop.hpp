/// The event loop of a node, and the only place where it asks what time it is.
///
/// It is the node's own, or that of a program that embeds it. Somebody else's loop is only used: never run,
/// stopped, closed, and never checked for what others have in it.
#pragma once

#include <uv.h>

#include "base/time.hpp"

namespace starling {

class Loop {
 public:
  /// A loop of its own.
  Loop();
  /// The caller's, which must outlive this and is left as it is.
  explicit Loop(uv_loop_t& callers) : loop_(&callers) {}
  /// If the loop is its own: runs it until every closing handle is gone, then checks that none was forgotten.
  ~Loop();
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  uv_loop_t* get() { return loop_; }

  /// Runs until `stop` or until nothing is left to wait for.
  void run();
  void stop();

  /// How long it has waited for something to do so far; zero of a loop that does not keep count (a caller's).
  Duration idle() const { return Duration(static_cast<std::int64_t>(uv_metrics_idle_time(loop_))); }
  bool counts_idle_time() const { return loop_ == &own_; }

  static Instant now();
  static WallTime wall();

 private:
  uv_loop_t own_{};
  uv_loop_t* const loop_ = &own_;
};

}  // namespace starling
