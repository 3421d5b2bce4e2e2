#include "base/ids.hpp"

#include <doctest/doctest.h>

#include <type_traits>

#include "base/result.hpp"
#include "base/time.hpp"

namespace starling {
namespace {

// What must not be mixed does not even compile.
static_assert(!std::is_convertible_v<OriginId, CounterKey>);
static_assert(!std::is_convertible_v<std::uint64_t, OriginId>);
static_assert(!std::is_convertible_v<Instant, WallTime>);
static_assert(!std::is_convertible_v<WallTime, Instant>);

TEST_SUITE("base.ids") {
  TEST_CASE("sums of hits stop at the most, they never wrap to a small count") {
    CHECK(saturating_add(0, 0) == 0);
    CHECK(saturating_add(2, 3) == 5);
    CHECK(saturating_add(hits_max, 0) == hits_max);
    CHECK(saturating_add(0, hits_max) == hits_max);
    CHECK(saturating_add(hits_max, 1) == hits_max);
    CHECK(saturating_add(hits_max - 1, 1) == hits_max);
    CHECK(saturating_add(hits_max - 1, 2) == hits_max);
    CHECK(saturating_add(hits_max, hits_max) == hits_max);
  }

  TEST_CASE("differences of hits stop at 0") {
    CHECK(saturating_sub(5, 3) == 2);
    CHECK(saturating_sub(3, 3) == 0);
    CHECK(saturating_sub(3, 5) == 0);
    CHECK(saturating_sub(0, hits_max) == 0);
    CHECK(saturating_sub(hits_max, 0) == hits_max);
  }

  TEST_CASE("ids compare by value; a default one is 0") {
    CHECK(OriginId{} == OriginId{0});
    CHECK(Version{1} < Version{2});
    CHECK(OriginIndex{} == own_origin);
    CHECK(no_component != ComponentIndex{});
  }
}

TEST_SUITE("base.time") {
  TEST_CASE("a wall clock before 1970 counts as 1970") {
    CHECK(ms_since_epoch(WallTime(std::chrono::milliseconds(-1))) == 0);
    CHECK(ms_since_epoch(WallTime::min()) == 0);
    CHECK(ms_since_epoch(WallTime(std::chrono::milliseconds(1234))) == 1234);
  }
}

TEST_SUITE("base.result") {
  TEST_CASE("every error code has a name of its own") {
    for (std::size_t i = 0; i < error_codes_count; ++i) {
      CHECK(name(static_cast<ErrorCode>(i)) != "unknown");
      for (std::size_t other = 0; other < i; ++other)
        CHECK(name(static_cast<ErrorCode>(i)) != name(static_cast<ErrorCode>(other)));
    }
    CHECK(name(static_cast<ErrorCode>(error_codes_count)) == "unknown");
  }

  TEST_CASE("fail carries its code and detail") {
    const Result<int> result = fail(ErrorCode::bad_field, 7);
    REQUIRE_FALSE(result.has_value());
    CHECK(result.error() == Error{ErrorCode::bad_field, 7});
  }
}

}  // namespace
}  // namespace starling
