/// What Kong's rate-limiting plugin decides, expressed in rules: one rule, a limit per window, and `limit_by`
/// as the key that tells callers apart. Not here: its headers.
#include <doctest/doctest.h>

#include "limiter_world.hpp"

namespace starling {
namespace {

constexpr std::uint32_t minute = 60, hour = 3600, day = 86'400, month = 30 * day, year = 365 * day;

const Entries alice{{"consumer", "alice"}};
const Entries bob{{"consumer", "bob"}};

RuleSet plugin(std::vector<Limit> limits, std::string limit_by = "consumer") {
  return rule_set({rule("plugin", {matcher(std::move(limit_by), "*")}, std::move(limits))});
}

TEST_SUITE("limiter.kong semantics") {
  TEST_CASE("second to year: each window is held by itself, for each consumer") {
    LimiterWorld world(plugin({{2, 1}, {3, minute}, {4, hour}, {5, day}, {6, month}, {7, year}}));
    const auto waits_for = [&](std::uint32_t window_s) {
      const Decision denied = world.decide(alice);
      CHECK_FALSE(denied.allowed);
      REQUIRE(denied.tightest != nullptr);
      CHECK(denied.tightest->window_s == window_s);
      world.wall += std::chrono::milliseconds(denied.tightest->reset_ms);
    };
    CHECK(world.allows(alice, 2));
    waits_for(1);
    CHECK(world.allows(alice));
    waits_for(minute);
    CHECK(world.allows(alice));
    waits_for(hour);
    CHECK(world.allows(alice));
    waits_for(day);
    CHECK(world.allows(alice));
    waits_for(month);
    CHECK(world.allows(alice));
    waits_for(year);
    CHECK(world.allows(alice));
    CHECK(world.allows(bob, 2));
  }

  TEST_CASE("a request that one window turns away is counted in none") {
    LimiterWorld world(plugin({{1, 1}, {100, hour}}));
    CHECK(world.allows(alice));
    for (int i = 0; i < 10; ++i) CHECK_FALSE(world.allows(alice));
    CHECK(world.decide(alice, 0).limits[1].used == 1);
  }

  TEST_CASE("the tightest window is the one with the least remaining, and it names the reset") {
    LimiterWorld world(plugin({{10, 1}, {12, minute}, {1000, hour}}));
    CHECK(world.decide(alice, 8).tightest->window_s == 1);
    world.wall += std::chrono::seconds(1);
    const Decision decision = world.decide(alice);
    CHECK(decision.tightest->window_s == minute);
    CHECK(decision.tightest->remaining == 3);
    CHECK(decision.tightest->reset_ms == minute * 1000 - world.wall.time_since_epoch().count() % 60'000);
    CHECK(decision.limits.size() == 3);  // for X-RateLimit-Limit-Second, -Minute and -Hour
  }

  TEST_CASE("limit_by: consumer, credential, ip, service, header") {
    for (const char* key : {"consumer", "credential", "client_ip", "service", "header_x_org"}) {
      CAPTURE(key);
      LimiterWorld world(plugin({{1, minute}}, key));
      CHECK(world.allows({{"other", "x"}, {key, "one"}}));
      CHECK_FALSE(world.allows({{"other", "y"}, {key, "one"}}));
      CHECK(world.allows({{"other", "x"}, {key, "two"}}));
      CHECK(world.decide(Entries{{"other", "x"}}).limits.empty());
    }
  }

  TEST_CASE("limit_by path: one counter for the path, whoever asks") {
    LimiterWorld world(rule_set({rule("plugin", {matcher("path", "/reports")}, {{2, minute}})}));
    CHECK(world.allows({{"consumer", "alice"}, {"path", "/reports"}}));
    CHECK(world.allows({{"consumer", "bob"}, {"path", "/reports"}}));
    CHECK_FALSE(world.allows({{"consumer", "carol"}, {"path", "/reports"}}));
    CHECK(world.decide(Entries{{"consumer", "carol"}, {"path", "/reports/1"}}).limits.empty());
  }

  TEST_CASE("a plugin for one consumer takes the place of the one for all") {
    RuleSet set = plugin({{1, minute}});
    Rule own = rule("for-alice", {matcher("consumer", "alice")}, {{5, minute}});
    own.replaces = {"plugin"};
    set.rules.push_back(own);
    LimiterWorld world(set);
    CHECK(world.allows(alice, 5));
    CHECK_FALSE(world.allows(alice));
    CHECK(world.allows(bob));
    CHECK_FALSE(world.allows(bob));
  }

  TEST_CASE("policy local divides nothing: a node alone with unreachable peers has the whole limit") {
    LimiterWorld world(plugin({{8, minute}}));
    world.around.known_count = 4;
    world.around.isolated = true;
    CHECK(world.allows(alice, 8));
    CHECK_FALSE(world.allows(alice));
  }
}

}  // namespace
}  // namespace starling
