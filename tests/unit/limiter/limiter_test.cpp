#include "limiter/limiter.hpp"

#include <doctest/doctest.h>

#include "limiter_world.hpp"

namespace starling {
namespace {

const Entries alice{{"principal", "alice"}};
const Entries bob{{"principal", "bob"}};

TEST_SUITE("limiter.limiter") {
  TEST_CASE("the limit is let through and not one hit more, for each principal by itself") {
    LimiterWorld world(per_principal(3));
    for (Hits used = 1; used <= 3; ++used) {
      const Decision decision = world.decide(alice);
      CHECK(decision.allowed);
      REQUIRE(decision.limits.size() == 1);
      CHECK(decision.limits[0].used == used);
      CHECK(decision.limits[0].remaining == 3 - used);
      CHECK(decision.limits[0].allowed);
      CHECK(decision.limits[0].counted);
      CHECK(world.limiter.charges().size() == 1);
    }
    const Decision denied = world.decide(alice);
    CHECK_FALSE(denied.allowed);
    CHECK_FALSE(denied.limits[0].allowed);
    CHECK(denied.limits[0].used == 3);
    CHECK(denied.limits[0].remaining == 0);
    CHECK(world.limiter.charges().empty());
    CHECK(world.allows(bob));
  }

  TEST_CASE("a limit is told with its rule, window and time to its end") {
    LimiterWorld world(per_principal(3));
    const Decision decision = world.decide(alice);
    const LimitStatus& status = decision.limits[0];
    CHECK(status.rule == "per-principal");
    CHECK(status.rule_index == 0);
    CHECK(status.limit == 3);
    CHECK(status.window_s == 10);
    CHECK(status.window_id == 100'000);
    CHECK(status.reset_ms == 7000);
    CHECK(decision.tightest == &status);
  }

  TEST_CASE("the next window starts from nothing") {
    LimiterWorld world(per_principal(1));
    CHECK(world.allows(alice));
    CHECK_FALSE(world.allows(alice));
    world.wall += std::chrono::milliseconds(6999);
    CHECK_FALSE(world.allows(alice));
    world.wall += std::chrono::milliseconds(1);
    CHECK(world.allows(alice));
  }

  TEST_CASE("hits of other nodes count like our own") {
    LimiterWorld world(per_principal(10));
    world.decide(alice, 4);
    world.join_into(0, OriginIndex{1}, 5);
    CHECK_FALSE(world.allows(alice, 2));
    CHECK(world.allows(alice, 1));
    CHECK_FALSE(world.allows(alice, 1));
  }

  TEST_CASE("a poisoned count denies its own key and no other, and nothing overflows") {
    LimiterWorld world(per_principal(10));
    world.decide(alice, 0);
    world.join_into(0, OriginIndex{1}, hits_max);
    world.join_into(0, OriginIndex{2}, hits_max);
    const Decision decision = world.decide(alice);
    CHECK_FALSE(decision.allowed);
    CHECK(decision.limits[0].remaining == 0);
    CHECK(world.allows(bob));
  }

  TEST_CASE("hits 0 looks and counts nothing; it is denied only above the limit") {
    LimiterWorld world(per_principal(2));
    CHECK(world.decide(alice, 0).allowed);
    CHECK(world.counters.counters_count() == 0);
    world.decide(alice, 2);
    const Decision at_the_limit = world.decide(alice, 0);
    CHECK(at_the_limit.allowed);
    CHECK(at_the_limit.limits[0].used == 2);
    CHECK(at_the_limit.limits[0].remaining == 0);
    CHECK(at_the_limit.limits[0].counted);
    CHECK(world.limiter.charges().empty());
    world.join_into(0, OriginIndex{1}, 1);
    CHECK_FALSE(world.decide(alice, 0).allowed);
  }

  TEST_CASE("a request is admitted whole or not at all") {
    LimiterWorld world(per_principal(10));
    CHECK_FALSE(world.allows(alice, 11));
    CHECK(world.decide(alice, 0).limits[0].used == 0);
    CHECK(world.allows(alice, 7));
    CHECK_FALSE(world.allows(alice, 4));
    CHECK(world.allows(alice, 3));
    CHECK_FALSE(world.allows(alice, hits_max));
  }

  TEST_CASE("a cost beyond the bound is counted as the bound") {
    LimiterWorld world(per_principal(limit_requests_max));
    CHECK(world.decide(alice, hits_max).limits[0].used == hits_per_request_max);
  }

  TEST_CASE("a limit of 0 denies everything") {
    LimiterWorld world(per_principal(0));
    CHECK_FALSE(world.allows(alice));
    CHECK(world.decide(alice, 0).allowed);
    CHECK(world.counters.counters_count() == 0);
  }

  TEST_CASE("a request that no rule matches passes, without limits") {
    LimiterWorld world(per_principal(0));
    for (const Entries& entries : {Entries{}, Entries{{"path", "/"}}, Entries{{"Principal", "alice"}}}) {
      const Decision decision = world.decide(entries);
      CHECK(decision.allowed);
      CHECK(decision.limits.empty());
      CHECK(decision.tightest == nullptr);
      CHECK_FALSE(decision.truncated);
    }
    CHECK(world.decide(std::vector<Entries>{}).allowed);
    CHECK(LimiterWorld(rule_set({})).allows(alice));
  }

  TEST_CASE("another domain has no rules here; none named is the domain of the file") {
    LimiterWorld world(per_principal(0));
    CHECK(world.decide(alice, 1, "other").allowed);
    CHECK(world.decide(alice, 1, "other").limits.empty());
    CHECK_FALSE(world.decide(alice, 1, "test").allowed);
    CHECK_FALSE(world.decide(alice, 1, "").allowed);
  }

  TEST_CASE("every key of a match must be there and fit; other keys do not matter") {
    LimiterWorld world(rule_set(
        {rule("login", {matcher("ip", "10.*"), matcher("path", "/login"), matcher("user", "*")}, {{0, 1}})}));
    CHECK_FALSE(world.allows({{"user", "a"}, {"path", "/login"}, {"ip", "10.0.0.1"}}));
    CHECK_FALSE(world.allows({{"x", "y"}, {"ip", "10."}, {"path", "/login"}, {"user", ""}}));
    CHECK(world.allows({{"path", "/login"}, {"ip", "10.0.0.1"}}));
    CHECK(world.allows({{"user", "a"}, {"path", "/login"}, {"ip", "11.0.0.1"}}));
    CHECK(world.allows({{"user", "a"}, {"path", "/logout"}, {"ip", "10.0.0.1"}}));
  }

  TEST_CASE(
      "values of `*` and `prefix*` have counters of their own, equal ones share one; order is no matter") {
    LimiterWorld world(rule_set(
        {rule("login", {matcher("ip", "10.*"), matcher("path", "/login"), matcher("user", "*")}, {{1, 1}})}));
    CHECK(world.allows({{"user", "a"}, {"path", "/login"}, {"ip", "10.1"}}));
    CHECK_FALSE(world.allows({{"ip", "10.1"}, {"user", "a"}, {"path", "/login"}}));
    CHECK(world.allows({{"user", "b"}, {"path", "/login"}, {"ip", "10.1"}}));
    CHECK(world.allows({{"user", "a"}, {"path", "/login"}, {"ip", "10.2"}}));
    CHECK(world.allows({{"user", "10.1"}, {"path", "/login"}, {"ip", "10.a"}}));
    CHECK(world.counters.counters_count() == 4);
  }

  TEST_CASE("new rules are in force at once, counters of a rule that kept its name go on") {
    LimiterWorld world(per_principal(5));
    CHECK(world.allows(alice, 5));
    world.limiter.replace_rules(per_principal(6));
    CHECK(world.decide(alice).limits[0].used == 6);
    world.limiter.replace_rules(per_principal(2));
    const Decision lowered = world.decide(alice, 0);
    CHECK_FALSE(lowered.allowed);
    CHECK(lowered.limits[0].used == 6);
    CHECK(lowered.limits[0].remaining == 0);
    world.limiter.replace_rules(rule_set({rule("renamed", {matcher("principal", "*")}, {{1, 10}})}));
    CHECK(world.allows(alice));
  }
}

}  // namespace
}  // namespace starling
