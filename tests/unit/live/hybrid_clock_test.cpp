#include "live/hybrid_clock.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <vector>

#include "support.hpp"

namespace starling {

TEST_SUITE("live.hybrid_clock") {
  TEST_CASE("stamps of one node only grow, whatever its wall clock does within a day") {
    Random random(1);
    HybridClock clock(OriginId{1});
    Stamp last;
    for (int i = 0; i < 10'000; ++i) {
      const WallTime wall = noon + milliseconds(random.below(hours(23) / milliseconds(1)));
      const Stamp next = clock.next(wall);
      REQUIRE(next > last);
      REQUIRE(next.wall_ms >= ms_since_epoch(wall));
      last = next;
    }
  }

  TEST_CASE("what comes after something heard is stamped above it, by a clock hours behind too") {
    HybridClock ahead(OriginId{2});
    HybridClock behind(OriginId{1});
    const Stamp heard = ahead.next(noon + hours(5));
    REQUIRE(behind.hear(heard, noon));
    const Stamp next = behind.next(noon);
    CHECK(next > heard);
    CHECK(next.wall_ms == heard.wall_ms);
    CHECK(behind.next(noon + hours(6)).wall_ms == ms_since_epoch(noon + hours(6)));
  }

  TEST_CASE("stamps of nodes that knew nothing of each other are never equal") {
    std::vector<Stamp> all;
    for (std::uint64_t origin = 1; origin <= 5; ++origin) {
      HybridClock clock(OriginId{origin});
      for (int i = 0; i < 100; ++i) all.push_back(clock.next(noon));
    }
    std::sort(all.begin(), all.end());
    CHECK(std::adjacent_find(all.begin(), all.end()) == all.end());
  }

  TEST_CASE("a stamp is believed up to 24 hours ahead, and one above that changes nothing") {
    HybridClock clock(OriginId{1});
    Stamp heard{.wall_ms = ms_since_epoch(noon + hours(24)), .logical = 7, .origin = OriginId{2}};
    CHECK(clock.hear(heard, noon));
    CHECK(clock.next(noon) == Stamp{heard.wall_ms, 8, OriginId{1}});
    HybridClock other(OriginId{1});
    ++heard.wall_ms;
    CHECK_FALSE(other.hear(heard, noon));
    CHECK(other.next(noon).wall_ms == ms_since_epoch(noon));
  }

  TEST_CASE("a clock that was years ahead goes on from the wall when it is right again") {
    HybridClock clock(OriginId{1});
    CHECK(clock.next(noon + hours(24 * 3650)).wall_ms == ms_since_epoch(noon + hours(24 * 3650)));
    const Stamp next = clock.next(noon);
    CHECK(next.wall_ms == ms_since_epoch(noon));
    CHECK(clock.next(noon) > next);
  }

  TEST_CASE("the logical part overflows into the next millisecond") {
    HybridClock clock(OriginId{1});
    REQUIRE(clock.hear(Stamp{ms_since_epoch(noon), 0xFFFF'FFFF, OriginId{2}}, noon));
    CHECK(clock.next(noon) == Stamp{ms_since_epoch(noon) + 1, 0, OriginId{1}});
  }

  TEST_CASE("older stamps that are heard change nothing") {
    HybridClock clock(OriginId{1});
    const Stamp first = clock.next(noon);
    CHECK(clock.hear(Stamp{5, 0xFFFF'FFFF, OriginId{2}}, noon));
    CHECK(clock.next(noon) == Stamp{first.wall_ms, first.logical + 1, OriginId{1}});
  }
}

}  // namespace starling
