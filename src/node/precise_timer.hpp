/// One timer with the resolution of the kernel's clock.
///
/// libuv's own timers count whole milliseconds; the flush rule wants half of one (`design.md` section 4), and
/// over- admission grows with every wait. So this is a timerfd that the loop polls.
#pragma once

#include <uv.h>

#include "base/time.hpp"
#include "node/handle.hpp"
#include "node/loop.hpp"

namespace starling {

class PreciseTimer {
 public:
  class Listener {
   public:
    virtual void on_timer() = 0;

   protected:
    ~Listener() = default;
  };

  /// `loop` and `listener` must outlive the timer.
  PreciseTimer(Loop& loop, Listener& listener);
  ~PreciseTimer();
  PreciseTimer(const PreciseTimer&) = delete;
  PreciseTimer& operator=(const PreciseTimer&) = delete;

  /// Fires once, at `deadline` (or at once if that is past), unless it is armed anew before. `never` disarms.
  void arm(Instant deadline);

 private:
  void on_readable();

  Listener& listener_;
  int descriptor_ = -1;
  Handle<uv_poll_t> poll_;
  Instant armed_ = never;
};

}  // namespace starling
