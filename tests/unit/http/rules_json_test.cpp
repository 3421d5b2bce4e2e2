#include "http/rules_json.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <string>
#include <vector>

#include "http/live_reach.hpp"

namespace starling::http {
namespace {

using Kind = LiveOverride::Kind;

Matcher equal(std::string key, std::string text) {
  return {.key = std::move(key), .kind = Matcher::Kind::equal, .text = std::move(text)};
}

Rule rule_named(std::string name) {
  return {.name = std::move(name),
          .match = {{.key = "principal", .kind = Matcher::Kind::any, .text = ""}},
          .limits = {{.requests = 500, .window_s = 10}},
          .from = "rules.yaml:12"};
}

struct Fixture {
  RuleSet rules{.domain = "gateway", .rules = {rule_named("each")}};
  std::vector<LiveView> live;

  void set(LiveOverride what) {
    live.push_back(LiveView{.what = std::move(what),
                            .set_by = "alice@desk",
                            .set_on = "n1",
                            .set_at = WallTime(std::chrono::milliseconds(1'767'225'600'999))});
  }
  Json document(std::string_view only = {}) const { return rules_document(rules, live, only); }
  Json rule(std::size_t index = 0) const { return document()["rules"][index]; }
};

const std::string story = "override by alice@desk on n1 at 2026-01-01T00:00:00Z";

}  // namespace

TEST_SUITE("http.rules_json") {
  TEST_CASE("a rule of the file: its place, and defaults that say so") {
    Fixture f;
    f.rules.rules[0].algorithm = Algorithm::sliding_window;
    const Json document = f.document();
    CHECK(document["domain"] == "gateway");
    CHECK(document["learning"] == Json::parse(R"({"value":false,"from":"default"})"));
    CHECK(document["rules"][0] == Json::parse(R"({"name":"each","domain":"gateway","from":"rules.yaml:12",
      "match":{"principal":"*"},"exact":false,
      "limits":{"value":[{"requests":500,"per":"10s"}],"from":"rules.yaml:12"},
      "learning":{"value":false,"from":"default"},
      "algorithm":{"value":"sliding_window","from":"rules.yaml:12"},
      "admission":{"value":"optimistic","from":"default"},
      "when_isolated":{"value":"local","from":"default"},"when_full":{"value":"learning","from":"default"},
      "overrides":[],"enforcing":[],"ignoring":[],"replaces":[]})"));
    CHECK(document["orphans"].empty());
    CHECK_FALSE(document.contains("more"));
    f.rules.rules[0].from = "";
    f.rules.rules[0].domain = "other";
    CHECK(f.rule()["limits"]["from"] == "built-in");
    CHECK(f.rule()["domain"] == "other");
  }

  TEST_CASE("a live override of the whole rule takes the place of its limits and tells its story") {
    Fixture f;
    f.set({.rule = "each", .limits = {{.requests = 7, .window_s = 60}}});
    f.live[0].expires_at = f.live[0].set_at + std::chrono::hours(1);
    CHECK(f.rule()["limits"]["value"] == Json::parse(R"([{"requests":7,"per":"1m"}])"));
    CHECK(f.rule()["limits"]["from"] == story + ", expires 2026-01-01T01:00:00Z");
    f.live[0].what.unlimited = true;
    CHECK(f.rule()["limits"]["value"] == "unlimited");
    CHECK(f.rule()["overrides"].empty());
  }

  TEST_CASE("who decides whether a rule learns: live of the rule, live on, file, live off, top of the file") {
    Fixture f;
    f.rules.learning = true;
    CHECK(f.rule()["learning"] == Json::parse(R"({"value":true,"from":"the top of the file"})"));
    f.set({.kind = Kind::learning, .learning = false});
    CHECK(f.rule()["learning"] == Json{{"value", false}, {"from", story + " for all rules"}});
    CHECK(f.document()["learning"] == Json{{"value", false}, {"from", story}});
    f.rules.rules[0].learning = true;
    CHECK(f.rule()["learning"] == Json::parse(R"({"value":true,"from":"rules.yaml:12"})"));
    f.rules.rules[0].learning = false;
    f.live[0].what.learning = true;
    CHECK(f.rule()["learning"] == Json{{"value", true}, {"from", story + " for all rules"}});
    f.set({.kind = Kind::learning, .rule = "each", .learning = false});
    CHECK(f.rule()["learning"] == Json{{"value", false}, {"from", story}});
  }

  TEST_CASE("overrides and callers: live ones first, then those of the file") {
    Fixture f;
    Rule& rule = f.rules.rules[0];
    rule.overrides = {{.match = {equal("principal", "anonymous")}, .unlimited = true},
                      {.match = {equal("principal", "batch")}, .limits = {}, .learning = true}};
    rule.enforcing = {{.principal = "carol", .match = {}}};
    rule.ignoring = {{.principal = "", .match = {equal("area", "eu"), equal("tier", "free")}}};
    rule.replaces = {"beta"};
    f.set(
        {.rule = "each", .match = {equal("principal", "alice")}, .limits = {{.requests = 9, .window_s = 1}}});
    f.set({.kind = Kind::enforcing, .rule = "each", .principal = "dave"});
    f.set({.kind = Kind::ignoring, .principal = "erin"});
    const Json shown = f.rule();
    CHECK(shown["limits"]["from"] == "rules.yaml:12");  // one caller's override is not the rule's
    REQUIRE(shown["overrides"].size() == 3);
    CHECK(shown["overrides"][0] == Json{{"match", {{"principal", "alice"}}},
                                        {"limits", Json::parse(R"([{"requests":9,"per":"1s"}])")},
                                        {"from", story}});
    CHECK(shown["overrides"][1] ==
          Json::parse(R"({"match":{"principal":"anonymous"},"limits":"unlimited","from":"rules.yaml:12"})"));
    CHECK(shown["overrides"][2] ==
          Json::parse(R"({"match":{"principal":"batch"},"learning":true,"from":"rules.yaml:12"})"));
    REQUIRE(shown["enforcing"].size() == 2);
    CHECK(shown["enforcing"][0] == Json{{"who", "dave"}, {"from", story}});
    CHECK(shown["enforcing"][1] == Json::parse(R"({"who":"carol","from":"rules.yaml:12"})"));
    CHECK(shown["ignoring"] == Json::parse(R"([{"who":"area=eu, tier=free","from":"rules.yaml:12"}])"));
    CHECK(shown["replaces"] == Json::parse(R"(["beta"])"));
    CHECK(f.document()["ignoring"][0]["who"] == "erin");  // of all rules
    CHECK(f.document()["enforcing"].empty());
  }

  TEST_CASE("what names no rule here is an orphan") {
    Fixture f;
    f.set({.rule = "gone", .unlimited = true});
    f.set({.rule = "each", .unlimited = true});
    f.set({.kind = Kind::learning});
    REQUIRE(f.document()["orphans"].size() == 1);
    CHECK(f.document()["orphans"][0]["rule"] == "gone");
    CHECK(f.document()["orphans"][0]["applies"] == false);
    CHECK(f.document("each")["orphans"].empty());
  }

  TEST_CASE("long lists are cut, and what is left out is counted; one rule can be asked for") {
    Fixture f;
    for (int i = 0; i < 104; ++i) {
      f.rules.rules.push_back(rule_named("r" + std::to_string(i)));
      f.rules.rules[0].ignoring.push_back({.principal = std::to_string(i), .match = {}});
      f.set({.rule = "gone" + std::to_string(i), .unlimited = true});
    }
    const Json document = f.document();
    CHECK(document["rules"].size() == rules_list_max);
    CHECK(document["more"] == Json::parse(R"({"rules":5,"orphans":4})"));
    CHECK(document["rules"][0]["ignoring"].size() == rules_list_max);
    CHECK(document["rules"][0]["more"] == Json::parse(R"({"ignoring":4})"));
    const Json last = f.document("r103");
    REQUIRE(last["rules"].size() == 1);
    CHECK(last["rules"][0]["name"] == "r103");
    CHECK(has_rule(f.rules, "r103"));
    CHECK_FALSE(has_rule(f.rules, "r104"));
  }

  TEST_CASE("ten thousand overrides of learning meet ten thousand rules once each") {
    Fixture f;
    f.rules.rules.clear();
    for (std::size_t i = 0; i < rules_max; ++i) {
      f.rules.rules.push_back(rule_named("r" + std::to_string(i)));
      f.set({.kind = Kind::learning, .rule = f.rules.rules.back().name, .learning = i % 2 == 0});
    }
    const LiveReach reach(f.rules, f.live);  // a quadratic one would outlast the test's time limit
    CHECK(reach.obstacle({.kind = Kind::learning, .learning = true}) != "");
    CHECK(f.rule(1)["learning"]["value"] == false);
  }
}

}  // namespace starling::http
