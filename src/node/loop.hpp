/// The event loop of a node, and the only place where it asks what time it is.
#pragma once

#include <uv.h>

#include "base/time.hpp"

namespace starling {

class Loop {
 public:
  Loop();
  /// Runs the loop until every closing handle is gone, then checks that none was forgotten.
  ~Loop();
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  uv_loop_t* get() { return &loop_; }

  /// Runs until `stop` or until nothing is left to wait for.
  void run();
  void stop();

  static Instant now();
  static WallTime wall();

 private:
  uv_loop_t loop_{};
};

}  // namespace starling
