#include "counter/window.hpp"

#include <doctest/doctest.h>

#include <limits>

#include "base/random.hpp"

namespace starling {
namespace {

using std::chrono::milliseconds;

constexpr std::uint64_t u64_max = std::numeric_limits<std::uint64_t>::max();

WallTime wall_ms(std::int64_t ms) {
  return WallTime(milliseconds(ms));
}
Window window(std::uint32_t length_s, std::uint64_t id) {
  return Window{length_s, WindowId{id}};
}

TEST_SUITE("counter.window") {
  TEST_CASE("windows are aligned to the epoch, whatever their length") {
    CHECK(Window::at(wall_ms(0), 10).id.value == 0);
    CHECK(Window::at(wall_ms(9'999), 10).id.value == 0);
    CHECK(Window::at(wall_ms(10'000), 10).id.value == 1);
    CHECK(Window::at(wall_ms(1'700'000'000'000), 1).id.value == 1'700'000'000);
    CHECK(Window::at(wall_ms(1'700'000'000'000), 60).id.value == 1'700'000'000 / 60);
    CHECK(Window::at(wall_ms(1'700'000'000'000), window_s_max).id.value == 1'700'000'000 / window_s_max);
  }

  TEST_CASE("a time lies in its window and in no other, and windows leave no gap") {
    Random random(1);
    for (int i = 0; i < 10'000; ++i) {
      const auto now_ms = static_cast<std::int64_t>(random.below(4'000'000'000'000));
      const auto length_s = static_cast<std::uint32_t>(1 + random.below(window_s_max));
      const Window at = Window::at(wall_ms(now_ms), length_s);
      CHECK(at.end_ms() - at.length_ms() <= static_cast<std::uint64_t>(now_ms));
      CHECK(static_cast<std::uint64_t>(now_ms) < at.end_ms());
      CHECK(Window::at(wall_ms(static_cast<std::int64_t>(at.end_ms())), length_s).id.value ==
            at.id.value + 1);
    }
  }

  TEST_CASE("a clock before 1970 is in window 0") {
    CHECK(Window::at(wall_ms(-1), 10) == window(10, 0));
    CHECK(Window::at(WallTime::min(), 1) == window(1, 0));
  }

  TEST_CASE("what remains is never 0, not even when the clock has gone on") {
    CHECK(window(10, 0).remaining_ms(wall_ms(0)) == 10'000);
    CHECK(window(10, 0).remaining_ms(wall_ms(9'999)) == 1);
    CHECK(window(10, 0).remaining_ms(wall_ms(10'000)) == 1);
    CHECK(window(10, 0).remaining_ms(wall_ms(99'999)) == 1);
    CHECK(window(10, 2).remaining_ms(wall_ms(5'000)) == 25'000);
  }

  TEST_CASE("windows of different lengths are different even under one id") {
    CHECK(window(1, 5) != window(2, 5));
    CHECK(window(1, 5) != window(1, 6));
  }
}

TEST_SUITE("counter.window_retention") {
  TEST_CASE("a window is kept for one more length after its end, and for the skew") {
    const WindowRetention retention{.skew_max = milliseconds(500)};
    CHECK(retention.expires_ms(window(10, 3)) == 50'500);
    CHECK(retention.accepts(window(10, 3), wall_ms(50'499)));
    CHECK_FALSE(retention.accepts(window(10, 3), wall_ms(50'500)));
  }

  TEST_CASE("a window that is refused is over, or has not come; an absurd id has not come") {
    const WindowRetention retention{.skew_max = milliseconds(500)};
    CHECK_FALSE(retention.is_over(window(10, 3), wall_ms(50'499)));
    CHECK(retention.is_over(window(10, 3), wall_ms(50'500)));
    CHECK_FALSE(retention.is_over(window(10, 9), wall_ms(50'500)));
    CHECK_FALSE(retention.is_over(window(10, ~std::uint64_t{0}), wall_ms(50'500)));
    CHECK_FALSE(retention.is_over(window(0, 3), wall_ms(50'500)));
  }

  TEST_CASE("a window of the future is taken in up to 1 + ceil(skew / length) ahead") {
    const auto ahead_max = [](std::int64_t skew_ms, std::uint32_t length_s) {
      const WindowRetention retention{.skew_max = milliseconds(skew_ms)};
      std::uint64_t ahead = 0;
      while (retention.accepts(window(length_s, 1000 + ahead + 1), wall_ms(1000LL * length_s * 1000)))
        ++ahead;
      return ahead;
    };
    CHECK(ahead_max(0, 1) == 1);
    CHECK(ahead_max(1, 1) == 2);
    CHECK(ahead_max(1000, 1) == 2);
    CHECK(ahead_max(1001, 1) == 3);
    CHECK(ahead_max(1000, 3600) == 2);
    CHECK(ahead_max(5000, 2) == 4);
  }

  TEST_CASE("what is accepted now expires later: nothing enters only to be dropped") {
    Random random(2);
    const WindowRetention retention;
    for (int i = 0; i < 10'000; ++i) {
      const auto length_s = static_cast<std::uint32_t>(1 + random.below(100));
      const WallTime now = wall_ms(static_cast<std::int64_t>(random.below(10'000'000)));
      const std::uint64_t current = Window::at(now, length_s).id.value;
      const Window candidate =
          window(length_s, current + random.below(9) - std::min<std::uint64_t>(current, 4));
      if (retention.accepts(candidate, now)) CHECK(retention.expires_ms(candidate) > ms_since_epoch(now));
    }
    // And the current window always is, whatever the time.
    for (const std::int64_t now_ms : {0LL, 1LL, 1'700'000'000'000LL, 253'402'300'799'000LL})
      for (const std::uint32_t length_s : {1U, 60U, window_s_max})
        CHECK(retention.accepts(Window::at(wall_ms(now_ms), length_s), wall_ms(now_ms)));
  }

  TEST_CASE("absurd ids are refused although their times overflow 64 bits") {
    const WindowRetention retention;
    for (const WallTime now : {WallTime::min(), wall_ms(0), wall_ms(1'700'000'000'000), WallTime::max()})
      for (const std::uint32_t length_s : {1U, 2U, 10U, 86'400U, window_s_max})
        for (const std::uint64_t id :
             {u64_max, u64_max - 1, u64_max / 2, u64_max / 1000, u64_max / 1000 + 1,
              u64_max / (std::uint64_t{length_s} * 1000) + 1, u64_max / (std::uint64_t{length_s} * 1000)}) {
          CAPTURE(id);
          CAPTURE(length_s);
          CHECK_FALSE(retention.accepts(window(length_s, id), now));
        }
  }

  TEST_CASE("lengths outside their bounds are refused") {
    const WindowRetention retention;
    CHECK_FALSE(retention.accepts(window(0, 0), wall_ms(0)));
    CHECK(retention.accepts(window(window_s_max, 0), wall_ms(0)));
    CHECK_FALSE(retention.accepts(window(window_s_max + 1, 0), wall_ms(0)));
    CHECK_FALSE(retention.accepts(window(0xFFFF'FFFF, 0), wall_ms(0)));
  }
}

}  // namespace
}  // namespace starling
