/// Deciding allocates nothing for known counters, whatever the rules say.
#include <doctest/doctest.h>

#include "counting_new.hpp"
#include "random_rules.hpp"

namespace starling {
namespace {

TEST_SUITE("limiter.limiter allocation") {
  TEST_CASE("a decision on known counters allocates nothing, and the count can see allocations") {
    const std::size_t before_any = allocations_count;
    CHECK(std::vector<int>(100).size() == 100);
    CHECK(allocations_count > before_any);
    std::size_t allowed = 0;
    for (std::uint64_t seed = 1; seed <= 100; ++seed) {
      CAPTURE(seed);
      Random random(seed);
      LimiterWorld world(draw_rule_set(random));
      world.limiter.set_live_overrides(draw_live(random));
      const DrawnRequest request(random);
      const Request view = request.view();
      world.around.wall = world.wall;
      world.limiter.decide(view, world.around, world.counters);
      const std::size_t before = allocations_count;
      for (int i = 0; i < 20; ++i)
        allowed += world.limiter.decide(view, world.around, world.counters).allowed ? 1 : 0;
      REQUIRE(allocations_count == before);
    }
    CHECK(allowed > 500);
  }

  TEST_CASE("nor does it among so many rules that they are looked up") {
    std::size_t limits = 0;
    for (std::uint64_t seed = 1; seed <= 50; ++seed) {
      CAPTURE(seed);
      Random random(seed);
      RuleSet set = rule_set({});
      for (int i = 0; i < 40; ++i) set.rules.push_back(draw_rule(random, "r" + std::to_string(i)));
      LimiterWorld world(std::move(set));
      const DrawnRequest request(random);
      const Request view = request.view();
      world.around.wall = world.wall;
      world.limiter.decide(view, world.around, world.counters);
      const std::size_t before = allocations_count;
      for (int i = 0; i < 5; ++i)
        limits += world.limiter.decide(view, world.around, world.counters).limits.size();
      REQUIRE(allocations_count == before);
    }
    CHECK(limits > 500);
  }
}

}  // namespace
}  // namespace starling
