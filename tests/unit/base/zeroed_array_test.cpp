#include "base/zeroed_array.hpp"

#include <doctest/doctest.h>

#include <cstdint>
#include <limits>
#include <new>

namespace starling {
namespace {

struct Row {
  std::uint64_t key = 0;
  std::uint32_t next = 0;
};

}  // namespace

TEST_SUITE("base.zeroed_array") {
  TEST_CASE("rows begin as zeros and keep what is written") {
    ZeroedArray<Row> rows(100'000);
    CHECK(rows.size() == 100'000);
    for (std::size_t i = 0; i < rows.size(); ++i) {
      REQUIRE(rows[i].key == 0);
      rows[i].key = i + 1;
    }
    for (std::size_t i = 0; i < rows.size(); ++i) REQUIRE(rows[i].key == i + 1);
    rows.prefetch(99'999);
    rows.prefetch(100'000);  // no such row: nothing
    CHECK(ZeroedArray<Row>(0).size() == 0);
  }

  TEST_CASE("rows of a cache line's size lie each in one") {
    struct Line {
      std::uint64_t words[8];
    };
    const ZeroedArray<Line> lines(3);
    CHECK(reinterpret_cast<std::uintptr_t>(&lines[0]) % sizeof(Line) == 0);
  }

  TEST_CASE("an array that moves takes its rows along") {
    ZeroedArray<Row> first(10);
    first[3].key = 7;
    const ZeroedArray<Row> second = std::move(first);
    CHECK(second[3].key == 7);
  }

  TEST_CASE("more than there can be is bad_alloc") {
    constexpr std::size_t all = std::numeric_limits<std::size_t>::max();
    CHECK_THROWS_AS(ZeroedArray<Row>{all}, std::bad_alloc);
    CHECK_THROWS_AS(ZeroedArray<Row>{all / sizeof(Row)}, std::bad_alloc);
  }
}

}  // namespace starling
