#include "http/short_rules.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace starling::http {
namespace {

using nlohmann::ordered_json;
using Kind = LiveOverride::Kind;

struct Fixture {
  RuleSet set;
  std::vector<LiveView> live;

  Fixture() {
    set.rules.push_back({.name = "each",
                         .match = {{.key = "path", .text = "/a"},
                                   {.key = "principal", .kind = Matcher::Kind::any, .text = ""},
                                   {.key = "tier", .kind = Matcher::Kind::prefix, .text = "gold-"}},
                         .limits = {{.requests = 5, .window_s = 1}, {.requests = 60, .window_s = 3600}},
                         .from = "rules.yaml:3"});
    set.rules.push_back({.name = "free",
                         .exact = true,
                         .unlimited = true,
                         .algorithm = Algorithm::sliding_window,
                         .admission = Admission::guarded,
                         .when_isolated = WhenIsolated::share,
                         .when_full = WhenFull::deny,
                         .learning = true,
                         .overrides = std::vector<Override>(3)});
    set.rules.push_back({.name = "last", .limits = {{.requests = 1, .window_s = 90}}});
  }
  void set_live(LiveOverride what) { live.push_back(LiveView{.what = std::move(what)}); }
  /// Keys in the order in which they are told.
  ordered_json told() const { return ordered_json::parse(ShortRules(set).text_with(live, set)); }
};

}  // namespace

TEST_SUITE("http.short_rules") {
  TEST_CASE("each rule is told in short, keys in the order that people see") {
    const Fixture f;
    const auto told = ordered_json::parse(ShortRules(f.set).text());
    CHECK(told == ordered_json::parse(R"([
      {"name": "each", "match": {"path": "/a", "principal": "*", "tier": "gold-*"}, "exact": false,
       "limits": [{"requests": 5, "per": "1s"}, {"requests": 60, "per": "1h"}], "unlimited": false,
       "learning": false, "from": "rules.yaml:3", "live_limits": null, "live_count": 0, "overrides_count": 0,
       "algorithm": "fixed_window", "admission": "optimistic", "when_isolated": "local", "when_full": "learning"},
      {"name": "free", "match": {}, "exact": true, "limits": [], "unlimited": true,
       "learning": true, "from": "built-in", "live_limits": null, "live_count": 0, "overrides_count": 3,
       "algorithm": "sliding_window", "admission": "guarded", "when_isolated": "share", "when_full": "deny"},
      {"name": "last", "match": {}, "exact": false, "limits": [{"requests": 1, "per": "90s"}],
       "unlimited": false, "learning": false, "from": "built-in", "live_limits": null, "live_count": 0,
       "overrides_count": 0, "algorithm": "fixed_window", "admission": "optimistic", "when_isolated": "local",
       "when_full": "learning"}])"));
    CHECK(f.told() == told);
  }

  TEST_CASE("no rules are an empty list") {
    CHECK(ShortRules().text() == "[]");
    CHECK(ShortRules(RuleSet{}).text() == "[]");
    CHECK(ShortRules(RuleSet{}).text_with({}, RuleSet{}) == "[]");
  }

  TEST_CASE("whatever names contain, it is valid JSON") {
    Fixture f;
    f.set.rules[0].name = "quote\" slash\\ newline\n bad\xff nul";
    f.set.rules[0].name.push_back('\0');
    f.set.rules[0].match[0].key = "{\"[";
    f.set.rules[0].match[0].text = "}],\"";
    f.set.rules[0].from = "a\"b.yaml:1";
    const auto rule = ordered_json::parse(ShortRules(f.set).text())[0];
    CHECK(rule["name"] == std::string("quote\" slash\\ newline\n bad\xEF\xBF\xBD nul\0", 34));
    CHECK(rule["match"]["{\"["] == "}],\"");
    CHECK(rule["from"] == "a\"b.yaml:1");
    f.set_live({.rule = f.set.rules[0].name, .limits = {{.requests = 2, .window_s = 60}}});
    CHECK(f.told()[0]["live_limits"][0]["per"] == "1m");
  }

  TEST_CASE("an override changes its rule, and no other") {
    Fixture f;
    const auto before = f.told();
    f.set_live({.rule = "free", .limits = {{.requests = 7, .window_s = 60}}});
    f.set_live({.rule = "free", .match = {{.key = "principal", .text = "alice"}}, .unlimited = true});
    f.set_live({.kind = Kind::learning, .rule = "free", .learning = false});
    f.set_live({.rule = "gone", .unlimited = true});
    auto expected = before;
    expected[1]["live_limits"] = {{{"requests", 7}, {"per", "1m"}}};
    expected[1]["live_count"] = 3;
    expected[1]["learning"] = false;
    CHECK(f.told() == expected);
    f.live[0].what = {.rule = "last", .unlimited = true};
    expected = before;
    expected[1]["live_count"] = 2;
    expected[1]["learning"] = false;
    expected[2]["live_limits"] = "unlimited";
    expected[2]["live_count"] = 1;
    CHECK(f.told() == expected);
  }

  TEST_CASE("what is set for all rules holds for those that do not say otherwise") {
    Fixture f;
    f.set.rules[2].learning = false;
    f.set.learning = true;
    CHECK(f.told()[0]["learning"] == true);
    f.set_live({.kind = Kind::learning, .learning = false});
    CHECK(f.told()[0]["learning"] == false);
    CHECK(f.told()[1]["learning"] == true);
    f.live[0].what.learning = true;
    f.set_live({.kind = Kind::learning, .rule = "each", .learning = false});
    const auto told = f.told();
    CHECK(told[0]["learning"] == false);
    CHECK(told[1]["learning"] == true);
    CHECK(told[2]["learning"] == true);
    CHECK(told[0]["live_count"] == 1);
    CHECK(told[2]["live_count"] == 0);
  }
}

}  // namespace starling::http
