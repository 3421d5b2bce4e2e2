#include "node/loop.hpp"

#include "base/check.hpp"

namespace starling {

Loop::Loop() {
  STARLING_CHECK(uv_loop_init(loop_) == 0);
  STARLING_CHECK(uv_loop_configure(loop_, UV_METRICS_IDLE_TIME) == 0);
}

Loop::~Loop() {
  if (loop_ != &own_) return;
  uv_run(loop_, UV_RUN_DEFAULT);
  STARLING_CHECK(uv_loop_close(loop_) == 0);
}

void Loop::run() {
  uv_run(loop_, UV_RUN_DEFAULT);
}

void Loop::stop() {
  uv_stop(loop_);
}

Instant Loop::now() {
  return Instant(Duration(static_cast<std::int64_t>(uv_hrtime())));
}

WallTime Loop::wall() {
  uv_timeval64_t time{};
  uv_gettimeofday(&time);
  return WallTime(WallClock::duration(time.tv_sec * 1000 + time.tv_usec / 1000));
}

}  // namespace starling
