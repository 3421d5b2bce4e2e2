#include "node/precise_timer.hpp"

#include <doctest/doctest.h>

namespace starling {
namespace {

using std::chrono::hours;
using std::chrono::microseconds;

struct Bell final : PreciseTimer::Listener {
  Loop& loop;
  int rings = 0;
  Instant rang{};
  explicit Bell(Loop& on) : loop(on) {}
  void on_timer() override {
    ++rings;
    rang = Loop::now();
    loop.stop();
  }
};

}  // namespace

TEST_SUITE("node.precise_timer") {
  TEST_CASE("it fires once, at its deadline or later and never before") {
    Loop loop;
    Bell bell(loop);
    PreciseTimer timer(loop, bell);
    const Instant deadline = Loop::now() + microseconds(300);
    timer.arm(deadline);
    loop.run();
    CHECK(bell.rings == 1);
    CHECK(bell.rang >= deadline);
  }

  TEST_CASE("a deadline in the past fires at once") {
    Loop loop;
    Bell bell(loop);
    PreciseTimer timer(loop, bell);
    timer.arm(Instant{});
    loop.run();
    CHECK(bell.rings == 1);
  }

  TEST_CASE("armed anew it forgets the old deadline; the same deadline twice is armed once") {
    Loop loop;
    Bell bell(loop);
    PreciseTimer timer(loop, bell);
    timer.arm(Loop::now() + hours(1));
    const Instant deadline = Loop::now() + microseconds(500);
    timer.arm(deadline);
    timer.arm(deadline);
    loop.run();
    CHECK(bell.rings == 1);
    CHECK(bell.rang >= deadline);
  }

  TEST_CASE("it can be armed again from its own callback's deadline") {
    Loop loop;
    Bell bell(loop);
    PreciseTimer timer(loop, bell);
    for (int i = 1; i <= 5; ++i) {
      timer.arm(Loop::now() + microseconds(50));
      loop.run();
      CHECK(bell.rings == i);
    }
  }
}

}  // namespace starling
