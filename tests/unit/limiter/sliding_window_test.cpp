#include "limiter/sliding_window.hpp"

#include <doctest/doctest.h>

#include "base/random.hpp"

namespace starling {
namespace {

constexpr Window window{.length_s = 10, .id = WindowId{100}};  // from 1,000,000 ms to 1,010,000 ms

WallTime at(std::int64_t ms) {
  return WallTime(std::chrono::milliseconds(1'000'000 + ms));
}

}  // namespace

TEST_SUITE("limiter.sliding_window") {
  TEST_CASE("the previous window counts for the share of it that is still covered, rounded up") {
    CHECK(weighted_previous(100, window, at(0)) == 100);
    CHECK(weighted_previous(100, window, at(2500)) == 75);
    CHECK(weighted_previous(100, window, at(2501)) == 75);
    CHECK(weighted_previous(100, window, at(2599)) == 75);
    CHECK(weighted_previous(100, window, at(2600)) == 74);
    CHECK(weighted_previous(1, window, at(9999)) == 1);
    CHECK(weighted_previous(0, window, at(0)) == 0);
  }

  TEST_CASE("a clock outside the window sees an end of it") {
    CHECK(weighted_previous(100, window, at(-5000)) == 100);
    CHECK(weighted_previous(100, window, at(10'000)) == 0);
    CHECK(weighted_previous(100, window, at(50'000)) == 0);
  }

  TEST_CASE("counts near the largest do not overflow") {
    CHECK(weighted_previous(hits_max, Window{.length_s = window_s_max, .id = WindowId{0}},
                            WallTime(std::chrono::milliseconds(0))) == hits_max);
  }

  TEST_CASE("the wait is the shortest after which what is wanted fits") {
    Random random(1);
    for (int i = 0; i < 2000; ++i) {
      const SlidingCounts counts{.previous = random.below(50), .current = random.below(50)};
      const Hits wanted = random.below(50);
      const auto now = static_cast<std::int64_t>(random.below(10'000));
      const auto used_at = [&](std::int64_t ms) {
        if (ms < 10'000) return counts.current + weighted_previous(counts.previous, window, at(ms));
        const Window next{.length_s = 10, .id = WindowId{101}};
        return weighted_previous(counts.current, next, at(ms));
      };
      if (used_at(now) <= wanted) continue;
      const auto wait = static_cast<std::int64_t>(sliding_wait_ms(counts, wanted, window, at(now)));
      CHECK(used_at(now + wait) <= wanted);
      CHECK(used_at(now + wait - 1) > wanted);
    }
  }

  TEST_CASE("what never fits, because it costs more than the limit, waits for an empty window") {
    CHECK(sliding_wait_ms({.previous = 0, .current = 5}, 0, window, at(0)) == 20'000);
    CHECK(sliding_wait_ms({.previous = 0, .current = 0}, 0, window, at(0)) >= 1);
  }
}

}  // namespace starling
