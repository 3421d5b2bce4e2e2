#include "cli/rules_view.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "support.hpp"

namespace starling::cli {
namespace {

using testing::check_robust;
using testing::contains;

const Json rules_document =
    Json::parse(R"({"domain": "gateway", "learning": {"value": false, "from": "default"},
  "enforcing": [{"who": "dave", "from": "override by a on n1 at T"}], "ignoring": [],
  "rules": [{"name": "each", "domain": "gateway", "from": "rules.yaml:3", "match": {"principal": "*"}, "exact": true,
    "limits": {"value": [{"requests": 7, "per": "1m"}, {"requests": 9, "per": "1h"}], "from": "override by a on n1 at T"},
    "learning": {"value": true, "from": "rules.yaml:3"},
    "algorithm": {"value": "fixed_window", "from": "default"}, "admission": {"value": "guarded", "from": "rules.yaml:3"},
    "when_isolated": {"value": "local", "from": "default"}, "when_full": {"value": "learning", "from": "default"},
    "overrides": [{"match": {"principal": "alice"}, "limits": "unlimited", "from": "rules.yaml:3"},
                  {"match": {"principal": "bob"}, "learning": false, "from": "rules.yaml:3"}],
    "enforcing": [{"who": "carol", "from": "rules.yaml:3"}], "ignoring": [], "replaces": ["beta"],
    "more": {"enforcing": 4}}],
  "orphans": [{"kind": "limits", "rule": "gone", "match": {}, "principal": "", "limits": [], "unlimited": true,
    "learning": false, "set_by": "a", "set_on": "n1", "set_at": "T", "expires_at": null, "applies": false, "note": "no rule"}],
  "more": {"rules": 2}})");

}  // namespace

TEST_SUITE("cli.rules_view") {
  TEST_CASE("one line a value, with where it comes from; what is usual is left out") {
    CHECK(render_rules(rules_document, false) ==
          "domain gateway; rules enforce unless they say otherwise (default)\n"
          "RULE         SETTING    VALUE                       FROM\n"
          "(all rules)  enforcing  dave                        override by a on n1 at T\n"
          "each         match      principal=*; no other keys  rules.yaml:3\n"
          "             limits     7 per 1m, 9 per 1h          override by a on n1 at T\n"
          "             learning   yes                         rules.yaml:3\n"
          "             admission  guarded                     rules.yaml:3\n"
          "             override   principal=alice: unlimited  rules.yaml:3\n"
          "             override   principal=bob: enforces     rules.yaml:3\n"
          "             enforcing  carol                       rules.yaml:3\n"
          "             enforcing  and 4 more\n"
          "             replaces   beta                        rules.yaml:3\n"
          "and 2 more rules; --rule NAME shows one\n"
          "\n"
          "Live overrides of rules that are not here:\n"
          "RULE  KIND    WHO  VALUE      EXPIRES  SET BY  APPLIES\n"
          "gone  limits  -    unlimited  never    a       no: no rule\n");
  }

  TEST_CASE("wide adds what is usual") {
    const std::string text = render_rules(rules_document, true);
    CHECK(contains(text, "algorithm      fixed_window"));
    CHECK(contains(text, "when_full      learning"));
    CHECK(contains(text, "domain         gateway"));
  }

  TEST_CASE("no rules is said") {
    CHECK(render_rules(
              Json::parse(
                  R"({"domain": "d", "learning": {"value": true, "from": "f"}, "rules": [], "orphans": []})"),
              false) ==
          "domain d; rules learn unless they say otherwise (f)\nno rules: nothing is limited\n");
  }

  TEST_CASE("learning in short") {
    CHECK(render_learning(rules_document) ==
          "domain gateway; rules enforce unless they say otherwise (default)\n"
          "RULE  LEARNS  FROM\n"
          "each  yes     rules.yaml:3\n"
          "and 2 more rules; --rule NAME shows one\n");
  }

  TEST_CASE("after `learning on`: what can still deny") {
    const std::vector<std::string> expected{
        "all rules: dave is in its enforcing list (override by a on n1 at T)",
        "rule each: carol is in its enforcing list (rules.yaml:3)", "rule each: 4 more in its enforcing list",
        "rule each: principal=bob by an override (rules.yaml:3)", "perhaps some of 2 more rules"};
    CHECK(against_learning(rules_document, true) == expected);
    Json document = rules_document;
    document["rules"][0]["learning"] = {{"value", false}, {"from", "override by b"}};
    document["enforcing"] = Json::array();
    document.erase("more");
    CHECK(against_learning(document, true) == std::vector<std::string>{"rule each (override by b)"});
  }

  TEST_CASE("after `learning off`: what still learns") {
    Json document = rules_document;
    document.erase("more");
    CHECK(against_learning(document, false) == std::vector<std::string>{"rule each (rules.yaml:3)"});
    document["rules"][0]["learning"]["value"] = false;
    CHECK(against_learning(document, false).empty());
    document["ignoring"] = {{{"who", "erin"}, {"from", "f"}}};
    CHECK(against_learning(document, false) ==
          std::vector<std::string>{"all rules: erin is in its ignoring list (f)"});
  }

  TEST_CASE("documents that lack or mistake anything are shown all the same") {
    check_robust(rules_document, [](const Json& document) { return render_rules(document, true); });
    check_robust(rules_document, [](const Json& d) { return render_learning(d); });
    check_robust(rules_document, [](const Json& document) {
      std::string all = "x";
      for (const bool learning : {true, false})
        for (const std::string& line : against_learning(document, learning)) all += line;
      return all;
    });
  }
}

}  // namespace starling::cli
