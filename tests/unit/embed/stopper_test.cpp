/// The order of ends: left, then nothing more in the loop, then the callback.
#include "embed/stopper.hpp"

#include <doctest/doctest.h>

#include <memory>
#include <optional>
#include <vector>

namespace starling::embed {
namespace {

/// A handle whose close callback can be seen.
void close_later(uv_loop_t* loop, int& closed) {
  auto* handle = new uv_prepare_t;
  uv_prepare_init(loop, handle);
  handle->data = &closed;
  uv_close(reinterpret_cast<uv_handle_t*>(handle), [](uv_handle_t* gone) {
    ++*static_cast<int*>(gone->data);
    delete reinterpret_cast<uv_prepare_t*>(gone);
  });
}

}  // namespace

TEST_SUITE("embed.stopper") {
  TEST_CASE("the callback comes when everything that was closed is gone, and then the loop closes") {
    uv_loop_t raw;
    REQUIRE(uv_loop_init(&raw) == 0);
    {
      Loop loop(raw);
      int asked = 0;
      int closed = 0;
      int closed_when_told = -1;
      std::optional<Stopper> stopper;
      stopper.emplace(
          loop,
          [&] {
            if (++asked < 3) return false;
            for (int i = 0; i < 5; ++i) close_later(&raw, closed);
            return true;
          },
          [&] {
            closed_when_told = closed;
            CHECK(uv_loop_alive(&raw) == 0);
            stopper.reset();
          });
      CHECK(asked == 0);
      uv_run(&raw, UV_RUN_DEFAULT);
      CHECK(asked == 3);
      CHECK(closed_when_told == 5);
      CHECK_FALSE(stopper.has_value());
    }
    CHECK(uv_loop_close(&raw) == 0);
  }

  TEST_CASE("destroyed at any moment, it calls nobody and leaves nothing behind") {
    for (int iterations = 0; iterations < 5; ++iterations) {
      uv_loop_t raw;
      REQUIRE(uv_loop_init(&raw) == 0);
      bool told = false;
      {
        Loop loop(raw);
        Stopper stopper(
            loop, [] { return true; }, [&] { told = true; });
        for (int i = 0; i < iterations && !told; ++i) uv_run(&raw, UV_RUN_NOWAIT);
        const bool told_before = told;
        told = false;
        CHECK((told_before || iterations < 4));
      }
      uv_run(&raw, UV_RUN_DEFAULT);
      CHECK_FALSE(told);
      CHECK(uv_loop_close(&raw) == 0);
    }
  }
}

}  // namespace starling::embed
