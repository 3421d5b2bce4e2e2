#include "base/duration_histogram.hpp"

#include <doctest/doctest.h>

#include <array>

namespace starling {

TEST_SUITE("base.duration_histogram") {
  TEST_CASE("a duration on a bound is within it, one above the last is counted too, and the sum is of all") {
    constexpr std::array<Duration, 2> bounds{Duration(10), Duration(100)};
    DurationHistogram histogram(bounds);
    for (const int ns : {0, 10, 11, 100, 101, 5000}) histogram.observe(Duration(ns));
    CHECK(histogram.counts() == std::vector<std::uint64_t>{2, 2, 2});
    CHECK(histogram.sum() == Duration(5222));
    histogram.observe(Duration(-7));  // a clock that went back
    CHECK(histogram.counts() == std::vector<std::uint64_t>{3, 2, 2});
    CHECK(histogram.sum() == Duration(5222));
  }

  TEST_CASE("without bounds everything is counted in one place") {
    DurationHistogram histogram({});
    histogram.observe(Duration::max());
    CHECK(histogram.counts() == std::vector<std::uint64_t>{1});
  }
}

}  // namespace starling
