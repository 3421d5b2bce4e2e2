#include "http/live_reach.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

namespace starling::http {
namespace {

using Kind = LiveOverride::Kind;

Matcher equal(std::string key, std::string text) {
  return {.key = std::move(key), .kind = Matcher::Kind::equal, .text = std::move(text)};
}
Matcher any(std::string key) {
  return {.key = std::move(key), .kind = Matcher::Kind::any, .text = ""};
}
Matcher prefix(std::string key, std::string text) {
  return {.key = std::move(key), .kind = Matcher::Kind::prefix, .text = std::move(text)};
}

struct Fixture {
  RuleSet rules;
  std::vector<LiveView> live;

  Fixture() {
    rules.rules.push_back(
        {.name = "each", .match = {any("principal")}, .limits = {{.requests = 1, .window_s = 1}}});
    rules.rules.push_back({.name = "beta",
                           .match = {prefix("api_key", "beta-"), equal("path", "/login")},
                           .exact = true,
                           .limits = {{.requests = 1, .window_s = 1}}});
    rules.rules.push_back(
        {.name = "all", .match = {equal("path", "/")}, .limits = {{.requests = 1, .window_s = 1}}});
  }
  std::string obstacle(const LiveOverride& what) const {
    const std::string found = LiveReach(rules, live).obstacle(what);
    if (!LiveReach::depends_on_others(what)) {  // as whoever sets one asks, who spares himself the others
      CHECK(LiveReach(rules, {}).obstacle(what) == found);
      CHECK(LiveReach(rules, {}).contradiction(what) == contradiction(what));
    }
    const LiveReach many(rules, live);  // as a list asks
    for (int i = 0; i < 6; ++i) CHECK(many.obstacle(what) == found);
    return found;
  }
  std::string contradiction(const LiveOverride& what) const {
    return LiveReach(rules, live).contradiction(what);
  }
  std::string limits_of(std::string rule, std::vector<Matcher> match) const {
    return obstacle({.rule = std::move(rule), .match = std::move(match), .unlimited = true});
  }
  void set(LiveOverride what) { live.push_back(LiveView{.what = std::move(what)}); }
};

bool contains(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_SUITE("http.live_reach") {
  TEST_CASE("what names a rule that is not here does nothing, whatever its kind") {
    const Fixture f;
    for (const Kind kind : {Kind::limits, Kind::learning, Kind::enforcing, Kind::ignoring})
      CHECK(contains(f.obstacle({.kind = kind, .rule = "gone", .principal = "p"}),
                     "no rule here is named \"gone\""));
  }

  TEST_CASE("limits apply unless nothing that the rule matches can match them") {
    const Fixture f;
    CHECK(f.limits_of("each", {}) == "");
    CHECK(f.limits_of("each", {equal("principal", "alice"), equal("tier", "gold")}) == "");
    CHECK(f.limits_of("beta", {equal("api_key", "beta-1")}) == "");
    CHECK(f.limits_of("beta", {prefix("api_key", "beta-1")}) == "");
    CHECK(f.limits_of("beta", {prefix("api_key", "b")}) == "");
    CHECK(f.limits_of("beta", {any("api_key"), prefix("path", "/lo")}) == "");
    CHECK(contains(f.limits_of("beta", {equal("api_key", "alpha-1")}), "never \"alpha-1\""));
    CHECK(contains(f.limits_of("beta", {prefix("api_key", "a")}), "never \"a*\""));
    CHECK(contains(f.limits_of("beta", {equal("path", "/")}), "\"/login\" in \"path\" only"));
    CHECK(contains(f.limits_of("beta", {equal("tier", "gold")}), "exact and has no key \"tier\""));
  }

  TEST_CASE("learning of all rules does nothing if every rule has its own") {
    Fixture f;
    const LiveOverride off{.kind = Kind::learning, .learning = false};
    f.set(off);
    CHECK(f.obstacle(off) == "");
    f.rules.rules[0].learning = true;
    f.rules.rules[1].learning = false;
    CHECK(f.obstacle(off) == "");
    f.rules.rules[2].learning = true;
    CHECK(contains(f.obstacle(off), "every rule says itself"));
    const LiveOverride on{.kind = Kind::learning, .learning = true};
    f.live.clear();
    f.set(on);
    CHECK(f.obstacle(on) == "");
    for (const Rule& rule : f.rules.rules)
      f.set({.kind = Kind::learning, .rule = rule.name, .learning = false});
    CHECK(contains(f.obstacle(on), "a live setting of its own"));
    CHECK(f.obstacle(f.live.back().what) == "");
    f.rules.rules.clear();
    CHECK(contains(f.obstacle(on), "no rules here"));
  }

  TEST_CASE("a caller in both lists only learns, so enforcing does nothing and ignoring does") {
    Fixture f;
    const LiveOverride enforcing{.kind = Kind::enforcing, .rule = "each", .principal = "alice"};
    LiveOverride ignoring = enforcing;
    ignoring.kind = Kind::ignoring;
    f.set(enforcing);
    CHECK(f.obstacle(enforcing) == "");
    f.set(ignoring);
    CHECK(contains(f.obstacle(enforcing), "in ignoring as well"));
    CHECK(f.obstacle(ignoring) == "");
    CHECK(f.obstacle({.kind = Kind::enforcing, .rule = "each", .principal = "bob"}) == "");
    CHECK(f.obstacle({.kind = Kind::enforcing, .principal = "alice"}) == "");
  }

  TEST_CASE("who is in both lists is told so in whichever order they are set") {
    for (const std::string rule : {"", "each"}) {
      CAPTURE(rule);
      Fixture f;
      const LiveOverride enforcing{.kind = Kind::enforcing, .rule = rule, .principal = "alice"};
      const LiveOverride ignoring{.kind = Kind::ignoring, .rule = rule, .principal = "alice"};
      f.set(enforcing);
      CHECK(f.contradiction(enforcing) == "");
      CHECK(contains(f.contradiction(ignoring), "in enforcing as well; in both it only learns"));
      CHECK(contains(f.contradiction({.kind = Kind::ignoring, .rule = "each", .principal = "alice"}),
                     "in enforcing as well"));
      CHECK(f.contradiction({.kind = Kind::ignoring, .rule = rule, .principal = "bob"}) == "");
      f.set(ignoring);
      CHECK(contains(f.contradiction(enforcing), "in ignoring as well; in both it only learns"));
    }
  }

  TEST_CASE("a list of all rules and one of a rule contradict each other in that rule") {
    Fixture f;
    const LiveOverride all{.kind = Kind::enforcing, .principal = "alice"};
    const LiveOverride one{.kind = Kind::ignoring, .rule = "each", .principal = "alice"};
    f.set(one);
    CHECK(contains(f.contradiction(all), "in ignoring of rule \"each\"; in both it only learns there"));
    CHECK(f.obstacle(all) == "");
    CHECK(f.contradiction({.kind = Kind::enforcing, .rule = "beta", .principal = "alice"}) == "");
    f.set(all);
    CHECK(contains(f.contradiction(one), "in enforcing as well"));
    CHECK(contains(f.obstacle({.kind = Kind::enforcing, .rule = "each", .principal = "alice"}),
                   "in ignoring as well"));
  }

  TEST_CASE("a principal and a match of its value alone are the same caller") {
    Fixture f;
    f.set({.kind = Kind::enforcing, .principal = "alice"});
    CHECK(f.contradiction({.kind = Kind::ignoring, .match = {equal("principal", "alice")}}) != "");
    CHECK(f.contradiction({.kind = Kind::ignoring, .match = {equal("tier", "alice")}}) == "");
    CHECK(f.contradiction({.kind = Kind::ignoring, .match = {prefix("principal", "alice")}}) == "");
    f.live.clear();
    f.set({.kind = Kind::ignoring, .match = {equal("api_key", "beta-1")}});
    CHECK(f.obstacle({.kind = Kind::enforcing, .principal = "beta-1"}) != "");
    CHECK(f.contradiction({.kind = Kind::limits, .rule = "each"}) == "");
  }

  TEST_CASE("a principal means nothing to a rule that tells no principals apart") {
    Fixture f;
    CHECK(contains(f.obstacle({.kind = Kind::enforcing, .rule = "all", .principal = "alice"}),
                   "tells no principals apart"));
    CHECK(f.obstacle({.kind = Kind::enforcing, .rule = "all", .match = {equal("tier", "gold")}}) == "");
    CHECK(f.obstacle({.kind = Kind::ignoring, .principal = "alice"}) == "");
    f.rules.rules.erase(f.rules.rules.begin(), f.rules.rules.begin() + 2);
    CHECK(
        contains(f.obstacle({.kind = Kind::ignoring, .principal = "alice"}), "none tells principals apart"));
    CHECK(f.obstacle({.kind = Kind::ignoring, .match = {equal("tier", "gold")}}) == "");
  }
}

}  // namespace starling::http
