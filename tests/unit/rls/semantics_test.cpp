/// What Envoy and its reference service agree on, one by one, each in both encodings and on a real limiter.
#include <limits>

#include "asking.hpp"

using namespace starling;
using namespace starling::testing;

namespace {

constexpr std::uint64_t all = std::numeric_limits<std::uint32_t>::max();

/// Rules named after what they are for; windows of 10 s have no unit, those of a minute have one.
RuleSet rules() {
  Rule free = rule("free", match({{"free", "*"}}), {});
  free.unlimited = true;
  Rule trial = rule("trial", match({{"trial", "*"}}), {{1, 60}});
  trial.learning = true;
  return rule_set({rule("user", match({{"user", "*"}}), {{3, 60}}),
                   rule("odd", match({{"odd", "*"}}), {{3, 10}}),
                   rule("both", match({{"both", "*"}}), {{2, 60}, {5, 3'600}}), free, trial});
}

Asked several(std::initializer_list<std::pair<const char*, const char*>> entries) {
  Asked asked;
  for (const auto& [key, value] : entries) asked.descriptors.push_back({.entries = {{key, value}}});
  return asked;
}

TEST_SUITE("rls.semantics") {
  TEST_CASE("there are as many statuses as descriptors, in their order") {
    Gateway gateway(rules());
    const Told told =
        gateway.ask(several({{"nobody", "x"}, {"odd", "x"}, {"user", "x"}, {"free", "x"}, {"", ""}}));
    REQUIRE(told.statuses.size() == 5);
    CHECK(!told.statuses[0].has_limit);
    CHECK(told.statuses[1].name == "odd");
    CHECK(told.statuses[2].name == "user");
    CHECK(told.statuses[3].remaining == all);
    CHECK(!told.statuses[4].has_limit);
  }

  TEST_CASE("one descriptor over its limit denies the request, and the others stay OK and are not charged") {
    Gateway gateway(rules());
    Asked both = several({{"user", "a"}, {"user", "b"}});
    both.descriptors[1].hits = 4;
    for (int i = 0; i < 3; ++i) {
      const Told told = gateway.ask(both);
      CHECK(told.overall == Verdict::over_limit);
      CHECK(told.statuses[0].code == Verdict::ok);
      CHECK(told.statuses[0].remaining == 3);
      CHECK(told.statuses[1].code == Verdict::over_limit);
    }
    CHECK(gateway.ask_one(one("user", "a")).remaining == 2);
  }

  TEST_CASE("a status tells limit, unit, name, what remains and when it ends, rounded up") {
    Gateway gateway(rules());
    gateway.set_wall(WallTime(std::chrono::milliseconds(60'000 * 7 + 59'999)));
    const ToldStatus first = gateway.ask_one(one("user", "a"));
    CHECK(first == ToldStatus{Verdict::ok, true, 3, 2, "user", 2, 1});
    gateway.set_wall(WallTime(std::chrono::milliseconds(60'000 * 8)));
    CHECK(gateway.ask_one(one("user", "a")) == ToldStatus{Verdict::ok, true, 3, 2, "user", 2, 60});
    CHECK(gateway.ask_one(one("user", "a")).remaining == 1);
    CHECK(gateway.ask_one(one("user", "a")).remaining == 0);
    gateway.set_wall(WallTime(std::chrono::milliseconds(60'000 * 8 + 1)));
    CHECK(gateway.ask_one(one("user", "a")) == ToldStatus{Verdict::over_limit, true, 3, 2, "user", 0, 60});
  }

  TEST_CASE("a window without a unit is told as UNKNOWN with its requests as they are") {
    Gateway gateway(rules());
    const ToldStatus told = gateway.ask_one(one("odd", "a"));
    CHECK(told == ToldStatus{Verdict::ok, true, 3, 0, "odd", 2, 7});
  }

  TEST_CASE("of several limits what denies is told, else what has the least left") {
    Gateway gateway(rules());
    CHECK(gateway.ask_one(one("both", "a")).requests_per_unit == 2);
    gateway.ask_one(one("both", "a"));
    const ToldStatus denied = gateway.ask_one(one("both", "a"));
    CHECK(denied.code == Verdict::over_limit);
    CHECK(denied.unit == 2);
    gateway.set_wall(WallTime(std::chrono::milliseconds(1'000'003'000 + 60'000)));
    gateway.ask_one(one("both", "a"));
    gateway.ask_one(one("both", "a"));
    gateway.set_wall(WallTime(std::chrono::milliseconds(1'000'003'000 + 120'000)));
    const ToldStatus last = gateway.ask_one(one("both", "a"));
    CHECK(last == ToldStatus{Verdict::ok, true, 5, 3, "both", 0, last.reset_s});
    CHECK(gateway.ask_one(one("both", "a")).unit == 3);
  }

  TEST_CASE("no rule: OK without a limit; unlimited: OK with all that can be told, and without a limit") {
    Gateway gateway(rules());
    CHECK(gateway.ask_one(one("nobody", "x")) == ToldStatus{Verdict::ok});
    CHECK(gateway.ask_one(one("free", "x")) == ToldStatus{.code = Verdict::ok, .remaining = all});
    CHECK(gateway.ask_one({.descriptors = {{}}}) == ToldStatus{Verdict::ok});
  }

  TEST_CASE("a limit that learns is told and never denies (the reference's shadow mode)") {
    Gateway gateway(rules(), HeaderFamilies());
    CHECK(gateway.ask(one("trial", "a")).headers.empty());
    const Told told = gateway.ask(one("trial", "a"));
    CHECK(told.overall == Verdict::ok);
    CHECK(told.statuses[0] == ToldStatus{Verdict::ok, true, 1, 2, "trial", 0, told.statuses[0].reset_s});
    CHECK(told.headers == decltype(told.headers){{"starling-learning", "true"}});
  }

  TEST_CASE("hits: 0 or none means 1, a descriptor's own replace them, and its 0 only looks") {
    Gateway gateway(rules());
    Asked asked = one("user", "a");
    CHECK(gateway.ask_one(asked).remaining == 2);
    asked.hits = 2;
    CHECK(gateway.ask_one(asked).remaining == 0);
    asked.descriptors[0].hits = 0;
    for (int i = 0; i < 3; ++i) CHECK(gateway.ask_one(asked).code == Verdict::ok);
    CHECK(gateway.ask_one(one("user", "a")).code == Verdict::over_limit);
    Asked dear = one("user", "b");
    dear.descriptors[0].hits = 3;
    CHECK(gateway.ask_one(dear).remaining == 0);
    // Each descriptor its own.
    Asked both = several({{"user", "c"}, {"user", "d"}});
    both.hits = 2;
    both.descriptors[1].hits = 0;
    CHECK(gateway.ask(both).statuses[0].remaining == 1);
    CHECK(gateway.ask_one(one("user", "d")).remaining == 2);
    Asked absurd = one("user", "e");
    absurd.descriptors[0].hits = ~std::uint64_t{0};
    CHECK(gateway.ask_one(absurd).code == Verdict::over_limit);
    CHECK(gateway.ask_one(one("user", "e")).remaining == 2);
  }

  TEST_CASE("a limit that the request brings replaces the rules', with a counter of its own") {
    Gateway gateway(rules());
    Asked brought = one("user", "a");
    brought.descriptors[0].limit = AskedLimit{.requests_per_unit = 5, .unit = 3};
    const ToldStatus told = gateway.ask_one(brought);
    CHECK(told == ToldStatus{Verdict::ok, true, 5, 3, "", 4, told.reset_s});
    CHECK(gateway.ask_one(one("user", "a")).remaining == 2);
    brought.descriptors[0].limit = AskedLimit{.requests_per_unit = 0, .unit = 1};
    CHECK(gateway.ask_one(brought).code == Verdict::over_limit);
    for (const std::uint32_t unit : {0U, 8U}) {
      brought.descriptors[0].limit = AskedLimit{.requests_per_unit = 5, .unit = unit};
      CHECK(gateway.ask(brought).error.starts_with("descriptors[0].limit.unit: expected SECOND (1), "));
    }
  }

  TEST_CASE("an unknown domain has no limit, and not the one that the request brings either") {
    Gateway gateway(rules());
    Asked asked = one("user", "a");
    asked.domain = "elsewhere";
    CHECK(gateway.ask_one(asked) == ToldStatus{Verdict::ok});
    asked.descriptors[0].limit = AskedLimit{.requests_per_unit = 0, .unit = 1};
    CHECK(gateway.ask_one(asked) == ToldStatus{Verdict::ok});
  }

  TEST_CASE("without a domain or descriptors there is no answer, but the request's error") {
    Gateway gateway(rules());
    Asked asked = one("user", "a");
    asked.domain.clear();
    const Told nowhere = gateway.ask(asked);
    CHECK(nowhere.error == "domain: expected the name of a domain, found none");
    CHECK(!nowhere.failed);
    CHECK(gateway.ask({}).error == "descriptors: expected at least one, found none");
  }

  TEST_CASE("a live override is what is told") {
    Gateway gateway(rules());
    gateway.set_live({live_limits("user", {{"user", "a"}}, {{7, 60}}), live_learning("odd", true)});
    CHECK(gateway.ask_one(one("user", "a")).requests_per_unit == 7);
    for (int i = 0; i < 5; ++i) CHECK(gateway.ask_one(one("odd", "a")).code == Verdict::ok);
  }

  TEST_CASE("what two descriptors lead to is told for both") {
    Gateway gateway(rules());
    const Told told = gateway.ask(several({{"user", "a"}, {"user", "a"}}));
    CHECK(told.statuses[0].remaining == 2);
    CHECK(told.statuses[0] == told.statuses[1]);
  }

  TEST_CASE("the headers of the node are handed on, in lower case, and Retry-After on what is denied") {
    Gateway gateway(rules(), header_families_default);
    Asked asked = one("user", "a");
    asked.hits = 3;
    using Headers = std::vector<std::pair<std::string, std::string>>;
    gateway.set_wall(WallTime(std::chrono::milliseconds(60'000 * 8 + 29'500)));
    CHECK(gateway.ask(asked).headers == Headers{{"ratelimit-policy", R"("user";q=3;w=60)"},
                                                {"ratelimit", R"("user";r=0;t=31)"},
                                                {"x-ratelimit-limit", "3"},
                                                {"x-ratelimit-remaining", "0"},
                                                {"x-ratelimit-reset", "31"}});
    const Headers denied = gateway.ask(asked).headers;
    CHECK(denied.size() == 6);
    CHECK(denied.back() == std::pair<std::string, std::string>{"retry-after", "31"});
    CHECK(gateway.ask(one("nobody", "x")).headers.empty());
  }

  TEST_CASE("what does not fit into 32 bits is told as the most that does") {
    Gateway gateway(rule_set({rule("vast", match({{"k", "*"}}), {{1'000'000'000'000, 60}})}));
    const ToldStatus told = gateway.ask_one(one("k", "v"));
    CHECK(told.requests_per_unit == all);
    CHECK(told.remaining == all);
  }

  TEST_CASE("a rule's name is made safe for Envoy, which writes it between quotes") {
    Gateway gateway(rule_set({rule("a\"b\\c\r\n\xC3\xA9 %", match({{"k", "*"}}), {{1, 60}}),
                              rule(std::string(200, 'x'), match({{"l", "*"}}), {{1, 60}})}));
    CHECK(gateway.ask_one(one("k", "v")).name == "a%22b%5Cc%0D%0A%C3%A9 %");
    CHECK(gateway.ask_one(one("l", "v")).name == std::string(64, 'x'));
  }
}

}  // namespace
