#include "base/random.hpp"

#include <doctest/doctest.h>

#include <limits>
#include <set>

namespace starling {
namespace {

TEST_SUITE("base.random") {
  TEST_CASE("a seed gives the sequence that the standard fixes, on every machine") {
    Random random(5489);
    for (int i = 0; i < 9999; ++i) random.next();
    CHECK(random.next() == 9981545732273789042U);  // ISO C++ [rand.predef]
  }

  TEST_CASE("the same seed repeats every kind of draw, another one does not") {
    Random one(7);
    Random same(7);
    Random other(8);
    int agreements = 0;
    for (int i = 0; i < 1000; ++i) {
      CHECK(one.next() == same.next());
      CHECK(one.below(1000) == same.below(1000));
      CHECK(one.unit() == same.unit());
      CHECK(one.chance(0.5) == same.chance(0.5));
      CHECK(one.jittered(std::chrono::seconds(1), 0.2) == same.jittered(std::chrono::seconds(1), 0.2));
      agreements += one.next() == other.next();
      same.next();
    }
    CHECK(agreements == 0);
  }

  TEST_CASE("below stays below, reaches every value, and is 0 when there is none") {
    Random random(3);
    std::set<std::uint64_t> seen;
    for (int i = 0; i < 1000; ++i) seen.insert(random.below(7));
    CHECK(seen == std::set<std::uint64_t>{0, 1, 2, 3, 4, 5, 6});
    CHECK(random.below(1) == 0);
    CHECK(random.below(0) == 0);
    for (int i = 0; i < 100; ++i) CHECK(random.below(std::numeric_limits<std::uint64_t>::max()) + 1 != 0);
  }

  TEST_CASE("unit is in [0, 1) and fills it evenly") {
    Random random(4);
    double sum = 0;
    for (int i = 0; i < 10'000; ++i) {
      const double value = random.unit();
      REQUIRE(value >= 0);
      REQUIRE(value < 1);
      sum += value;
    }
    CHECK(sum / 10'000 == doctest::Approx(0.5).epsilon(0.02));
  }

  TEST_CASE("chance 0 never comes, chance 1 always does") {
    Random random(5);
    for (int i = 0; i < 1000; ++i) {
      CHECK_FALSE(random.chance(0));
      CHECK(random.chance(1));
    }
  }

  TEST_CASE("jitter keeps within its share on both sides and uses all of it") {
    Random random(6);
    const Duration mean = std::chrono::milliseconds(1000);
    Duration least = Duration::max();
    Duration most = Duration::min();
    for (int i = 0; i < 10'000; ++i) {
      const Duration value = random.jittered(mean, 0.2);
      least = std::min(least, value);
      most = std::max(most, value);
    }
    CHECK(least >= std::chrono::milliseconds(800));
    CHECK(least < std::chrono::milliseconds(805));
    CHECK(most <= std::chrono::milliseconds(1200));
    CHECK(most > std::chrono::milliseconds(1195));
    CHECK(random.jittered(mean, 0) == mean);
    CHECK(random.jittered(Duration::zero(), 0.5) == Duration::zero());
  }
}

}  // namespace
}  // namespace starling
