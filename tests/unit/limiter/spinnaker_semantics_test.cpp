/// What Spinnaker Gate's rate limiter decides, expressed in rules: a rule per principal, its configuration as
/// overrides and lists, and what it keeps in Redis as live overrides. Keys, precedence and formulas are those
/// of gate-web's `ratelimit` package. Not here: its headers, and what it does when Redis is down.
#include <doctest/doctest.h>

#include "limiter_world.hpp"

namespace starling {
namespace {

const Entries alice{{"principal", "alice@example.com"}};
const Entries alice_by_orca{{"principal", "alice@example.com"}, {"source_app", "orca"}};
const Entries bob_by_orca{{"principal", "bob@example.com"}, {"source_app", "orca"}};
const Entries bob{{"principal", "bob@example.com"}};

/// `rate-limit: {capacity: 60, rateSeconds: 10}`, and whether it learns.
RuleSet gate(bool learning) {
  RuleSet set = rule_set({rule("gate", {matcher("principal", "*")}, {{60, 10}})});
  set.learning = learning;
  return set;
}

/// `capacityByPrincipal` or, with `source_app` as key, `capacityBySourceApp`.
Override capacity_of(std::string key, std::string value, Hits capacity, std::uint32_t seconds = 10) {
  return Override{.match = {matcher(std::move(key), std::move(value))}, .limits = {{capacity, seconds}}};
}

Caller named(std::string principal) {
  return Caller{.principal = std::move(principal)};
}

/// A principal that is far above its limit.
void exceed(LimiterWorld& world, const Entries& entries) {
  world.decide(entries, 0);
  for (std::uint32_t i = 0; i < world.limiter.counters().size(); ++i)
    world.join_into(i, OriginIndex{1}, 1'000'000);
}

TEST_SUITE("limiter.spinnaker semantics") {
  TEST_CASE("capacity and rateSeconds: the default is held for each principal by itself") {
    LimiterWorld world(gate(false));
    for (int i = 0; i < 60; ++i) CHECK(world.allows(alice));
    CHECK_FALSE(world.allows(alice));
    CHECK(world.allows(bob));
    CHECK(world.status(alice, 0).window_s == 10);
  }

  TEST_CASE("capacity: dynamic principal, static principal, dynamic app, static app, default") {
    RuleSet set = gate(false);
    set.rules[0].overrides = {capacity_of("source_app", "orca", 300),
                              capacity_of("principal", "alice@example.com", 100)};
    LimiterWorld world(set);
    const LiveOverride live_app = live_limits("gate", {{"source_app", "orca"}}, {{400, 10}});
    const LiveOverride live_principal =
        live_limits("gate", {{"principal", "alice@example.com"}}, {{200, 10}});

    world.limiter.set_live_overrides({live_app, live_principal});
    CHECK(world.status(alice_by_orca).limit == 200);
    CHECK(world.status(alice_by_orca).source == LimitSource::live);
    world.limiter.set_live_overrides({live_app});
    CHECK(world.status(alice_by_orca).limit == 100);
    CHECK(world.status(alice_by_orca).source == LimitSource::exception);
    CHECK(world.status(bob_by_orca).limit == 400);
    CHECK(world.status(bob_by_orca).source == LimitSource::live);
    world.limiter.set_live_overrides({});
    CHECK(world.status(bob_by_orca).limit == 300);
    CHECK(world.status(bob_by_orca).override_index == 0);
    CHECK(world.status(bob).limit == 60);
    CHECK(world.status(bob).source == LimitSource::rule);
  }

  TEST_CASE("rateSecondsByPrincipal: a principal may have a window of its own") {
    RuleSet set = gate(false);
    set.rules[0].overrides = {capacity_of("principal", "alice@example.com", 60, 30)};
    LimiterWorld world(set);
    CHECK(world.status(alice).window_s == 30);
    CHECK(world.status(bob).window_s == 10);
    world.limiter.set_live_overrides({live_limits("gate", {{"principal", "alice@example.com"}}, {{60, 5}})});
    CHECK(world.status(alice).window_s == 5);
  }

  TEST_CASE("learning = not enforcing and (ignoring or learning)") {
    struct Row {
      bool learning, enforcing, ignoring, learns;
    };
    for (const Row& row :
         {Row{false, false, false, false}, Row{true, false, false, true}, Row{false, false, true, true},
          Row{true, false, true, true}, Row{false, true, false, false}, Row{true, true, false, false}}) {
      CAPTURE(row.learning);
      CAPTURE(row.enforcing);
      CAPTURE(row.ignoring);
      RuleSet set = gate(row.learning);
      LimiterWorld live(set);
      std::vector<LiveOverride> lists;
      if (row.enforcing) set.rules[0].enforcing = {named("alice@example.com")};
      if (row.ignoring) set.rules[0].ignoring = {named("alice@example.com")};
      if (row.enforcing) lists.push_back(live_enforcing("gate", "alice@example.com"));
      if (row.ignoring) lists.push_back(live_ignoring("gate", "alice@example.com"));
      live.limiter.set_live_overrides(lists);
      LimiterWorld file(set);
      for (LimiterWorld* world : {&file, &live}) {
        exceed(*world, alice);
        const Decision decision = world->decide(alice);
        CHECK(decision.allowed == row.learns);
        CHECK(decision.learned == row.learns);
        CHECK(decision.limits[0].enforced == !row.learns);
        CHECK_FALSE(decision.limits[0].allowed);
        CHECK_FALSE(decision.limits[0].contradiction);
        exceed(*world, bob);  // whom no list names
        CHECK(world->decide(bob).allowed == row.learning);
      }
    }
  }

  TEST_CASE("in both lists: learns and is flagged, where Spinnaker would enforce") {
    for (const bool learning : {false, true}) {
      RuleSet set = gate(learning);
      set.rules[0].enforcing = set.rules[0].ignoring = {named("alice@example.com")};
      LimiterWorld file(set);
      LimiterWorld live(gate(learning));
      live.limiter.set_live_overrides(
          {live_enforcing("gate", "alice@example.com"), live_ignoring("gate", "alice@example.com")});
      for (LimiterWorld* world : {&file, &live}) {
        exceed(*world, alice);
        const Decision decision = world->decide(alice);
        CHECK(decision.allowed);
        CHECK(decision.learned);
        CHECK(decision.limits[0].contradiction);
      }
    }
  }

  TEST_CASE("who is in a dynamic list is not looked up in the static ones") {
    RuleSet set = gate(false);
    set.rules[0].enforcing = {named("alice@example.com")};
    set.rules[0].ignoring = {named("bob@example.com"), named("carol")};
    LimiterWorld world(set);
    world.limiter.set_live_overrides(
        {live_enforcing("gate", "bob@example.com"), live_ignoring("gate", "alice@example.com")});
    for (const Entries& entries : {alice, bob, Entries{{"principal", "carol"}}}) exceed(world, entries);
    const Decision of_alice = world.decide(alice);
    CHECK(of_alice.learned);
    CHECK_FALSE(of_alice.limits[0].contradiction);
    CHECK(of_alice.limits[0].enforced_by == EnforcementSource::live_list);
    CHECK_FALSE(world.allows(bob));
    CHECK(world.allows({{"principal", "carol"}}));
    CHECK(world.status({{"principal", "carol"}}).enforced_by == EnforcementSource::list);
  }

  TEST_CASE("the dynamic learning flag wins over that of the file, either way") {
    for (const bool learning : {false, true}) {
      LimiterWorld world(gate(learning));
      exceed(world, alice);
      world.limiter.set_live_overrides({live_learning("", !learning)});
      CHECK(world.allows(alice) == !learning);
      CHECK(world.status(alice).enforced_by == EnforcementSource::live);
      world.limiter.set_live_overrides({});
      CHECK(world.allows(alice) == learning);
      CHECK(world.status(alice).enforced_by == EnforcementSource::file);
    }
  }

  TEST_CASE("an app's limit is enforced only once app:<app> is in the dynamic enforcing set") {
    RuleSet set = gate(false);
    set.rules[0].overrides = {capacity_of("source_app", "orca", 3)};
    set.rules[0].overrides[0].learning = true;
    LimiterWorld world(set);
    for (int i = 0; i < 5; ++i) CHECK(world.allows(bob_by_orca));
    CHECK(world.decide(bob_by_orca).learned);
    CHECK(world.status(bob_by_orca).enforced_by == EnforcementSource::exception);
    world.limiter.set_live_overrides({live_enforcing("gate", "", {{"source_app", "orca"}})});
    CHECK_FALSE(world.allows(bob_by_orca));
    CHECK(world.allows(bob));
  }

  TEST_CASE("deck is exempt unless app:deck is enforced") {
    const Entries deck{{"principal", "alice@example.com"}, {"source_app", "deck"}};
    RuleSet set = gate(false);
    set.rules[0].overrides = {Override{.match = match({{"source_app", "deck"}}), .learning = true}};
    LimiterWorld world(set);
    exceed(world, alice);
    CHECK(world.allows(deck));
    CHECK(world.status(deck).limit == 60);  // the limit stays that of the principal
    CHECK_FALSE(world.allows(alice));
    world.limiter.set_live_overrides({live_enforcing("gate", "", {{"source_app", "deck"}})});
    CHECK_FALSE(world.allows(deck));
  }

  TEST_CASE("anonymous callers: one capacity for all of them, a counter for each address") {
    RuleSet set = gate(false);
    set.rules[0].overrides = {capacity_of("principal", "anonymous-*", 2, 5)};
    LimiterWorld world(set);
    const Entries one{{"principal", "anonymous-10.0.0.1"}};
    CHECK(world.allows(one));
    CHECK(world.allows(one));
    CHECK_FALSE(world.allows(one));
    CHECK(world.allows({{"principal", "anonymous-10.0.0.2"}}));
    CHECK(world.status({{"principal", "anonymous"}}).limit == 60);
  }

  TEST_CASE("unknown passes, and is not counted") {
    RuleSet set = gate(false);
    set.rules[0].overrides = {Override{.match = match({{"principal", "unknown"}}), .unlimited = true}};
    LimiterWorld world(set);
    for (int i = 0; i < 100; ++i) CHECK(world.allows({{"principal", "unknown"}}));
    CHECK(world.counters.counters_count() == 0);
    CHECK(world.status({{"principal", "unknown"}}).unlimited);
  }

  TEST_CASE("while it learns a caller is told its capacity and what remains all the same") {
    LimiterWorld world(gate(true));
    CHECK(world.decide(alice, 59).tightest->remaining == 1);
    CHECK(world.decide(alice, 5).tightest->remaining == 0);
    CHECK(world.decide(alice).tightest->limit == 60);
  }
}

}  // namespace
}  // namespace starling
