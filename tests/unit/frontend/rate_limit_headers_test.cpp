/// What each family says, row by row of what its clients know: Spinnaker Gate's filter, Kong's rate-limiting
/// plugin, the IETF's draft.
#include "frontend/rate_limit_headers.hpp"

#include <doctest/doctest.h>
#include <ctime>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "structured_list.hpp"

using namespace starling;
using namespace starling::testing;

namespace {

using enum HeaderFamily;
using Headers = std::map<std::string, std::string>;

/// Sun, 06 Nov 1994 08:49:37.250 GMT
constexpr WallTime noon{std::chrono::milliseconds(784'111'777'250)};

struct MapSink final : HeaderSink {
  Headers headers;
  std::string name;
  TextBuffer value;

  TextBuffer& begin_header(const HeaderName& begun) override {
    name = begun.text();
    value.clear();
    return value;
  }
  void end_header() override {
    const bool fresh = headers.emplace(name, value.view()).second;
    CHECK(fresh);  // no header twice
  }
};

Headers tell(HeaderFamilies families, const Decision& decision, WallTime decided_at = noon) {
  MapSink sink;
  PolicyNames names;
  names.assign(decision.limits);
  RateLimitHeaders(families).add(decision, RankedLimits(decision), names, decided_at, sink);
  return sink.headers;
}

Headers tell(HeaderFamily family, const Decision& decision, WallTime decided_at = noon) {
  return tell(HeaderFamilies().with(family), decision, decided_at);
}

LimitStatus limit(std::string_view rule, std::uint64_t requests, std::uint32_t window_s,
                  std::uint64_t remaining, std::uint64_t reset_ms) {
  return {
      .rule = rule, .limit = requests, .window_s = window_s, .remaining = remaining, .reset_ms = reset_ms};
}

struct Two {
  std::vector<LimitStatus> limits{limit("daily", 1'000, 86'400, 700, 3'600'000),
                                  limit("burst", 100, 60, 50, 29'001)};
  Decision decision{.limits = limits, .tightest = &limits[1]};
};

std::time_t seconds_of(const std::string& date) {
  std::tm parts{};
  const char* end = strptime(date.c_str(), "%a, %d %b %Y %H:%M:%S GMT", &parts);
  REQUIRE(end != nullptr);
  REQUIRE(*end == '\0');
  return timegm(&parts);
}

}  // namespace

TEST_SUITE("frontend.rate_limit_headers") {
  TEST_CASE("what is kept of one answer is in no other answer: one object says what a new one would") {
    std::mt19937_64 random(8);
    const auto one_of = [&](const auto& choices) -> const auto& {
      return choices[random() % std::size(choices)];
    };
    const std::vector<std::string> rules{"a",
                                         "b",
                                         "say \"b\"",
                                         "\\",
                                         "",
                                         "\xc3\xa4",
                                         std::string(64, 'n'),
                                         std::string(65, 'n'),
                                         std::string(64, '"')};
    const std::uint64_t numbers[] = {
        0, 1, 100, 999'999'999'999'999, 1'000'000'000'000'000, ~std::uint64_t{0}};
    const std::uint32_t windows[] = {0, 1, 60, 86'400};
    const std::vector<HeaderFamilies> kinds{
        HeaderFamilies().with(ietf).with(x_ratelimit), HeaderFamilies().with(x_ratelimit),
        HeaderFamilies().with(ietf).with(spinnaker), HeaderFamilies().with(ietf).with(kong)};
    for (const HeaderFamilies families : kinds) {
      RateLimitHeaders kept(families);
      for (int i = 0; i < 3'000; ++i) {
        std::vector<LimitStatus> limits(1 + random() % 8 / 7);
        for (LimitStatus& each : limits)
          each = limit(one_of(rules), one_of(numbers), one_of(windows), one_of(numbers), one_of(numbers));
        for (LimitStatus& each : limits) each.rule_index = static_cast<std::uint32_t>(random() % 3);
        const Decision decision{.limits = limits, .tightest = &limits[0]};
        MapSink sink;
        PolicyNames names;
        names.assign(decision.limits);
        kept.add(decision, RankedLimits(decision), names, noon, sink);
        CHECK(sink.headers == tell(families, decision));
      }
    }
  }

  TEST_CASE("IETF: one item per limit, the tightest first, as in the draft's examples") {
    const Two two;
    CHECK(tell(ietf, two.decision) ==
          Headers{{"RateLimit-Policy", R"("burst";q=100;w=60, "daily";q=1000;w=86400)"},
                  {"RateLimit", R"("burst";r=50;t=30, "daily";r=700;t=3600)"}});
  }

  TEST_CASE("IETF: an unlimited rule is no policy, and without any other nothing is said") {
    Two two;
    two.limits[1].unlimited = true;
    CHECK(tell(ietf, two.decision)["RateLimit"] == R"("daily";r=700;t=3600)");
    two.limits[0].unlimited = true;
    const HeaderFamilies all = HeaderFamilies().with(ietf).with(spinnaker).with(kong);
    CHECK(tell(all, two.decision).empty());
    CHECK(tell(all, {}).empty());
  }

  TEST_CASE("IETF: names and numbers stay within what structured fields can hold") {
    const std::uint64_t huge = ~std::uint64_t{0};
    const std::vector<LimitStatus> limits{limit("a \"quoted\\\" caf\xC3\xA9\r\nX: y", huge, 60, huge, huge)};
    const Headers headers = tell(ietf, {.limits = limits, .tightest = limits.data()});
    REQUIRE(headers.size() == 2);
    const auto policy = read_list(headers.at("RateLimit-Policy"));
    REQUIRE(policy.has_value());
    CHECK(policy->at(0).text == "a \"quoted\\\" caf%C3%A9%0D%0AX: y");
    CHECK(policy->at(0).parameters ==
          std::map<std::string, std::int64_t>{{"q", 999'999'999'999'999}, {"w", 60}});
    const auto left = read_list(headers.at("RateLimit"));
    REQUIRE(left.has_value());
    CHECK(left->at(0).parameters ==
          std::map<std::string, std::int64_t>{{"r", 999'999'999'999'999}, {"t", 999'999'999'999'999}});
  }

  TEST_CASE("IETF: of many limits the eight tightest are told") {
    std::vector<LimitStatus> limits;
    for (std::uint32_t i = 0; i < limits_per_request_max; ++i)
      limits.push_back(limit("r", 2'000, i + 1, 1'000 - i, 10));
    const auto items = read_list(tell(ietf, {.limits = limits, .tightest = &limits.back()}).at("RateLimit"));
    REQUIRE(items.has_value());
    REQUIRE(items->size() == policies_per_answer_max);
    for (std::size_t i = 0; i < items->size(); ++i)
      CHECK(items->at(i).parameters.at("r") ==
            static_cast<std::int64_t>(1'000 - (limits_per_request_max - 1) + i));
  }

  TEST_CASE("IETF: whatever is decided, both fields are lists that name the same policies, each once") {
    std::mt19937_64 random(5);
    const std::vector<std::string> rules{"a", "b\"\\", "\xF0\x9F\x90\xA6", "", std::string(90, 'z')};
    for (int round = 0; round < 3'000; ++round) {
      std::vector<LimitStatus> limits(random() % limits_per_request_max + 1);
      for (LimitStatus& each : limits) {
        each = limit(rules[random() % rules.size()], random() >> random() % 64,
                     static_cast<std::uint32_t>(random() % 100 + 1), random() >> random() % 64,
                     random() >> random() % 64);
        each.allowed = random() % 2 == 0;
      }
      const Headers headers = tell(ietf, {.limits = limits, .tightest = &limits[random() % limits.size()]});
      const auto policy = read_list(headers.at("RateLimit-Policy"));
      const auto left = read_list(headers.at("RateLimit"));
      REQUIRE(policy.has_value());
      REQUIRE(left.has_value());
      REQUIRE(policy->size() == left->size());
      std::map<std::string, int> seen;
      for (std::size_t i = 0; i < policy->size(); ++i) {
        REQUIRE(policy->at(i).text == left->at(i).text);
        REQUIRE(++seen[policy->at(i).text] == 1);
        REQUIRE(policy->at(i).parameters.at("q") >= 0);
        REQUIRE(policy->at(i).parameters.at("w") > 0);
        REQUIRE(left->at(i).parameters.at("r") >= 0);
        REQUIRE(left->at(i).parameters.at("t") > 0);
      }
      REQUIRE(headers.at("RateLimit-Policy").size() < 2'000);
    }
  }

  TEST_CASE("x-ratelimit: the tightest limit, reset in seconds") {
    CHECK(tell(x_ratelimit, Two().decision) == Headers{{"X-RateLimit-Limit", "100"},
                                                       {"X-RateLimit-Remaining", "50"},
                                                       {"X-RateLimit-Reset", "30"}});
  }

  TEST_CASE("Spinnaker: X-RateLimit-Capacity, -Remaining, -Reset as an HTTP-date, -Learning") {
    const Two two;
    // 37.250 s + 29.001 s: rounded up, 07 s of the next minute.
    CHECK(tell(spinnaker, two.decision) == Headers{{"X-RateLimit-Capacity", "100"},
                                                   {"X-RateLimit-Remaining", "50"},
                                                   {"X-RateLimit-Reset", "Sun, 06 Nov 1994 08:50:07 GMT"},
                                                   {"X-RateLimit-Learning", "false"}});
  }

  TEST_CASE("Spinnaker: all four are sent while learning, and say so") {
    Two two;
    two.limits[1].enforced = false;
    CHECK(tell(spinnaker, two.decision).at("X-RateLimit-Learning") == "true");  // below the limit as well
    CHECK(tell(spinnaker, two.decision).size() == 4);
    two.limits[1].enforced = true;
    two.decision.learned = true;  // another limit would have denied
    CHECK(tell(spinnaker, two.decision).at("X-RateLimit-Learning") == "true");
    two.decision = {.allowed = false, .limits = two.limits, .tightest = &two.limits[1]};
    CHECK(tell(spinnaker, two.decision).at("X-RateLimit-Learning") == "false");
  }

  TEST_CASE("Spinnaker: the end of a window on a full second is that second, not the next") {
    Two two;
    two.limits[1].reset_ms = 22'750;
    CHECK(tell(spinnaker, two.decision).at("X-RateLimit-Reset") == "Sun, 06 Nov 1994 08:50:00 GMT");
    two.limits[1].reset_ms = 22'751;
    CHECK(tell(spinnaker, two.decision).at("X-RateLimit-Reset") == "Sun, 06 Nov 1994 08:50:01 GMT");
    two.limits[1].reset_ms = ~std::uint64_t{0};
    CHECK(tell(spinnaker, two.decision).at("X-RateLimit-Reset") == "Fri, 31 Dec 9999 23:59:59 GMT");
  }

  TEST_CASE("Kong: RateLimit-Limit, -Remaining, -Reset of the tightest, and a pair per window of its own") {
    const std::vector<LimitStatus> limits{limit("s", 5, 1, 4, 500),
                                          limit("m", 60, 60, 58, 30'000),
                                          limit("h", 600, 3'600, 597, 9),
                                          limit("d", 7'000, 86'400, 6'996, 9),
                                          limit("M", 90'000, 2'592'000, 8, 9),
                                          limit("Y", 900'000, 31'536'000, 9, 9)};
    CHECK(tell(kong, {.limits = limits, .tightest = limits.data()}) ==
          Headers{{"RateLimit-Limit", "5"},
                  {"RateLimit-Remaining", "4"},
                  {"RateLimit-Reset", "1"},
                  {"X-RateLimit-Limit-Second", "5"},
                  {"X-RateLimit-Remaining-Second", "4"},
                  {"X-RateLimit-Limit-Minute", "60"},
                  {"X-RateLimit-Remaining-Minute", "58"},
                  {"X-RateLimit-Limit-Hour", "600"},
                  {"X-RateLimit-Remaining-Hour", "597"},
                  {"X-RateLimit-Limit-Day", "7000"},
                  {"X-RateLimit-Remaining-Day", "6996"},
                  {"X-RateLimit-Limit-Month", "90000"},
                  {"X-RateLimit-Remaining-Month", "8"},
                  {"X-RateLimit-Limit-Year", "900000"},
                  {"X-RateLimit-Remaining-Year", "9"}});
  }

  TEST_CASE("Kong: of two limits per minute the one with less left is told, and other windows are not") {
    const std::vector<LimitStatus> limits{limit("a", 10, 60, 9, 1), limit("b", 20, 60, 8, 1),
                                          limit("c", 30, 60, 8, 1), limit("week", 3, 604'800, 2, 1)};
    CHECK(tell(kong, {.limits = limits, .tightest = &limits[3]}) ==
          Headers{{"RateLimit-Limit", "3"},
                  {"RateLimit-Remaining", "2"},
                  {"RateLimit-Reset", "1"},
                  {"X-RateLimit-Limit-Minute", "20"},
                  {"X-RateLimit-Remaining-Minute", "8"}});
  }

  TEST_CASE("families that share no header go together, and none says nothing") {
    const Two two;
    CHECK(tell(HeaderFamilies(), two.decision).empty());
    CHECK(tell(HeaderFamilies().with(ietf).with(x_ratelimit).with(kong), two.decision).size() ==
          2 + 3 + 3 + 4);
    CHECK(tell(HeaderFamilies().with(ietf).with(spinnaker).with(kong), two.decision).size() == 2 + 4 + 3 + 4);
  }

  TEST_CASE("no family tells a reset before it is, for random windows and clocks") {
    std::mt19937_64 random(13);
    for (int round = 0; round < 5'000; ++round) {
      const std::uint64_t now_ms = random() % 4'000'000'000'000;
      const std::uint64_t reset_ms = random() % (random() % 2 == 0 ? 3'000 : 31'622'400'000) + 1;
      const std::vector<LimitStatus> limits{limit("r", 10, 60, 0, reset_ms)};
      const Decision decision{.limits = limits, .tightest = limits.data()};
      const WallTime now{std::chrono::milliseconds(now_ms)};
      const Headers headers = tell(HeaderFamilies().with(ietf).with(spinnaker).with(kong), decision, now);
      const std::uint64_t date_ms =
          static_cast<std::uint64_t>(seconds_of(headers.at("X-RateLimit-Reset"))) * 1000;
      REQUIRE(date_ms >= now_ms + reset_ms);
      REQUIRE(date_ms < now_ms + reset_ms + 1000);
      const std::uint64_t kong_ms = std::stoull(headers.at("RateLimit-Reset")) * 1000;
      REQUIRE(kong_ms >= reset_ms);
      REQUIRE(kong_ms < reset_ms + 1000);
      const auto items = read_list(headers.at("RateLimit"));
      REQUIRE(items.has_value());
      REQUIRE(static_cast<std::uint64_t>(items->at(0).parameters.at("t")) * 1000 == kong_ms);
    }
  }
}
