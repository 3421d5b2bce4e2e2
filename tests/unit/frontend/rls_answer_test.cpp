/// Which of a decision's limits each descriptor is told of; the whole way is in `unit/rls`.
#include "frontend/rls_answer.hpp"

#include <doctest/doctest.h>
#include <algorithm>
#include <array>
#include <string>
#include <vector>

using namespace starling;

namespace {

LimitStatus limit(std::string_view rule, std::uint64_t descriptors, std::uint64_t remaining) {
  return {.rule = rule,
          .descriptors = descriptors,
          .limit = 10,
          .window_s = 60,
          .remaining = remaining,
          .reset_ms = 1'000};
}

LimitStatus denying(std::string_view rule, std::uint64_t descriptors, std::uint64_t reset_ms,
                    bool enforced = true) {
  LimitStatus status = limit(rule, descriptors, 1);
  status.reset_ms = reset_ms;
  status.allowed = false;
  status.denial = Denial::limit;
  status.enforced = enforced;
  return status;
}

TEST_SUITE("frontend.rls_answer") {
  TEST_CASE("a descriptor is told of its own limits alone: what denies first, then what has the least left") {
    const std::array limits{limit("wide", 0b0111, 9), limit("narrow", 0b0010, 3),
                            denying("learns", 0b0100, 5'000, false), denying("soon", 0b1000, 1'000),
                            denying("late", 0b1000, 9'000)};
    RlsAnswer answer{HeaderFamilies()};
    answer.assign({.allowed = false, .limits = limits, .tightest = &limits[4]}, 5, {});
    const auto statuses = answer.statuses();
    REQUIRE(statuses.size() == 5);
    const std::array names{"wide", "narrow", "learns", "late", ""};
    for (std::size_t i = 0; i < names.size(); ++i) {
      CHECK(statuses[i].name == names[i]);
      CHECK(statuses[i].has_limit == (i != 4));
      CHECK((statuses[i].code == RlsCode::over_limit) == (i == 3));
    }
    CHECK(answer.overall() == RlsCode::over_limit);
    CHECK(answer.retry_after_s() == 9);
  }

  TEST_CASE("the last descriptor's bit counts like the first's, and there are no more statuses than bits") {
    const std::array limits{limit("edge", std::uint64_t{1} << 63U | 1U, 4)};
    RlsAnswer answer{HeaderFamilies()};
    answer.assign({.limits = limits, .tightest = limits.data()}, 64, {});
    REQUIRE(answer.statuses().size() == 64);
    for (std::size_t i = 0; i < 64; ++i) CHECK(answer.statuses()[i].has_limit == (i == 0 || i == 63));
    answer.assign({.limits = limits, .tightest = limits.data()}, 65, {});
    CHECK(answer.statuses().size() == 64);
  }

  TEST_CASE(
      "nothing of an answer is in the next one, and names are where they should be however many there are") {
    RlsAnswer answer(HeaderFamilies().with(HeaderFamily::kong));
    const std::string long_name(64, 'n');
    std::vector<LimitStatus> limits;
    for (std::uint64_t i = 0; i < 32; ++i)
      limits.push_back(denying(long_name, std::uint64_t{3} << (2 * i), 2'000));
    answer.assign({.allowed = false, .limits = limits, .tightest = limits.data()}, 64, {});
    CHECK(std::all_of(answer.statuses().begin(), answer.statuses().end(),
                      [&](const RlsStatus& status) { return status.name == long_name; }));
    REQUIRE(answer.headers().size() == 6);
    CHECK(answer.headers()[0].name == "ratelimit-limit");
    CHECK(answer.headers()[0].value == "10");
    CHECK(answer.headers()[3].name == "x-ratelimit-limit-minute");
    CHECK(answer.headers()[5].name == "retry-after");
    CHECK(answer.headers()[5].value == "2");
    answer.assign({}, 1, {});
    CHECK(answer.overall() == RlsCode::ok);
    CHECK(answer.retry_after_s() == 0);
    CHECK(answer.headers().empty());
    REQUIRE(answer.statuses().size() == 1);
    CHECK(!answer.statuses()[0].has_limit);
    CHECK(answer.statuses()[0].name.empty());
  }
}

}  // namespace
