#include "counter/counter_index.hpp"

#include <doctest/doctest.h>

#include <map>
#include <vector>

#include "base/random.hpp"

namespace starling {
namespace {

TEST_SUITE("counter.counter_index") {
  TEST_CASE("agrees with a plain map, however full it is and however badly the hashes collide") {
    for (std::uint64_t seed = 1; seed <= 60; ++seed) {
      CAPTURE(seed);
      Random random(seed);
      const auto rows_max = static_cast<std::uint32_t>(1 + random.below(200));
      const std::uint64_t hash_bits = 1 + random.below(64);
      CounterIndex index(rows_max);
      std::vector<std::uint64_t> hashes(rows_max);
      std::map<std::uint32_t, std::uint64_t> there;  // row -> hash
      const auto find = [&](std::uint32_t row) {
        return index.find(hashes[row], [&](std::uint32_t each) {
          REQUIRE(there.contains(each));
          return each == row;
        });
      };
      for (int step = 0; step < 3000; ++step) {
        const auto row = static_cast<std::uint32_t>(random.below(rows_max));
        if (!there.contains(row)) {
          // High and low halves, of which few bits differ: homes and tags that collide.
          hashes[row] = random.next() >> (64 - hash_bits) | random.below(4) << 62;
          REQUIRE(find(row) == CounterIndex::none);
          index.insert(hashes[row], row);
          there[row] = hashes[row];
        } else if (random.chance(0.5)) {
          index.erase(row, [&](std::uint32_t each) {
            REQUIRE(there.contains(each));
            return hashes[each];
          });
          there.erase(row);
        }
        if (step % 50 != 0) continue;
        for (std::uint32_t each = 0; each < rows_max; ++each)
          REQUIRE(find(each) == (there.contains(each) ? each : CounterIndex::none));
      }
    }
  }

  TEST_CASE("a row is found by its own hash alone") {
    CounterIndex index(4);
    index.insert(7, 3);
    CHECK(index.find(7, [](std::uint32_t) { return true; }) == 3);
    CHECK(index.find(7, [](std::uint32_t) { return false; }) == CounterIndex::none);
    CHECK(index.find(std::uint64_t{1} << 31, [](std::uint32_t) { return true; }) == CounterIndex::none);
  }
}

}  // namespace
}  // namespace starling
