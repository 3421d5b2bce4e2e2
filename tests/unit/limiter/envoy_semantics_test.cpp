/// What Envoy's reference rate limit service decides, expressed in rules. Its tree of nested descriptors
/// becomes one `exact` rule per node with a limit. What belongs to the messages - codes, an addend of 0,
/// empty requests - is the front ends' matter.
#include <doctest/doctest.h>

#include "limiter_world.hpp"

namespace starling {
namespace {

Rule exact(std::string name, std::map<std::string, std::string> entries, std::vector<Limit> limits) {
  Rule one = rule(std::move(name), match(std::move(entries)), std::move(limits));
  one.exact = true;
  return one;
}

const Entries database{{"database", "users"}};
const Entries database_path{{"database", "users"}, {"path", "/a"}};

TEST_SUITE("limiter.envoy semantics") {
  TEST_CASE("a request as deep as the rule matches, a deeper or shallower one does not") {
    LimiterWorld world(rule_set({exact("outer", {{"database", "users"}}, {{5, 1}}),
                                 exact("inner", {{"database", "users"}, {"path", "*"}}, {{1, 1}})}));
    CHECK(world.status(database).rule == "outer");
    CHECK(world.status(database_path).rule == "inner");
    CHECK(world.decide(Entries{{"path", "/a"}}).limits.empty());
    CHECK(world.decide(Entries{{"database", "users"}, {"path", "/a"}, {"user", "x"}}).limits.empty());
    CHECK(world.decide(Entries{{"database", "users"}, {"database", "users"}}).limits.empty());
    CHECK(world.decide(Entries{}).limits.empty());
  }

  TEST_CASE("without exact, other keys do not matter") {
    LimiterWorld world(rule_set({rule("any depth", {matcher("database", "users")}, {{5, 1}})}));
    CHECK(world.status(database_path).rule == "any depth");
  }

  TEST_CASE("no rule that matches: passes without a limit; a domain nobody knows too") {
    LimiterWorld world(rule_set({exact("r", {{"database", "users"}}, {{0, 1}})}));
    CHECK(world.decide(Entries{{"database", "other"}}).allowed);
    CHECK(world.decide(Entries{{"database", "other"}}).tightest == nullptr);
    CHECK(world.decide(database, 1, "elsewhere").allowed);
    CHECK(world.decide(database, 1, "elsewhere").limits.empty());
    CHECK_FALSE(world.decide(database, 1, "test").allowed);
  }

  TEST_CASE("each domain has its own rules, and counters of its own for rules that look alike") {
    RuleSet set = rule_set({exact("a", {{"user", "*"}}, {{1, 10}}), exact("b", {{"user", "*"}}, {{3, 10}})});
    set.rules[1].domain = "second";
    LimiterWorld world(set);
    const Entries user{{"user", "x"}};
    CHECK(world.decide(user, 1, "").limits[0].rule == "a");
    CHECK(world.decide(user, 3, "second").limits[0].rule == "b");
    CHECK_FALSE(world.decide(user, 1, "second").allowed);
    CHECK_FALSE(world.decide(user, 1, "test").allowed);
    CHECK(world.counters.counters_count() == 2);
  }

  TEST_CASE("statuses tell which descriptors led to them; any that is over denies all") {
    LimiterWorld world(rule_set({exact("a", {{"user", "*"}}, {{9, 10}}), exact("b", {{"ip", "*"}}, {{1, 10}}),
                                 exact("c", {{"ip", "*"}}, {{9, 60}})}));
    const std::vector<Entries> request{{{"user", "x"}}, {{"nobody", ""}}, {{"ip", "1"}}, {{"user", "x"}}};
    CHECK(world.decide(request).allowed);
    const Decision denied = world.decide(request);
    CHECK_FALSE(denied.allowed);
    REQUIRE(denied.limits.size() == 3);
    CHECK(denied.limits[0].rule == "a");
    CHECK(denied.limits[0].descriptors == 0b1001);
    CHECK(denied.limits[0].allowed);
    CHECK(denied.limits[1].rule == "b");
    CHECK(denied.limits[1].descriptors == 0b0100);
    CHECK_FALSE(denied.limits[1].allowed);
    CHECK(denied.limits[2].descriptors == 0b0100);
    CHECK(denied.limits[0].used == 1);
  }

  TEST_CASE("hits of a descriptor stand in for those of the request, and 0 only looks") {
    LimiterWorld world(rule_set({exact("a", {{"user", "*"}}, {{9, 10}}), exact("b", {{"ip", "*"}}, {{9, 10}}),
                                 exact("c", {{"path", "*"}}, {{9, 10}})}));
    const Entries user{{"user", "x"}}, ip{{"ip", "1"}}, path{{"path", "/"}};
    world.views = {{.entries = user, .hits = 4}, {.entries = ip, .hits = 0}, {.entries = path}};
    const Decision decision = world.decide_views(2);
    CHECK(decision.limits[0].used == 4);
    CHECK(decision.limits[0].hits == 4);
    CHECK(decision.limits[1].used == 0);
    CHECK(decision.limits[2].used == 2);
    CHECK(world.counters.counters_count() == 2);
    CHECK(world.limiter.charges().size() == 2);
    world.views = {{.entries = user, .hits = hits_max}};
    CHECK_FALSE(world.decide_views(0).allowed);
  }

  TEST_CASE("descriptors that lead to one counter cost the largest of their hits, in either order") {
    LimiterWorld world(rule_set({rule("total", {matcher("user", "*")}, {{9, 10}})}));
    const Entries one{{"user", "x"}, {"path", "/1"}}, two{{"user", "x"}, {"path", "/2"}};
    world.views = {{.entries = one, .hits = 1}, {.entries = two, .hits = 3}};
    CHECK(world.decide_views().limits[0].used == 3);
    world.views = {{.entries = one, .hits = 3}, {.entries = two, .hits = 0}};
    CHECK(world.decide_views().limits[0].used == 6);
    CHECK(world.decide_views().limits[0].hits == 3);
    CHECK_FALSE(world.decide_views().allowed);
  }

  TEST_CASE("a limit in the descriptor takes the place of all rules for it, with a counter of its own") {
    LimiterWorld world(rule_set({rule("r", {matcher("user", "*")}, {{100, 10}})}));
    const Entries x{{"user", "x"}, {"path", "/"}}, y{{"user", "y"}, {"path", "/"}};
    world.views = {{.entries = x, .limit = RequestLimit{.requests = 2, .window_s = 60}}};
    CHECK(world.decide_views(2).allowed);
    const Decision denied = world.decide_views();
    CHECK_FALSE(denied.allowed);
    REQUIRE(denied.limits.size() == 1);
    CHECK(denied.limits[0].rule.empty());
    CHECK(denied.limits[0].rule_index == no_rule);
    CHECK(denied.limits[0].source == LimitSource::request);
    CHECK(denied.limits[0].window_s == 60);
    CHECK(world.status(x, 0).used == 0);  // the rule's counter has seen nothing
    world.views = {{.entries = y, .limit = RequestLimit{.requests = 2, .window_s = 60}}};
    CHECK(world.decide_views().allowed);  // every entry tells callers apart
    world.views = {{.entries = x, .limit = RequestLimit{.requests = 9, .window_s = 60}}};
    CHECK(world.decide_views().limits[0].used == 3);  // a raised limit keeps the counter
  }

  TEST_CASE("a limit in the descriptor means nothing in a domain nobody knows") {
    LimiterWorld world(rule_set({}));
    const Entries user{{"user", "x"}};
    world.views = {{.entries = user, .limit = RequestLimit{.requests = 0, .window_s = 1}}};
    CHECK(world.decide_views(1, "elsewhere").limits.empty());
    CHECK_FALSE(world.decide_views(1, "test").allowed);
  }

  TEST_CASE("a limit in the descriptor learns when all learn, and its caller may be listed") {
    LimiterWorld world(rule_set({}));
    const Entries user{{"user", "x"}};
    world.views = {{.entries = user, .limit = RequestLimit{.requests = 0, .window_s = 1}}};
    CHECK_FALSE(world.decide_views().allowed);
    world.limiter.set_live_overrides({live_learning("", true)});
    CHECK(world.decide_views().learned);
    world.limiter.set_live_overrides({live_learning("", true), live_enforcing("", "x")});
    CHECK_FALSE(world.decide_views().allowed);
    world.limiter.set_live_overrides({live_ignoring("", "", {{"user", "x"}})});
    CHECK(world.decide_views().learned);
    world.limiter.set_live_overrides({});
    RuleSet learning = rule_set({});
    learning.learning = true;
    world.limiter.replace_rules(learning);
    CHECK(world.decide_views().learned);
  }

  TEST_CASE("impossible limits in a descriptor are cut to the nearest possible one") {
    LimiterWorld world(rule_set({}));
    const Entries user{{"user", "x"}};
    world.views = {{.entries = user, .limit = RequestLimit{.requests = hits_max, .window_s = 0}}};
    CHECK(world.decide_views().limits[0].limit == limit_requests_max);
    CHECK(world.decide_views().limits[0].window_s == window_s_min);
    world.views[0].limit->window_s = 0xFFFF'FFFF;
    CHECK(world.decide_views().limits[0].window_s == window_s_max);
  }

  TEST_CASE("unlimited: matches, passes, counts nothing, and is not the limit to look at") {
    RuleSet set =
        rule_set({exact("free", {{"user", "vip"}}, {}), rule("all", {matcher("user", "*")}, {{1, 10}})});
    set.rules[0].unlimited = true;
    LimiterWorld world(set);
    const Decision decision = world.decide(std::vector<Entries>{{{"user", "vip"}}, {{"user", "vip"}}});
    REQUIRE(decision.limits.size() == 2);
    CHECK(decision.limits[0].unlimited);
    CHECK(decision.limits[0].allowed);
    CHECK(decision.limits[0].descriptors == 0b11);
    CHECK(decision.tightest == &decision.limits[1]);
    CHECK(world.limiter.counters()[0].window.length_s == 0);
    CHECK(world.limiter.counters()[1].window.length_s == 10);
    CHECK(world.limiter.charges().size() == 1);
    CHECK_FALSE(world.allows({{"user", "vip"}}));  // the other rule still holds
    set.rules.pop_back();
    world.limiter.replace_rules(set);
    CHECK(world.allows({{"user", "vip"}}, 100));
    CHECK(world.decide(Entries{{"user", "vip"}}).tightest == nullptr);
  }

  TEST_CASE("replaces: a rule that matches any descriptor takes others out of the whole request") {
    RuleSet set =
        rule_set({exact("all", {{"ip", "*"}}, {{0, 10}}), exact("vip", {{"user", "vip"}}, {{9, 10}}),
                  exact("self", {{"user", "self"}}, {{9, 10}})});
    set.rules[1].replaces = {"all", "not a rule"};
    set.rules[2].replaces = {"self"};
    LimiterWorld world(set);
    const Entries ip{{"ip", "1"}}, vip{{"user", "vip"}};
    CHECK_FALSE(world.allows(ip));
    for (const auto& request : {std::vector<Entries>{ip, vip}, {vip, ip}}) {
      const Decision decision = world.decide(request);
      CHECK(decision.allowed);
      REQUIRE(decision.limits.size() == 1);
      CHECK(decision.limits[0].rule == "vip");
    }
    CHECK_FALSE(world.allows(ip));  // only that request
    CHECK(world.status({{"user", "self"}}).rule == "self");
    world.views = {{.entries = ip}, {.entries = vip, .limit = RequestLimit{.requests = 5, .window_s = 1}}};
    CHECK_FALSE(world.decide_views().allowed);  // a limit of the descriptor's own: no rule matches that one
  }

  TEST_CASE("more descriptors than the bound: the rest is not looked at, and that is said") {
    LimiterWorld world(rule_set({rule("r", {matcher("user", "*")}, {{5, 10}})}));
    const Entries nobody{{"x", ""}}, user{{"user", "x"}};
    world.views.assign(descriptors_per_request_max - 1, Descriptor{nobody});
    world.views.push_back(Descriptor{user});
    CHECK_FALSE(world.decide_views().truncated);
    CHECK(world.decide_views().limits[0].descriptors == std::uint64_t{1} << 63);
    world.views.insert(world.views.begin(), Descriptor{nobody});
    CHECK(world.decide_views().truncated);
    CHECK(world.decide_views().limits.empty());
  }

  TEST_CASE("shadow mode is learning: over the limit, passes, is told") {
    RuleSet set = rule_set({rule("r", {matcher("user", "*")}, {{1, 10}})});
    set.rules[0].learning = true;
    LimiterWorld world(set);
    CHECK_FALSE(world.decide(Entries{{"user", "x"}}).learned);
    const Decision over = world.decide(Entries{{"user", "x"}});
    CHECK(over.allowed);
    CHECK(over.learned);
    CHECK_FALSE(over.limits[0].allowed);
    CHECK_FALSE(over.limits[0].enforced);
    CHECK(over.limits[0].used == 2);
  }
}

}  // namespace
}  // namespace starling
