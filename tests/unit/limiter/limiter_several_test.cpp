/// Several limits, rules and descriptors in one request: all or nothing.
#include <doctest/doctest.h>

#include <algorithm>
#include <set>
#include <string>
#include <tuple>

#include "base/random.hpp"
#include "limiter_world.hpp"

namespace starling {
namespace {

const Entries alice{{"principal", "alice"}};
const Entries bob{{"principal", "bob"}};

/// (rule, window, used, remaining) of every limit, in no order.
using Values = std::multiset<std::tuple<std::string, std::uint32_t, Hits, Hits>>;

Values values_of(const Decision& decision) {
  Values values;
  for (const LimitStatus& status : decision.limits)
    values.emplace(status.rule, status.window_s, status.used, status.remaining);
  return values;
}

TEST_SUITE("limiter.limiter several") {
  TEST_CASE("every limit of a rule applies, and counts") {
    LimiterWorld world(rule_set({rule("r", {matcher("principal", "*")}, {{2, 1}, {3, 60}})}));
    CHECK(world.allows(alice));
    CHECK(world.allows(alice));
    CHECK_FALSE(world.allows(alice));
    world.wall += std::chrono::seconds(1);
    const Decision decision = world.decide(alice);
    CHECK(decision.allowed);
    CHECK(values_of(decision) == Values{{"r", 1, 1, 1}, {"r", 60, 3, 0}});
    CHECK(world.limiter.charges().size() == 2);
    CHECK(world.limiter.charges()[0].limit == 2);
    CHECK(world.limiter.charges()[1].limit == 3);
    const Decision denied = world.decide(alice);
    CHECK_FALSE(denied.allowed);
    CHECK(denied.limits[0].allowed);
    CHECK_FALSE(denied.limits[1].allowed);
  }

  TEST_CASE("if one limit denies, none counts") {
    LimiterWorld world(rule_set({rule("wide", {matcher("principal", "*")}, {{100, 10}}),
                                 rule("narrow", {matcher("principal", "alice")}, {{1, 10}}),
                                 rule("last", {matcher("principal", "*")}, {{100, 20}})}));
    CHECK(world.allows(alice));
    for (int i = 0; i < 5; ++i) CHECK_FALSE(world.allows(alice));
    CHECK(values_of(world.decide(alice, 0)) ==
          Values{{"wide", 10, 1, 99}, {"narrow", 10, 1, 0}, {"last", 20, 1, 99}});
    CHECK(world.allows(bob));
  }

  TEST_CASE("all descriptors must pass, and then all count") {
    LimiterWorld world(per_principal(2));
    CHECK(world.decide({alice, bob}, 2).allowed);
    CHECK_FALSE(world.decide({alice, {{"principal", "carol"}}}).allowed);
    CHECK(world.decide(Entries{{"principal", "carol"}}, 0).limits[0].used == 0);
  }

  TEST_CASE("a counter that two descriptors lead to is counted and told once") {
    LimiterWorld world(rule_set({rule("total", {matcher("path", "/*")}, {{3, 10}}),
                                 rule("per-principal", {matcher("principal", "*")}, {{10, 10}})}));
    const Entries first{{"path", "/a"}, {"principal", "alice"}};
    const Entries second{{"path", "/a"}, {"principal", "bob"}};
    const Decision decision = world.decide({first, second, first});
    CHECK(decision.allowed);
    CHECK(decision.limits.size() == 3);
    CHECK(world.limiter.charges().size() == 3);
    CHECK(world.decide(first, 0).limits[0].used == 1);
    CHECK(world.decide({first, second}, 2).allowed);
    CHECK_FALSE(world.decide({first, second}).allowed);
  }

  TEST_CASE("tightest: of those that allow, the one with the least remaining") {
    LimiterWorld world(rule_set({rule("a", {matcher("principal", "*")}, {{100, 10}}),
                                 rule("b", {matcher("principal", "*")}, {{5, 60}}),
                                 rule("c", {matcher("principal", "*")}, {{50, 1}})}));
    CHECK(world.decide(alice).tightest->rule == "b");
    CHECK(world.decide(alice, 0).tightest->rule == "b");
  }

  TEST_CASE("tightest: of those that deny, the one with the longest wait, whatever the others have left") {
    LimiterWorld world(rule_set({rule("short", {matcher("principal", "*")}, {{0, 1}}),
                                 rule("long", {matcher("principal", "*")}, {{0, 60}}),
                                 rule("wide", {matcher("principal", "*")}, {{1, 3600}})}));
    const Decision decision = world.decide(alice);
    CHECK_FALSE(decision.allowed);
    CHECK(decision.tightest->rule == "long");
    CHECK(decision.tightest->reset_ms == world.decide(alice).limits[1].reset_ms);
  }

  TEST_CASE("when the table is full a request passes and says that it was not counted") {
    LimiterWorld world(per_principal(1), {.counters_max = 1, .components_max = 10});
    CHECK(world.decide(alice).limits[0].counted);
    for (int i = 0; i < 3; ++i) {
      const Decision decision = world.decide(bob);
      CHECK(decision.allowed);
      CHECK_FALSE(decision.limits[0].counted);
      CHECK(decision.limits[0].used == 0);
      CHECK(decision.limits[0].remaining == 1);
      CHECK(world.limiter.charges().empty());
    }
    CHECK_FALSE(world.allows(alice));  // known counters are still held
  }

  TEST_CASE("a table with room for one of two limits counts that one") {
    LimiterWorld world(rule_set({rule("r", {matcher("principal", "*")}, {{9, 1}, {9, 60}})}),
                       {.counters_max = 1, .components_max = 10});
    const Decision decision = world.decide(alice);
    CHECK(decision.allowed);
    CHECK(decision.limits[0].counted);
    CHECK_FALSE(decision.limits[1].counted);
    CHECK(world.limiter.charges().size() == 1);
  }

  TEST_CASE("limits beyond the bound are left out, and that is said") {
    std::vector<Rule> rules;
    for (std::uint32_t i = 0; i < limits_per_request_max + 1; ++i)
      rules.push_back(rule("r" + std::to_string(i), {matcher("principal", "*")}, {{1, 10}}));
    LimiterWorld world(rule_set(rules));
    const Decision over = world.decide(alice);
    CHECK(over.truncated);
    CHECK(over.allowed);
    CHECK(over.limits.size() == limits_per_request_max);
    CHECK(world.limiter.charges().size() == limits_per_request_max);
    CHECK_FALSE(world.decide(alice).allowed);

    rules.pop_back();
    world.limiter.replace_rules(rule_set(rules));
    CHECK_FALSE(world.decide({bob, bob}).truncated);  // the same counters again are not more limits
    CHECK(world.decide({alice, bob}).truncated);
  }
}

/// Random rules over few keys and values, so that they meet.
std::vector<Rule> draw_rules(Random& random) {
  std::vector<Rule> rules;
  for (std::uint64_t i = 1 + random.below(5); i > 0; --i) {
    std::vector<Matcher> match;
    for (const char* key : {"a", "b", "c"})
      if (random.chance(0.5)) {
        constexpr const char* texts[] = {"*", "x", "y", "x*"};
        match.push_back(matcher(key, texts[random.below(4)]));
      }
    if (match.empty()) match.push_back(matcher("a", "*"));
    std::vector<Limit> limits{{random.below(12), 1}};
    if (random.chance(0.5)) limits.push_back({random.below(30), 10});
    rules.push_back(rule("r" + std::to_string(i), std::move(match), std::move(limits)));
  }
  return rules;
}

std::vector<Entries> draw_descriptors(Random& random) {
  std::vector<Entries> descriptors;
  for (std::uint64_t i = 1 + random.below(2); i > 0; --i) {
    Entries entries;
    for (const char* key : {"c", "a", "b"})
      if (random.chance(0.8)) {
        constexpr const char* values[] = {"x", "y", "xy"};
        entries.push_back(Entry{key, values[random.below(3)]});
      }
    descriptors.push_back(entries);
  }
  return descriptors;
}

TEST_SUITE("limiter.limiter properties") {
  TEST_CASE("a denied request changes no counter, a passed one raises each of its counters by its hits") {
    for (std::uint64_t seed = 1; seed <= 200; ++seed) {
      CAPTURE(seed);
      Random random(seed);
      LimiterWorld world(rule_set(draw_rules(random)));
      std::set<CounterId> seen;
      std::size_t denied_count = 0;
      for (int step = 0; step < 60; ++step) {
        world.wall += std::chrono::milliseconds(random.below(200));
        const Hits hits = random.below(4);
        const auto descriptors = draw_descriptors(random);
        world.decide(descriptors, 0);
        std::map<CounterId, Hits> before;
        for (const CounterId& id : world.limiter.counters()) seen.insert(id);
        for (const CounterId& id : seen) before[id] = world.counters.value(id);
        const std::size_t counters_before = world.counters.counters_count();

        const Decision decision = world.decide(descriptors, hits);
        denied_count += !decision.allowed;
        const auto applied = world.limiter.counters();
        for (const auto& [id, value] : before) {
          const bool raised = decision.allowed && std::count(applied.begin(), applied.end(), id) != 0;
          REQUIRE(world.counters.value(id) == value + (raised ? hits : 0));
        }
        if (!decision.allowed || hits == 0) REQUIRE(world.counters.counters_count() == counters_before);
        for (const LimitStatus& status : decision.limits)
          if (decision.allowed) REQUIRE(status.used <= status.limit);
      }
      if (seed == 1) CHECK(denied_count > 0);
    }
  }

  TEST_CASE("the order of rules and descriptors does not change what passes and what is counted") {
    for (std::uint64_t seed = 1; seed <= 200; ++seed) {
      CAPTURE(seed);
      Random random(seed);
      std::vector<Rule> rules = draw_rules(random);
      LimiterWorld forward(rule_set(rules));
      std::reverse(rules.begin(), rules.end());
      LimiterWorld backward(rule_set(rules));
      for (int step = 0; step < 60; ++step) {
        const Hits hits = random.below(4);
        auto descriptors = draw_descriptors(random);
        const Decision one = forward.decide(descriptors, hits);
        std::reverse(descriptors.begin(), descriptors.end());
        const Decision other = backward.decide(descriptors, hits);
        REQUIRE(one.allowed == other.allowed);
        REQUIRE(one.limits.size() == other.limits.size());
        REQUIRE(values_of(one) == values_of(other));
        REQUIRE((one.tightest == nullptr) == (other.tightest == nullptr));
        if (one.tightest != nullptr && one.allowed)
          REQUIRE(one.tightest->remaining == other.tightest->remaining);
        if (one.tightest != nullptr && !one.allowed)
          REQUIRE(one.tightest->reset_ms == other.tightest->reset_ms);
      }
    }
  }
}

}  // namespace
}  // namespace starling
