/// Waits on the caller's loop until a node has left, and then until the loop has forgotten its last handle.
///
/// libuv runs the close callbacks of one iteration together, the last closed first, and what is closed
/// meanwhile in the next one. So when a handle that was closed inside a close callback is gone, everything
/// that was closed before it is gone as well, whatever it was and whoever owned it.
#pragma once

#include <uv.h>

#include <functional>

#include "node/handle.hpp"
#include "node/loop.hpp"

namespace starling::embed {

class Stopper {
 public:
  /// `has_left` is asked every `poll_ms`, first in the next iteration; true only once, then it must have
  /// closed all handles. `on_closed` comes when the loop has let go of them; it may destroy this object.
  /// Neither is called after the destructor.
  Stopper(Loop& loop, std::function<bool()> has_left, std::function<void()> on_closed);
  ~Stopper();
  Stopper(const Stopper&) = delete;
  Stopper& operator=(const Stopper&) = delete;

 private:
  static constexpr std::uint64_t poll_ms = 10;
  /// Outlives this object if need be: the loop owns it.
  struct Echo;

  void on_poll();

  Loop& loop_;
  std::function<bool()> has_left_;
  std::function<void()> on_closed_;
  Handle<uv_timer_t> timer_;
  Echo* echo_ = nullptr;
};

}  // namespace starling::embed
