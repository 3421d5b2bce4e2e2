/// How long each turn of the event loop keeps everybody waiting: from waking up to going to sleep again.
///
/// libuv runs most callbacks inside its poll, so the time around a poll says little. libuv itself tells how
/// long it has slept in all (uv_metrics_idle_time); what is left of the time between two polls was work. That
/// costs two looks at the clock a turn, and a poll without waiting before each that waits: nothing while
/// there is much to do.
///
/// Only for a loop of our own: an embedder's loop is not ours to configure.
#pragma once

#include <uv.h>

#include "base/duration_histogram.hpp"
#include "node/handle.hpp"
#include "node/loop.hpp"

namespace starling {

class LoopMeter {
 public:
  /// Before the loop runs for the first time. What is made to run before each sleep later than this belongs
  /// to the turn that it ends. `loop` outlives this.
  explicit LoopMeter(Loop& loop);
  LoopMeter(const LoopMeter&) = delete;
  LoopMeter& operator=(const LoopMeter&) = delete;

  /// Turns that are over.
  const DurationHistogram& busy() const { return busy_; }

 private:
  void on_turn();

  Loop& loop_;
  Handle<uv_prepare_t> turns_;
  DurationHistogram busy_;
  Instant ended_at_{};  // of the last turn
  Duration slept_{};    // until then, since the start
};

}  // namespace starling
