#include "plan.hpp"

#include <doctest/doctest.h>

using namespace starling::load;

namespace {

std::vector<Due> all_of(Plan::Options options) {
  Plan plan(std::move(options));
  std::vector<Due> all;
  for (; plan.next(); plan.advance()) all.push_back(*plan.next());
  return all;
}

}  // namespace

TEST_SUITE("load.plan") {
  TEST_CASE("no phases, or none with requests: nothing is due") {
    CHECK(all_of({.phases = {}, .weights = {1}}).empty());
    CHECK(all_of({.phases = {{.seconds = 5}}, .weights = {1}}).empty());
  }

  TEST_CASE("a steady phase has its rate, in order, within its time") {
    const std::vector<Due> all = all_of({.phases = {{.seconds = 100, .rate = 100}}, .weights = {1}});
    CHECK(all.size() > 9'500);  // five standard deviations
    CHECK(all.size() < 10'500);
    for (std::size_t i = 1; i < all.size(); ++i) REQUIRE(all[i - 1].at_ns <= all[i].at_ns);
    CHECK(all.back().at_ns < 100'000'000'000);
  }

  TEST_CASE("silence, then many at once, at that moment") {
    const std::vector<Due> all =
        all_of({.phases = {{.seconds = 2}, {.seconds = 1, .at_once = 7}, {.seconds = 1}}, .weights = {1}});
    CHECK(all.size() == 7);
    for (const Due& due : all) CHECK(due.at_ns == 2'000'000'000);
  }

  TEST_CASE("many at once and no time at all") {
    CHECK(all_of({.phases = {{.at_once = 3}}, .weights = {1}}).size() == 3);
  }

  TEST_CASE("targets are chosen by weight; one without any is left alone") {
    std::vector<std::uint64_t> counts(3);
    for (const Due& due : all_of({.phases = {{.seconds = 1, .at_once = 10'000}}, .weights = {80, 20, 0}}))
      ++counts[due.target];
    CHECK(counts[0] > 7'700);
    CHECK(counts[0] < 8'300);
    CHECK(counts[2] == 0);
  }

  TEST_CASE("callers take turns, or are drawn with the first ones asking most") {
    std::vector<std::uint64_t> counts(100);
    for (const Due& due : all_of({.phases = {{.at_once = 1000}}, .weights = {1}, .callers = 100}))
      ++counts[due.caller];
    for (const std::uint64_t count : counts) CHECK(count == 10);
    std::vector<std::uint64_t> drawn(100);
    for (const Due& due :
         all_of({.phases = {{.at_once = 100'000}}, .weights = {1}, .callers = 100, .zipf = 1}))
      ++drawn[due.caller];
    CHECK(drawn[0] > 18'000);  // 1 / (1 + 1/2 + ... + 1/100) = 0.193
    CHECK(drawn[0] < 20'500);
    CHECK(drawn[1] < drawn[0] * 6 / 10);
    CHECK(drawn[99] > 0);
  }

  TEST_CASE("a phase is refused unless it is SECONDS:RATE or SECONDS:RATE:AT_ONCE") {
    REQUIRE(read_phase("1.5:200"));
    CHECK(read_phase("1.5:200")->rate == 200);
    REQUIRE(read_phase("0:0:500"));
    CHECK(read_phase("0:0:500")->at_once == 500);
    for (const char* bad :
         {"", "1", "x:1", "1:", "1:2:", "1:2:x", "1:2:3:4", "-1:2", "1:-2", "1:nan", "inf:1"})
      CHECK_FALSE(read_phase(bad));
  }
}
