#include "counter/growing_index.hpp"

#include <doctest/doctest.h>

#include <vector>

#include "base/random.hpp"

namespace starling {
namespace {

/// Rows with the hashes that they were put in by.
struct Model {
  explicit Model(std::uint32_t rows_max) : index(rows_max), hashes(rows_max), there(rows_max) {}

  void insert(std::uint32_t row, std::uint32_t hash) {
    hashes[row] = hash;
    index.insert(hash, row, [this](std::uint32_t each) {
      asked_of_strangers |= !there[each];
      return hashes[each];
    });
    there[row] = true;
  }
  void erase(std::uint32_t row) {
    index.erase(hashes[row], row);
    there[row] = false;
  }
  std::uint32_t find(std::uint32_t row) {
    return index.find(hashes[row], [&](std::uint32_t each) {
      asked_of_strangers |= !there[each];
      return each == row;
    });
  }

  GrowingIndex index;
  std::vector<std::uint32_t> hashes;
  std::vector<bool> there;
  bool asked_of_strangers = false;  // about a row that is not there
};

TEST_SUITE("counter.growing_index") {
  TEST_CASE("agrees with a plain map, however it grows and empties and however badly the hashes collide") {
    for (std::uint64_t seed = 1; seed <= 30; ++seed) {
      CAPTURE(seed);
      Random random(seed);
      const auto rows_max = static_cast<std::uint32_t>(1 + random.below(seed % 3 == 0 ? 20'000 : 2'000));
      // Few bits differ: homes and tags that collide, but not so many that a walk takes for ever.
      const unsigned hash_bits = 12 + static_cast<unsigned>(random.below(21));
      Model model(rows_max);
      double share = 0.5;  // of steps that put something in
      for (int step = 0; step < 40'000; ++step) {
        if (step % 5'000 == 0) share = random.unit();
        const auto row = static_cast<std::uint32_t>(random.below(rows_max));
        if (!model.there[row]) {
          if (!random.chance(share)) continue;
          const std::uint64_t drawn = random.next() >> (64 - hash_bits);
          model.insert(row,
                       static_cast<std::uint32_t>(random.chance(0.02) ? drawn << (32 - hash_bits) : drawn));
        } else if (!random.chance(share)) {
          model.erase(row);
        }
        REQUIRE(model.find(row) == (model.there[row] ? row : GrowingIndex::none));
        if (step % 5'000 != 4'999) continue;
        for (std::uint32_t each = 0; each < rows_max; ++each)
          REQUIRE(model.find(each) == (model.there[each] ? each : GrowingIndex::none));
      }
      REQUIRE_FALSE(model.asked_of_strangers);
    }
  }

  TEST_CASE("takes room for what is there, not for what there may be, and not for what has gone") {
    constexpr std::uint32_t rows_max = 4'000'000;
    Random random(1);
    Model model(rows_max);
    CHECK(model.index.slots_count() == 1024);
    for (std::uint32_t row = 0; row < 10'000; ++row)
      model.insert(row, static_cast<std::uint32_t>(random.next()));
    CHECK(model.index.slots_count() <= 32'768);
    for (int window = 0; window < 50; ++window) {  // counters come and go with their windows
      for (std::uint32_t row = 0; row < 10'000; ++row) {
        model.erase(row);
        model.insert(row, static_cast<std::uint32_t>(random.next()));
      }
    }
    CHECK(model.index.slots_count() <= 32'768);
    for (std::uint32_t row = 0; row < 10'000; ++row) REQUIRE(model.find(row) == row);
  }

  TEST_CASE("a row that is erased while rows are moved is not found by its old hash when it is used again") {
    Model model(10'000);
    std::uint32_t row = 0;
    while (model.index.slots_count() == 1024) {
      model.insert(row, row);
      ++row;
    }
    for (std::uint32_t each = 0; each < row; ++each) {
      model.erase(each);
      model.insert(each, each + 5'000);
      CHECK(model.index.find(each, [&](std::uint32_t found) { return found == each; }) == GrowingIndex::none);
    }
  }
}

}  // namespace
}  // namespace starling
