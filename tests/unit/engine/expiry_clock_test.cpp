#include "engine/expiry_clock.hpp"

#include <doctest/doctest.h>

namespace starling {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

/// A wall clock that is `step` off from the moment that it is set.
struct Clock {
  ExpiryClock expiry;
  Instant now{seconds(1000)};
  milliseconds step{};

  WallTime wall() const {
    return WallTime(milliseconds(1'800'000'000'000)) +
           std::chrono::duration_cast<milliseconds>(now.time_since_epoch()) + step;
  }
  /// By how much expiry runs behind the wall after `duration`, looked at every 250 ms.
  std::int64_t behind_ms(Duration duration) {
    WallTime at = expiry.at(now, wall());
    for (const Instant end = now + duration; now < end;) {
      now += milliseconds(250);
      at = expiry.at(now, wall());
    }
    return (wall() - at).count();
  }
};

}  // namespace

TEST_SUITE("engine.expiry_clock") {
  TEST_CASE("a steady clock is taken as it is, from the first look on") {
    Clock clock;
    CHECK(clock.behind_ms(seconds(0)) == 0);
    CHECK(clock.behind_ms(seconds(60)) == 0);
  }

  TEST_CASE("a step forward is believed after five to six seconds, and time goes on meanwhile") {
    Clock clock;
    clock.behind_ms(seconds(10));
    clock.step = milliseconds(30'000);
    CHECK(clock.behind_ms(milliseconds(4750)) == 30'000);
    CHECK(clock.behind_ms(milliseconds(1250)) == 0);
  }

  TEST_CASE("a step forward and back again was nothing") {
    Clock clock;
    clock.behind_ms(seconds(10));
    clock.step = milliseconds(30'000);
    CHECK(clock.behind_ms(seconds(4)) == 30'000);
    clock.step = milliseconds(0);
    CHECK(clock.behind_ms(seconds(0)) == 0);
    CHECK(clock.behind_ms(seconds(10)) == 0);
  }

  TEST_CASE("a step back is believed at once") {
    Clock clock;
    clock.behind_ms(seconds(10));
    clock.step = milliseconds(-30'000);
    CHECK(clock.behind_ms(seconds(0)) == 0);
    clock.step = milliseconds(0);
    CHECK(clock.behind_ms(seconds(4)) == 30'000);
    CHECK(clock.behind_ms(seconds(2)) == 0);
  }

  TEST_CASE("a clock that drifts is followed six seconds late: at 500 ppm by 3 ms") {
    Clock clock;
    std::int64_t behind = 0;
    for (int i = 0; i < 1000; ++i) {
      clock.step += milliseconds(1);
      behind = std::max(behind, clock.behind_ms(seconds(2)));
    }
    CHECK(behind <= 3);
  }
}

}  // namespace starling
