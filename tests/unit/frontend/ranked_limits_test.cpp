#include "frontend/ranked_limits.hpp"

#include <doctest/doctest.h>
#include <random>
#include <string>
#include <vector>

using namespace starling;

namespace {

std::string order(const Decision& decision) {
  const RankedLimits ranked(decision);
  std::string names;
  for (const LimitStatus* limit : ranked.all()) names += limit->rule;
  return names;
}

LimitStatus open(std::string_view rule, std::uint64_t remaining) {
  return {.rule = rule, .remaining = remaining, .reset_ms = 1'000};
}

LimitStatus denying(std::string_view rule, std::uint64_t reset_ms) {
  return {.rule = rule, .reset_ms = reset_ms, .allowed = false, .denial = Denial::limit};
}

}  // namespace

TEST_SUITE("frontend.ranked_limits") {
  TEST_CASE("what denies comes first, the longest wait before others, then what has least left") {
    const std::vector<LimitStatus> limits{open("a", 7), denying("b", 5), open("c", 3), denying("d", 9),
                                          open("e", 7)};
    CHECK(order({.allowed = false, .limits = limits, .tightest = &limits[3]}) == "dbcae");
  }

  TEST_CASE("the decision's own choice is the tightest") {
    const std::vector<LimitStatus> limits{open("a", 1), open("b", 9)};
    const Decision decision{.limits = limits, .tightest = &limits[1]};
    CHECK(order(decision) == "ba");
    CHECK(RankedLimits(decision).tightest() == &limits[1]);
  }

  TEST_CASE("unlimited rules are left out, and a limit that only learns denies nothing") {
    std::vector<LimitStatus> limits{open("a", 0), open("b", 5), denying("c", 60'000)};
    limits[0].unlimited = true;
    limits[2].enforced = false;
    limits[2].remaining = 6;
    const Decision decision{.limits = limits, .tightest = &limits[0]};
    CHECK(order(decision) == "bc");
    CHECK(!denies(limits[2]));
    CHECK(retry_after_s(decision) == 1);
    limits[1].unlimited = limits[2].unlimited = true;
    CHECK(RankedLimits(decision).tightest() == nullptr);
    CHECK(RankedLimits({}).tightest() == nullptr);
    CHECK(retry_after_s({}) == 1);
  }

  TEST_CASE("as many limits as a decision can have are ranked") {
    std::vector<LimitStatus> limits;
    for (std::size_t i = 0; i < limits_per_request_max; ++i) limits.push_back(open("x", 1'000 - i));
    const RankedLimits ranked({.limits = limits});
    REQUIRE(ranked.all().size() == limits_per_request_max);
    CHECK(ranked.tightest() == &limits.back());
  }

  TEST_CASE("nobody is told to come back before the reset of any limit that denies") {
    std::mt19937_64 random(11);
    for (int round = 0; round < 20'000; ++round) {
      std::vector<LimitStatus> limits(random() % 5 + 1);
      std::uint64_t longest_ms = 0;
      for (LimitStatus& limit : limits) {
        limit.reset_ms = random() % 10'000 + 1;
        limit.allowed = random() % 2 == 0;
        limit.enforced = random() % 3 != 0;
        const std::uint64_t told_ms = reset_s(limit) * 1000;
        REQUIRE(told_ms >= limit.reset_ms);
        REQUIRE(told_ms < limit.reset_ms + 1000);
        if (!limit.allowed && limit.enforced) longest_ms = std::max(longest_ms, limit.reset_ms);
      }
      const std::uint64_t wait_s = retry_after_s({.allowed = false, .limits = limits});
      REQUIRE(wait_s >= 1);
      REQUIRE(wait_s * 1000 >= longest_ms);
      REQUIRE((wait_s == 1 || wait_s * 1000 < longest_ms + 1000));
    }
    CHECK(reset_s({.reset_ms = ~std::uint64_t{0}}) == ~std::uint64_t{0} / 1000 + 1);
    CHECK(reset_s({.reset_ms = 0}) == 1);
  }
}
