#include <doctest/doctest.h>

#include "limiter_world.hpp"

namespace starling {
namespace {

const Entries alice{{"principal", "alice"}};
const Entries bob{{"principal", "bob"}};

LimiterWorld world_with(Hits requests, const std::function<void(Rule&)>& change,
                        CounterTable::Options options = {.counters_max = 1000, .components_max = 10'000}) {
  RuleSet rules = per_principal(requests);
  change(rules.rules[0]);
  return LimiterWorld(std::move(rules), options);
}

Denial denial(LimiterWorld& world, const Entries& entries, Hits hits = 1) {
  return world.decide(entries, hits).limits[0].denial;
}

int admitted_of(LimiterWorld& world, int offered) {
  int admitted = 0;
  for (int i = 0; i < offered; ++i) admitted += world.allows(alice) ? 1 : 0;
  return admitted;
}

}  // namespace

TEST_SUITE("limiter.policies") {
  TEST_CASE("sliding window: the last window's hits weigh on this one, and less so as it goes on") {
    LimiterWorld world = world_with(10, [](Rule& rule) { rule.algorithm = Algorithm::sliding_window; });
    CHECK(admitted_of(world, 20) == 10);
    world.wall += std::chrono::milliseconds(7000);  // the next window begins
    CHECK(admitted_of(world, 20) == 0);
    const Decision denied = world.decide(alice);
    CHECK(denied.tightest->used == 10);
    CHECK(denied.tightest->reset_ms == 1000);  // one of the ten has slid out then
    world.wall += std::chrono::milliseconds(1000);
    CHECK(admitted_of(world, 20) == 1);
    world.wall += std::chrono::milliseconds(4000);
    CHECK(admitted_of(world, 20) == 4);  // five have slid out, one of them has been used
    const Decision peek = world.decide(alice, 0);
    CHECK(peek.limits[0].used == 10);
    CHECK(peek.limits[0].remaining == 0);
  }

  TEST_CASE("sliding window: others' hits of the previous window count, also when they arrive late") {
    LimiterWorld world = world_with(10, [](Rule& rule) { rule.algorithm = Algorithm::sliding_window; });
    CHECK(world.allows(alice));
    const CounterId id = world.limiter.counters()[0];
    world.wall += std::chrono::milliseconds(7000);
    CHECK(world.decide(alice, 0).limits[0].used == 1);
    REQUIRE(world.counters.join(OriginIndex{1}, id, 9, world.wall));
    CHECK(world.decide(alice, 0).limits[0].used == 10);
    CHECK_FALSE(world.allows(alice));
  }

  TEST_CASE("sliding window: what is kept back of the previous window is reconsidered with this one") {
    LimiterWorld world = world_with(10, [](Rule& rule) { rule.algorithm = Algorithm::sliding_window; });
    CHECK(admitted_of(world, 4) == 4);
    CHECK(world.limiter.charges().size() == 1);
    CHECK(world.limiter.charges()[0].limit == 10);
    world.wall += std::chrono::milliseconds(7000);
    CHECK(world.allows(alice));
    const auto charges = world.limiter.charges();
    REQUIRE(charges.size() == 2);
    CHECK(charges[0].limit == 6);  // four of ten are spent by the window before
    CHECK(charges[1].limit == 4 + 5);
  }

  TEST_CASE("isolated: local goes on, learning counts and passes, deny denies, share keeps its part") {
    const auto isolate = [](LimiterWorld& world) {
      world.around.isolated = true;
      world.around.known_count = 4;
    };
    LimiterWorld local = world_with(8, [](Rule&) {});
    isolate(local);
    CHECK(admitted_of(local, 20) == 8);

    LimiterWorld deny = world_with(8, [](Rule& rule) { rule.when_isolated = WhenIsolated::deny; });
    CHECK(deny.allows(alice));
    isolate(deny);
    CHECK(denial(deny, alice) == Denial::isolated);
    CHECK(denial(deny, alice, 0) == Denial::isolated);
    deny.around.isolated = false;
    CHECK(admitted_of(deny, 20) == 7);

    LimiterWorld learning = world_with(8, [](Rule& rule) { rule.when_isolated = WhenIsolated::learning; });
    isolate(learning);
    CHECK(admitted_of(learning, 20) == 20);
    const Decision decision = learning.decide(alice);
    CHECK(decision.allowed);
    CHECK_FALSE(decision.limits[0].allowed);
    CHECK_FALSE(decision.limits[0].enforced);
    CHECK(decision.limits[0].enforced_by == EnforcementSource::isolation);
    CHECK(decision.learned);
    CHECK(decision.limits[0].used == 21);
    learning.around.isolated = false;
    CHECK_FALSE(learning.allows(alice));

    LimiterWorld share = world_with(8, [](Rule& rule) { rule.when_isolated = WhenIsolated::share; });
    isolate(share);
    CHECK(admitted_of(share, 20) == 2);
    CHECK(denial(share, alice) == Denial::share);
    share.around.known_count = 1;
    share.around.isolated = false;
    CHECK(admitted_of(share, 20) == 6);
    CHECK(denial(share, alice) == Denial::limit);
  }

  TEST_CASE("share applies to every partition, not only to a node alone, and counts what came before") {
    LimiterWorld world = world_with(100, [](Rule& rule) { rule.when_isolated = WhenIsolated::share; });
    world.around.nodes_count = 1;
    world.around.known_count = 5;
    CHECK(admitted_of(world, 100) == 20);
    world.around.known_count = 3;  // DNS has dropped two of them
    CHECK(admitted_of(world, 100) == 13);
    world.around.known_count = 5;
    CHECK(admitted_of(world, 100) == 0);
  }

  TEST_CASE("a rule that only learns does not keep another one from denying, and then nothing counts") {
    RuleSet rules = per_principal(5);
    rules.rules[0].when_isolated = WhenIsolated::learning;
    rules.rules.push_back(rule("second", {matcher("principal", "*")}, {{2, 60}}));
    LimiterWorld world(rules);
    world.around.isolated = true;
    CHECK(admitted_of(world, 10) == 2);
    const Decision denied = world.decide(alice);
    CHECK(denied.limits[0].used == 2);
    CHECK(denied.tightest->rule == "second");
  }

  TEST_CASE("guarded: a node spends no more than its share of what remains before its peers know") {
    LimiterWorld world = world_with(100, [](Rule& rule) { rule.admission = Admission::guarded; });
    world.around.nodes_count = world.around.known_count = 10;
    world.around.rank = 9;
    CHECK(admitted_of(world, 100) == 9);  // 9 <= (100 - 8) / 10, 10 > (100 - 9) / 10
    const Decision denied = world.decide(alice);
    CHECK(denied.limits[0].denial == Denial::held_back);
    CHECK(denied.limits[0].remaining == 91);
    CHECK(world.decide(alice, 0).limits[0].allowed);  // a look is not held back
    const ComponentIndex own = world.counters.own_component(world.limiter.counters()[0]);
    world.limiter.guard().on_published(own, 9, world.around.now);
    world.around.now += world.around.peer_delay;
    CHECK(admitted_of(world, 100) == 8);
  }

  TEST_CASE("guarded switches itself off where the limit leaves a node fewer than four hits") {
    LimiterWorld world = world_with(39, [](Rule& rule) { rule.admission = Admission::guarded; });
    world.around.nodes_count = world.around.known_count = 10;
    CHECK(admitted_of(world, 100) == 39);
    LimiterWorld more = world_with(40, [](Rule& rule) { rule.admission = Admission::guarded; });
    more.around.nodes_count = more.around.known_count = 10;
    CHECK(admitted_of(more, 100) < 10);
  }

  TEST_CASE("above a limit that only learns the others need not be told of every hit at once") {
    for (const bool slides : {false, true}) {
      LimiterWorld world = world_with(2, [&](Rule& rule) {
        rule.learning = true;
        if (slides) rule.algorithm = Algorithm::sliding_window;
      });
      CHECK(admitted_of(world, 2) == 2);
      CHECK(world.limiter.charges()[0].limit == 2);
      const Decision above = world.decide(alice);
      CHECK(above.learned);
      CHECK(above.limits[0].used == 3);
      CHECK(above.limits[0].remaining == 0);
      REQUIRE(world.limiter.charges().size() == 1);
      CHECK(world.limiter.charges()[0].limit == hits_max);
      world.wall += std::chrono::milliseconds(7000);
      CHECK(world.decide(alice).learned == slides);
      CHECK(world.limiter.charges().size() == (slides ? 2 : 1));
      for (const Limiter::Charge& charge : world.limiter.charges())
        CHECK(charge.limit == (slides ? hits_max : 2));
    }
  }

  TEST_CASE("what is held back while a rule learns is told as soon as it would be otherwise") {
    LimiterWorld world = world_with(100, [](Rule& rule) {
      rule.admission = Admission::guarded;
      rule.learning = true;
    });
    world.around.nodes_count = world.around.known_count = 10;
    world.around.rank = 9;
    CHECK(admitted_of(world, 20) == 20);
    CHECK(world.decide(alice).limits[0].denial == Denial::held_back);
    CHECK(world.limiter.charges()[0].limit == 100);
  }

  TEST_CASE("full table: learning passes uncounted, deny denies what it cannot count") {
    for (const WhenFull policy : {WhenFull::learning, WhenFull::deny}) {
      LimiterWorld world = world_with(5, [&](Rule& rule) { rule.when_full = policy; },
                                      {.counters_max = 1, .components_max = 10});
      CHECK(world.allows(alice));
      const Decision decision = world.decide(bob);
      CHECK(decision.allowed == (policy == WhenFull::learning));
      CHECK(decision.limits[0].denial == (policy == WhenFull::deny ? Denial::full : Denial::none));
      CHECK(decision.limits[0].counted == (policy == WhenFull::deny));
      CHECK(world.decide(bob, 0).allowed);
      CHECK(world.allows(alice));  // who has a counter goes on being held to it
    }
  }
}

}  // namespace starling
