#include "histogram.hpp"

#include <doctest/doctest.h>

#include <limits>

using starling::load::Histogram;

TEST_SUITE("load.histogram") {
  TEST_CASE("an empty one has no quantiles") {
    const Histogram histogram;
    CHECK(histogram.count() == 0);
    CHECK(histogram.quantile(0.5) == 0);
    CHECK(histogram.quantile(1) == 0);
  }

  TEST_CASE("a quantile is never too low, and at most 0.8 % too high") {
    for (std::uint64_t value = 1; value < std::uint64_t{1} << 40U; value = value * 17 / 16 + 1) {
      Histogram histogram;
      histogram.add(value);
      histogram.add(value * 4);  // so that the largest value does not cap it
      CAPTURE(value);
      CHECK(histogram.quantile(0.5) >= value);
      CHECK(static_cast<double>(histogram.quantile(0.5)) <= static_cast<double>(value) * 1.008);
    }
  }

  TEST_CASE("quantiles count from below, and the last is the largest value") {
    Histogram histogram;
    for (std::uint64_t value = 1; value <= 100; ++value) histogram.add(value);
    CHECK(histogram.quantile(0) == 1);
    CHECK(histogram.quantile(0.5) == 50);
    CHECK(histogram.quantile(0.99) == 99);
    CHECK(histogram.quantile(1) == 100);
  }

  TEST_CASE("the largest number fits") {
    Histogram histogram;
    histogram.add(std::numeric_limits<std::uint64_t>::max());
    histogram.add(0);
    CHECK(histogram.quantile(0.5) == 0);
    CHECK(histogram.quantile(1) == std::numeric_limits<std::uint64_t>::max());
  }
}
