/// A loop of one's own, and somebody else's.
#include "node/loop.hpp"

#include <doctest/doctest.h>

#include <memory>

#include "node/handle.hpp"

namespace starling {

TEST_SUITE("node.loop") {
  TEST_CASE("its own loop is drained and closed in the end") {
    bool closed = false;
    auto timer = std::make_unique<uv_timer_t>();
    {
      Loop loop;
      REQUIRE(uv_timer_init(loop.get(), timer.get()) == 0);
      timer->data = &closed;
      uv_close(reinterpret_cast<uv_handle_t*>(timer.get()),
               [](uv_handle_t* handle) { *static_cast<bool*>(handle->data) = true; });
      CHECK_FALSE(closed);
    }
    CHECK(closed);
  }

  TEST_CASE("a caller's loop is neither run nor closed, whatever is in it") {
    uv_loop_t callers;
    REQUIRE(uv_loop_init(&callers) == 0);
    int ticks = 0;
    uv_timer_t timer;
    {
      Loop loop(callers);
      CHECK(loop.get() == &callers);
      REQUIRE(uv_timer_init(loop.get(), &timer) == 0);
      timer.data = &ticks;
      uv_timer_start(
          &timer, [](uv_timer_t* handle) { ++*static_cast<int*>(handle->data); }, 0, 0);
    }
    CHECK(ticks == 0);
    CHECK(uv_loop_alive(&callers) != 0);
    uv_run(&callers, UV_RUN_DEFAULT);
    CHECK(ticks == 1);
    uv_close(reinterpret_cast<uv_handle_t*>(&timer), nullptr);
    uv_run(&callers, UV_RUN_DEFAULT);
    CHECK(uv_loop_close(&callers) == 0);
  }
}

}  // namespace starling
