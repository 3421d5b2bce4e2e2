/// Several limits, rules and descriptors in one request: all or nothing.
#include <doctest/doctest.h>

#include <set>
#include <string>
#include <tuple>

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
    CHECK(world.limiter.charges()[0].is_first);  // in its second second
    CHECK_FALSE(world.limiter.charges()[1].is_first);
    CHECK(world.limiter.charges()[0].status != world.limiter.charges()[1].status);
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

}  // namespace
}  // namespace starling
