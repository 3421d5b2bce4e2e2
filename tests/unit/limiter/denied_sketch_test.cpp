#include "limiter/denied_sketch.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <map>

#include "base/random.hpp"

namespace starling {
namespace {

CounterId counter(std::uint64_t key, std::uint64_t window = 7) {
  return CounterId{.key = CounterKey{key}, .window = Window{.length_s = 10, .id = WindowId{window}}};
}

}  // namespace

TEST_SUITE("limiter.denied_sketch") {
  TEST_CASE("while there is room every count is exact, denied and learned apart") {
    DeniedSketch sketch(4);
    CHECK(sketch.add(counter(1), 2, false));
    CHECK_FALSE(sketch.add(counter(1), 3, false));
    CHECK_FALSE(sketch.add(counter(1), 10, true));
    CHECK(sketch.add(counter(1, 8), 1, true));  // the next window is another counter
    const auto* row = sketch.find(counter(1));
    REQUIRE(row != nullptr);
    CHECK(row->denied == 5);
    CHECK(row->learned == 10);
    CHECK(row->missed_max == 0);
    CHECK(sketch.find(counter(1, 8))->learned == 1);
    CHECK(sketch.find(counter(2)) == nullptr);
  }

  TEST_CASE("a newcomer takes the lightest row and tells how wrong it may be") {
    DeniedSketch sketch(2);
    sketch.add(counter(1), 10, false);
    sketch.add(counter(2), 3, false);
    sketch.add(counter(3), 1, false);
    CHECK(sketch.find(counter(2)) == nullptr);
    REQUIRE(sketch.find(counter(3)) != nullptr);
    CHECK(sketch.find(counter(3))->denied == 1);
    CHECK(sketch.find(counter(3))->missed_max == 3);
    CHECK(sketch.find(counter(1))->denied == 10);
  }

  TEST_CASE("zipf: what is shown is never too much, the error keeps its bound, the hottest are all there") {
    constexpr std::size_t rows = 64;
    DeniedSketch sketch(rows);
    std::map<std::uint64_t, Hits> truth;
    Hits total = 0;
    Random random(5);
    for (int i = 0; i < 200'000; ++i) {
      // The inverse of a density 1 / x: rank 1 is hit as often as ranks 2 and 3 together.
      const auto key = static_cast<std::uint64_t>(std::exp(random.unit() * std::log(20'000.0)));
      const Hits hits = 1 + random.below(3);
      sketch.add(counter(key), hits, random.chance(0.2));
      truth[key] += hits;
      total += hits;
    }
    CHECK(sketch.rows().size() == rows);
    Hits weights = 0;
    for (const DeniedSketch::Row& row : sketch.rows()) {
      const Hits real = truth[row.counter.key.value];
      CHECK(row.seen() <= real);
      CHECK(row.weight() >= real);
      CHECK(row.missed_max <= total / rows);
      weights += row.weight();
    }
    CHECK(weights == total);
    for (const auto& [key, hits] : truth)
      if (hits > total / rows) CHECK(sketch.find(counter(key)) != nullptr);
    const auto* hottest = sketch.find(counter(1));
    REQUIRE(hottest != nullptr);
    CHECK(hottest->seen() == truth[1]);
  }

  TEST_CASE("windows that have ended leave, the others stay and go on counting") {
    DeniedSketch sketch(8);
    for (std::uint64_t key = 1; key <= 4; ++key) {
      sketch.add(counter(key, 7), key, false);
      sketch.add(counter(key, 8), 10 + key, false);
    }
    sketch.forget_ended(WallTime(std::chrono::seconds(80) - std::chrono::milliseconds(1)));
    CHECK(sketch.rows().size() == 8);
    sketch.forget_ended(WallTime(std::chrono::seconds(80)));
    CHECK(sketch.rows().size() == 4);
    CHECK(sketch.find(counter(2, 7)) == nullptr);
    for (std::uint64_t key = 1; key <= 4; ++key) {
      sketch.add(counter(key, 8), 1, false);
      REQUIRE(sketch.find(counter(key, 8)) != nullptr);
      CHECK(sketch.find(counter(key, 8))->denied == 11 + key);
    }
    for (std::uint64_t key = 100; key < 105; ++key) sketch.add(counter(key, 8), 1, false);
    CHECK(sketch.rows().size() == 8);
    CHECK(sketch.find(counter(4, 8)) != nullptr);
  }

  TEST_CASE("counts saturate") {
    DeniedSketch sketch(1);
    sketch.add(counter(1), hits_max, false);
    sketch.add(counter(1), hits_max, false);
    sketch.add(counter(1), 5, true);
    CHECK(sketch.find(counter(1))->denied == hits_max);
    CHECK(sketch.find(counter(1))->weight() == hits_max);
    sketch.add(counter(2), 5, false);
    CHECK(sketch.find(counter(2))->weight() == hits_max);
  }
}

}  // namespace starling
