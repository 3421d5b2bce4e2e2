#include "limiter/rule_index.hpp"

#include <doctest/doctest.h>

#include "limiter_world.hpp"

namespace starling {
namespace {

const Entries alice{{"principal", "alice"}};
const Entries bob{{"principal", "bob"}};

RuleSet two_rules() {
  return rule_set(
      {rule("a", match({{"principal", "*"}}), {{1, 10}}), rule("b", match({{"principal", "*"}}), {{1, 20}})});
}

/// Which of the two rules learns, as "a", "b", "ab" or "".
std::string learners(LimiterWorld& world) {
  std::string names;
  for (const LimitStatus& status : world.decide(alice, 0).limits)
    if (!status.enforced) names += status.rule;
  return names;
}

TEST_SUITE("limiter.rule_index") {
  TEST_CASE("learning: the rule's live setting, all learn, the rule's file, all enforce, the file") {
    RuleSet set = two_rules();
    set.rules[0].learning = true;
    LimiterWorld world(set);
    CHECK(learners(world) == "a");
    world.limiter.set_live_overrides({live_learning("", true)});
    CHECK(learners(world) == "ab");
    world.limiter.set_live_overrides({live_learning("", true), live_learning("b", false)});
    CHECK(learners(world) == "a");
    world.limiter.set_live_overrides({live_learning("", false)});
    CHECK(learners(world) == "a");  // its file marks it as learning
    world.limiter.set_live_overrides({live_learning("", false), live_learning("a", false)});
    CHECK(learners(world) == "");
    set.learning = true;
    set.rules[1].learning = false;
    world.limiter.replace_rules(set);
    world.limiter.set_live_overrides({});
    CHECK(learners(world) == "a");
  }

  TEST_CASE("limits of a whole rule can be changed, and callers named in the file keep theirs") {
    RuleSet set = per_principal(5);
    set.rules[0].overrides = {{.match = match({{"principal", "bob"}}), .limits = {{7, 10}}}};
    LimiterWorld world(set);
    world.limiter.set_live_overrides({live_limits("per-principal", {}, {{9, 60}, {1, 10}})});
    CHECK(world.decide(alice).limits.size() == 2);
    CHECK(world.decide(alice).limits[0].limit == 9);
    CHECK(world.decide(alice).limits[0].override_index == 0);
    CHECK(world.status(bob).limit == 7);
    LiveOverride unlimited = live_limits("per-principal", {}, {});
    unlimited.unlimited = true;
    world.limiter.set_live_overrides({unlimited});
    CHECK(world.status(alice).unlimited);
    CHECK_FALSE(world.status(bob).unlimited);
  }

  TEST_CASE("a live override waits for its rule, outlives a reload and follows the name") {
    LimiterWorld world(two_rules());
    world.limiter.set_live_overrides({live_limits("c", {{"principal", "alice"}}, {{50, 10}}),
                                      live_ignoring("c", "bob"), live_learning("c", true)});
    CHECK(world.decide(alice, 0).limits[0].limit == 1);
    CHECK(learners(world) == "");
    world.limiter.replace_rules(rule_set({rule("c", match({{"principal", "*"}}), {{2, 10}})}));
    CHECK(world.status(alice, 0).limit == 50);
    CHECK(world.status(bob, 0).enforced_by == EnforcementSource::live_list);
    CHECK(world.status({{"principal", "carol"}}, 0).enforced_by == EnforcementSource::live);
    CHECK(world.limiter.live_overrides().size() == 3);
    world.limiter.replace_rules(two_rules());
    CHECK(world.decide(alice, 0).limits[0].limit == 1);
  }

  TEST_CASE("an entry for all rules is a caller of each of them") {
    LimiterWorld world(rule_set(
        {rule("a", match({{"principal", "*"}}), {{0, 10}}), rule("b", match({{"path", "/x"}}), {{9, 10}})}));
    world.limiter.set_live_overrides({live_ignoring("", "alice")});
    const Decision decision = world.decide(Entries{{"principal", "alice"}, {"path", "/x"}});
    CHECK(decision.learned);
    CHECK_FALSE(decision.limits[0].enforced);
    CHECK(decision.limits[1].enforced);  // tells nobody apart
    CHECK_FALSE(world.allows(bob));
    world.limiter.set_live_overrides({live_ignoring("", "alice"), live_enforcing("a", "alice")});
    CHECK(world.decide(alice).limits[0].contradiction);
    world.limiter.set_live_overrides({});
    CHECK_FALSE(world.allows(alice));
  }

  TEST_CASE("limits that no rule could have are left out: they came over the network") {
    LimiterWorld world(per_principal(5));
    for (const Limit limit : {Limit{1, 0}, Limit{1, window_s_max + 1}, Limit{limit_requests_max + 1, 10}}) {
      world.limiter.set_live_overrides({live_limits("per-principal", {}, {limit})});
      CHECK(world.status(alice, 0).limit == 5);
      world.limiter.set_live_overrides(
          {live_limits("per-principal", {{"principal", "alice"}}, {{1, 10}, limit})});
      CHECK(world.status(alice, 0).limit == 5);
    }
    world.limiter.set_live_overrides({live_limits("per-principal", {}, {}), live_limits("", {}, {{1, 10}})});
    CHECK(world.status(alice, 0).limit == 5);
  }

  TEST_CASE("new rules do not look at what the old ones left behind") {
    RuleSet set = two_rules();
    set.rules[0].enforcing = {{.principal = "alice", .match = {}}};
    set.rules[1].replaces = {"a"};
    LimiterWorld world(set);
    CHECK(world.status(alice).rule == "b");
    world.limiter.replace_rules(two_rules());
    CHECK(world.decide(alice, 0).limits.size() == 2);
    world.limiter.replace_rules(rule_set({}));
    CHECK(world.decide(alice).limits.empty());
  }

  TEST_CASE("ten thousand overrides and callers of one rule are all in force") {
    RuleSet set = per_principal(1);
    std::vector<LiveOverride> live;
    for (std::uint64_t i = 0; i < overrides_per_rule_max; ++i) {
      const std::string caller = "u" + std::to_string(i);
      set.rules[0].overrides.push_back({.match = match({{"principal", caller}}), .limits = {{i, 10}}});
      set.rules[0].ignoring.push_back({.principal = caller, .match = {}});
      if (i % 2 == 0) live.push_back(live_limits("per-principal", {{"principal", caller}}, {{i + 1, 10}}));
    }
    LimiterWorld world(set);
    world.limiter.set_live_overrides(live);
    for (std::uint64_t i = 0; i < overrides_per_rule_max; i += 997) {
      const std::string caller = "u" + std::to_string(i);
      const LimitStatus status = world.status({{"principal", caller}}, 0);
      CHECK(status.limit == (i % 2 == 0 ? i + 1 : i));
      CHECK_FALSE(status.enforced);
    }
    CHECK(world.status(alice).enforced);
  }
}

}  // namespace
}  // namespace starling
