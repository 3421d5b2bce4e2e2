#include "import/envoy.hpp"

#include <doctest/doctest.h>

#include <string>

#include "imported_rules.hpp"
#include "small_limiter.hpp"

namespace starling {
namespace {

Imported import_tree(const std::string& descriptors) {
  return import_good(ImportFrom::envoy, "domain: d\ndescriptors:\n" + descriptors);
}

std::vector<std::string> tree_errors(const std::string& descriptors) {
  return import_errors(ImportFrom::envoy, "domain: d\ndescriptors:\n" + descriptors);
}

/// A descriptor of one key, with a limit.
std::string leaf(const std::string& key_and_value, const std::string& limit, const std::string& more = "") {
  return "- {" + key_and_value + ", rate_limit: {" + limit + "}" + more + "}\n";
}

}  // namespace

TEST_SUITE("import.envoy") {
  TEST_CASE("every unit, in any case") {
    const Imported imported = import_tree(leaf("key: a", "unit: SECOND, requests_per_unit: 1") +
                                          leaf("key: b", "unit: Minute, requests_per_unit: 2") +
                                          leaf("key: c", "unit: hour, requests_per_unit: 3") +
                                          leaf("key: e", "unit: day, requests_per_unit: 4") +
                                          leaf("key: f", "unit: week, requests_per_unit: 5") +
                                          leaf("key: g", "unit: month, requests_per_unit: 6") +
                                          leaf("key: h", "unit: year, requests_per_unit: 4294967295"));
    std::vector<std::uint32_t> windows;
    for (const Rule& rule : imported.rules.rules) windows.push_back(rule.limits.at(0).window_s);
    CHECK(windows == std::vector<std::uint32_t>{1, 60, 3600, 86'400, 604'800, 2'592'000, 31'536'000});
    CHECK(imported.rules.rules[6].limits[0].requests == 4'294'967'295);
    CHECK(imported.notes.empty());
  }

  TEST_CASE("a value without a limit hides what is below the bare key") {
    const Imported imported = import_tree(
        "- key: a\n  descriptors:\n"
        "  - {key: b, rate_limit: {unit: second, requests_per_unit: 9}}\n"
        "- key: a\n  value: x\n  descriptors:\n"
        "  - {key: c, rate_limit: {unit: second, requests_per_unit: 7}}\n");
    const SmallLimiter limiter(imported.rules);
    CHECK(limiter.verdicts({{{"a", "y"}, {"b", "1"}}}).front().size() == 1);
    CHECK(limiter.verdicts({{{"a", "x"}, {"b", "1"}}}).front().empty());
    CHECK(limiter.verdicts({{{"a", "x"}, {"c", "1"}}}).front().size() == 1);
  }

  TEST_CASE("names are kept if nobody has them yet") {
    const Imported imported =
        import_tree(leaf("key: a", "unit: second, requests_per_unit: 1, name: n") +
                    leaf("key: b", "unit: second, requests_per_unit: 1, name: n") +
                    leaf("key: c", "unit: second, requests_per_unit: 1, replaces: [{name: n}]") +
                    leaf("key: c, value: x", "unit: second, requests_per_unit: 2, name: m"));
    CHECK(imported.rules.rules[0].name == "n");
    CHECK(imported.rules.rules[1].name == "n-2");
    CHECK(imported.rules.rules[3].name == "d.c");
    CHECK(imported.rules.rules[3].replaces == std::vector<std::string>{"n", "n-2"});
    // `c` gets a mask, as it stands alone for what it replaces.
    check_lines(notes_of(imported),
                {"4:3 note: the name \"n\" is taken", "5:3 not carried over: replaces: what falls"});
  }

  TEST_CASE("limits that replace each other are opened, and told") {
    const Imported imported =
        import_tree(leaf("key: a", "unit: second, requests_per_unit: 1, name: x, replaces: [{name: y}]") +
                    leaf("key: b", "unit: second, requests_per_unit: 1, name: y, replaces: [{name: x}]"));
    check_lines(notes_of(imported), {"0:0 not carried over: that \"y\" replaces \"x\""});
    CHECK(imported.rules.rules[0].replaces == std::vector<std::string>{"y"});
    CHECK(imported.rules.rules[1].replaces.empty());
  }

  TEST_CASE("what cannot be carried over is told where it stands") {
    const std::string limit = "rate_limit: {unit: second, requests_per_unit: 1}";
    const Imported imported = import_tree(
        "- {key: a, value: \"x*y\", " + limit + "}\n" +                                          // 3
        "- {key: \"b*\", " + limit + "}\n" +                                                     // 4
        "- {key: c, value: \"x*\", share_threshold: true, quota_mode: true, " + limit + "}\n" +  // 5
        "- {key: e, value_to_metric: true, metadata: {}, color: red, " + limit + "}\n" +         // 6
        "- {key: f, descriptors: [{key: f, " + limit + "}]}\n" +                                 // 7
        "- {key: g, descriptors: [{key: h, " + limit + "}]}\n" +                                 // 8
        "- {key: h, descriptors: [{key: g, " + limit + "}]}\n" +                                 // 9
        "- {key: i, shadow_mode: true}\n" +                                                      // 10
        "- {key: j, value: \"*\", " + limit + "}\n- {key: j, " + limit + "}\n" +                 // 11, 12
        "- {key: k, rate_limit: {unit: second, replaces: [{name: nobody}]}}\n" +                 // 13
        "- {key: l, rate_limit: {unlimited: true, unit: second}}\n---\nmore: 1\n");              // 14, 16
    check_lines(
        notes_of(imported),
        {"3:19 not carried over: value \"x*y\"", "4:3 not carried over: descriptor \"b*\"",
         "5:25 not carried over: share_threshold", "5:48 not carried over: quota_mode",
         "6:12 not carried over: value_to_metric", "6:35 not carried over: metadata",
         "6:49 not carried over: descriptor: unknown key \"color\"",
         "7:26 not carried over: descriptor \"f\": the same key twice",
         "9:26 not carried over: the same keys stand elsewhere in another order",
         "10:3 note: no `rate_limit`", "10:25 note: shadow_mode: has no effect",
         "12:3 note: nothing ever falls here", "13:24 note: rate_limit: without `requests_per_unit`",
         "13:57 note: replaces: no limit of this file is called \"nobody\"",
         "14:24 note: rate_limit: it is unlimited", "16:1 not carried over: a further YAML document"});
  }

  TEST_CASE("what the reference would refuse is an error where it stands") {
    check_lines(import_errors(ImportFrom::envoy, "descriptors: []\n"), {"1:1 expected a `domain`"});
    check_lines(import_errors(ImportFrom::envoy, "- domain\n"), {"1:1 the file: expected a map"});
    check_lines(import_errors(ImportFrom::envoy, "domain: d\ndescriptors: x\n"),
                {"2:14 descriptors: expected a list"});
    check_lines(
        tree_errors(leaf("key: a", "unit: fortnight, requests_per_unit: 1") +
                    leaf("key: b", "requests_per_unit: 1") +
                    leaf("key: c", "unit: second, requests_per_unit: -1") +
                    leaf("key: e", "unit: second, requests_per_unit: 4294967296") +
                    leaf("value: e", "unit: second") + leaf("key: [f]", "unit: second") +
                    "- {key: g, value: {}, rate_limit: 5}\n- x\n- {key: h}\n- {key: h}\n" +
                    leaf("key: i", "unlimited: maybe, name: i, replaces: [{name: i}, x]")),
        {"3:31 rate_limit: unit: expected second,", "4:24 rate_limit: expected a `unit`",
         "5:58 requests_per_unit: expected a whole number", "6:58 requests_per_unit: expected a whole number",
         "7:3 descriptor: expected a `key`, found none", "8:9 descriptor: expected a `key`, found a list",
         "9:19 value: expected a text, found a map", "9:35 rate_limit: expected a map",
         "10:3 descriptor: expected a map", "12:3 the key \"h\" stands here twice",
         "13:36 unlimited: expected true or false", "13:70 rate_limit: replaces: expected another's name",
         "13:74 rate_limit: replaces: expected a map"});
  }

  TEST_CASE("ten thousand values of one key are one rule, in good time") {
    std::string list = leaf("key: a", "unit: second, requests_per_unit: 1");
    for (int i = 0; i < 9'000; ++i)
      list += leaf("key: a, value: v" + std::to_string(i), "unit: second, requests_per_unit: 2");
    const Imported imported = import_tree(list);
    REQUIRE(imported.rules.rules.size() == 1);
    CHECK(imported.rules.rules[0].overrides.size() == 9'000);
  }

  TEST_CASE("files beyond a bound are refused by its name") {
    std::string many;
    for (std::size_t i = 0; i <= rules_max; ++i)
      many += leaf("key: a, value: v" + std::to_string(i), "unit: second, requests_per_unit: 2");
    check_lines(tree_errors(many), {"0:0 the file: expected at most 10000 rules, found 10001"});
    std::string overrides = leaf("key: a", "unit: second, requests_per_unit: 1") + many;
    check_lines(tree_errors(overrides),
                {"0:0 the rule \"d.a\": expected at most 10000 overrides, found 10001"});
    std::string descriptors;
    for (std::size_t i = 0; i <= 20'000; ++i) descriptors += "- {key: k" + std::to_string(i) + "}\n";
    check_lines(tree_errors(descriptors), {"20003:3 expected at most 20000 descriptors"});
    std::string deep = "domain: d\ndescriptors:\n";
    for (int i = 0; i < 17; ++i)
      deep += std::string(static_cast<std::size_t>(i) * 2, ' ') + "- key: k" + std::to_string(i) + "\n" +
              std::string(static_cast<std::size_t>(i) * 2, ' ') + "  descriptors:\n";
    deep += std::string(34, ' ') + "- {key: z, rate_limit: {unit: second, requests_per_unit: 2}}\n";
    const auto imported = import_rules(ImportFrom::envoy, deep);
    REQUIRE(imported);
    CHECK(loses_something(*imported));
  }

  TEST_CASE("a tree of which every kind of descriptor meets every value ends at a bound") {
    std::string tree = "- key: a\n  descriptors:\n";
    for (int i = 0; i < 600; ++i)
      tree += "  - {key: b" + std::to_string(i) + ", rate_limit: {unit: second, requests_per_unit: 1}}\n";
    for (int i = 0; i < 600; ++i) tree += "- {key: a, value: v" + std::to_string(i) + "}\n";
    check_lines(tree_errors(tree), {"0:0 expected a tree of which each kind"});
  }
}

}  // namespace starling
