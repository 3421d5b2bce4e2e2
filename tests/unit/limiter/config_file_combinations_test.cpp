/// What is well formed and still cannot be meant: errors where a part would be dead or contradict another,
/// warnings where it only looks odd.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <string>
#include <vector>

#include "config_texts.hpp"

namespace starling {
namespace {

/// A rule with that match; `more` begins at line 5, column 5.
std::string rule(std::string_view match, std::string_view more) {
  return fmt::format("rules:\n  - name: r\n    match: {}\n    limits: [{{requests: 5, per: 1s}}]\n    {}\n",
                     match, more);
}

/// A rule named so in one line, with `more` behind its limits.
std::string short_rule(std::string_view name, std::string_view match, std::string_view more = "") {
  return fmt::format("  - {{name: {}, match: {}, limits: [{{requests: 1, per: 1s}}]{}}}\n", name, match,
                     more);
}

TEST_SUITE("limiter.config_file combinations") {
  TEST_CASE("a rule has limits or is unlimited, not both and not neither") {
    check_errors(
        rule("{p: a}", "unlimited: true"),
        {"5:16: rule: unlimited: expected either `limits` or `unlimited: true`, found both; remove one"});
    check_errors("rules:\n  - {name: r, match: {p: a}}\n",
                 {"2:5: rule: expected `limits`, found none; for example"});
    check_errors("rules:\n  - {name: r, match: {p: a}, unlimited: false}\n",
                 {"2:5: rule: expected `limits`, found none; for example"});
  }

  TEST_CASE("what the rule's own match rules out cannot be an override's") {
    struct Row {
      const char* match;
      const char* key;
      const char* shown;  // how the rule's matcher looks in the message; empty: it is fine
    };
    for (const Row& row : std::vector<Row>{{"{p: a}", "p: b", "a"},
                                           {"{p: a}", "p: \"b*\"", "a"},
                                           {"{p: a}", "p: \"ab*\"", "a"},
                                           {"{p: \"a*\"}", "p: b", "a*"},
                                           {"{p: \"a*\"}", "p: \"b*\"", "a*"},
                                           {"{p: \"ab*\"}", "p: a", "ab*"},
                                           {"{p: \"*\"}", "p: b", ""},
                                           {"{p: \"a*\"}", "p: ab", ""},
                                           {"{p: \"a*\"}", "p: \"ab*\"", ""},
                                           {"{p: \"a*\"}", "q: b", ""}}) {
      CAPTURE(row.match);
      CAPTURE(row.key);
      const std::string overrides =
          rule(row.match, fmt::format("overrides: [{{match: {{{}}}, learning: true}}]", row.key));
      const std::string callers = rule(row.match, fmt::format("enforcing: [{{{}}}]", row.key));
      if (*row.shown == '\0') {
        CHECK(warnings_of(overrides).empty());
        CHECK(warnings_of(callers).empty());
        continue;
      }
      std::string key(row.key);
      std::erase(key, '"');
      const std::string why =
          fmt::format("`{}` can never be met: the rule itself matches only \"{}\"", key, row.shown);
      check_errors(overrides, {"5:25: override: match: " + why});
      check_errors(callers, {"5:17: rule: enforcing: " + why});
    }
  }

  TEST_CASE("an exact rule has no further keys to match") {
    const std::string why = "`q` can never be met: the rule is exact, and that is no key of its `match`";
    check_errors(rule("{p: \"*\"}", "exact: true\n    overrides: [{match: {p: a, q: b}, learning: true}]"),
                 {"6:25: override: match: " + why});
    check_errors(rule("{p: \"*\"}", "ignoring: [{q: b}]\n    exact: true"), {"5:16: rule: ignoring: " + why});
    CHECK(errors_of(rule("{p: \"*\"}", "exact: true\n    overrides: [{match: {p: a}, learning: true}]"))
              .empty());
  }

  TEST_CASE("what refers to the match may stand before it") {
    check_errors(
        "rules:\n  - enforcing: [bob]\n    overrides: [{match: {p: bob}, learning: true}]\n    name: r\n    "
        "match: {p: "
        "\"a*\"}\n    limits: [{requests: 1, per: 1s}]\n",
        {"2:17: rule: enforcing: \"bob\" can never be met",
         "3:25: override: match: `p: bob` can never be met"});
  }

  TEST_CASE("a caller's value needs a key that tells callers apart, and has to fit one") {
    check_errors(rule("{p: a}", "enforcing: [alice]"), {"5:17: rule: enforcing: expected a map of entries, "
                                                        "as this rule has no key with `*` that tells callers "
                                                        "apart, found \"alice\""});
    check_errors(
        rule("{p: \"b*\", q: \"c*\"}", "ignoring: [alice]"),
        {"5:16: rule: ignoring: \"alice\" can never be met: no key of this rule's `match` that tells callers "
         "apart fits it"});
    CHECK(errors_of(rule("{p: \"b*\", q: \"a*\"}", "ignoring: [alice]")).empty());
  }

  TEST_CASE("a faulty match is told once, without what follows from it") {
    check_errors(
        rule("{}", "exact: true\n    enforcing: [alice]\n    overrides: [{match: {p: a}, learning: true}]"),
        {"3:12: match: expected 1 to 16 keys, found 0"});
  }

  TEST_CASE("two overrides cannot have one match") {
    check_errors(
        rule("{p: \"*\"}",
             "overrides:\n      - {match: {p: a, q: b}, learning: true}\n      - {match: {p: a}, learning: "
             "true}\n      - {match: {q: b, p: a}, unlimited: true}"),
        {"8:9: override: the same match as the override in line 6; make one of the two"});
    // The same text, once as a value and once as a prefix, is not the same.
    CHECK(
        errors_of(rule("{p: \"*\"}",
                       "overrides: [{match: {p: a}, learning: true}, {match: {p: \"a*\"}, learning: true}]"))
            .empty());
  }

  TEST_CASE("only rules that are there can be replaced, and never in a circle") {
    check_errors(
        "rules:\n" + short_rule("a", "{p: x}", ", replaces: [b]"),
        {"2:75: rule: replaces: expected the name of a rule, found \"b\"; there is none of that name"});
    check_errors("rules:\n" + short_rule("a", "{p: x}", ", replaces: [a]"),
                 {"2:75: rule: replaces: \"a\" replaces itself, so it would never apply; remove that"});
    check_errors("rules:\n" + short_rule("a", "{p: x}", ", replaces: [b]") +
                     short_rule("b", "{p: y}", ", replaces: [a]"),
                 {"3:75: rule: replaces: a circle: \"a\" replaces \"b\" replaces the first"});
    // A rule with another fault is still known by its name.
    check_errors("rules:\n" + short_rule("a", "{p: x}", ", replaces: [b]") + short_rule("b", "{}"),
                 {"3:22: match: expected 1 to 16 keys, found 0"});
  }

  TEST_CASE("a caller who is in both lists only learns, which is worth a warning") {
    CHECK(warnings_of(rule("{p: \"*\"}", "enforcing: [a, b, {q: x}]\n    ignoring: [c, b, {q: x}]")) ==
          std::vector<std::string>{"6:15: rule: \"b\" is in `enforcing` and in `ignoring`, so it only "
                                   "learns; remove it from one of the two",
                                   "6:15: rule: {q: x} is in `enforcing` and in `ignoring`, so it only "
                                   "learns; remove it from one of the "
                                   "two"});
  }

  TEST_CASE("what has no effect, or another one than it seems, is a warning") {
    check_lines(warnings_of("rules: []\n"), {"1:8: rules: an empty list: every request passes"});
    check_lines(warnings_of(rule("{p: \"*\"}", "overrides: []")),
                {"5:16: rule: overrides: an empty list; leave the key out"});
    for (const char* match : {"{p: \"*\"}", "{t: x}", "{p: \"*\", t: x}", "{p: \"*\", t: \"*\"}"})
      check_lines(warnings_of(rule("{p: \"a*\", t: x}",
                                   fmt::format("overrides: [{{match: {}, learning: true}}]", match))),
                  {"5:16: rule: overrides: one of them is for everything that \"r\" matches"});
    CHECK(warnings_of(rule("{p: \"a*\", t: x}", "overrides: [{match: {p: \"ab*\", t: x}, learning: true}]"))
              .empty());
    check_lines(warnings_of("rules:\n  - {name: r, match: {p: a}, unlimited: true}\n"),
                {"2:5: rule: \"r\" is unlimited, and exempts nobody from the other rules"});
    check_lines(warnings_of("rules:\n" + short_rule("a", "{p: x}") + short_rule("b", "{p: \"*\"}") +
                            short_rule("c", "{p: x}")),
                {"4:5: rule: \"c\" matches the same as \"a\" in f:2, so the limits of both apply; put them "
                 "into one rule"});
    CHECK(warnings_of("rules:\n" + short_rule("a", "{p: x}") + short_rule("b", "{p: x}", ", exact: true"))
              .empty());
    CHECK(warnings_of("rules:\n" + short_rule("a", "{p: x}") + short_rule("b", "{p: x}", ", replaces: [a]"))
              .empty());
  }

  TEST_CASE("aliases do not turn a small file into one too large to hold") {
    std::string lists = "overrides: &o [";
    for (int i = 0; i < 5000; ++i) lists += fmt::format("{{match: {{p: a{}}}, learning: true}}, ", i);
    std::string text = rule("{p: \"*\"}", lists + "]");
    for (int i = 0; i < 5000; ++i) text += short_rule(fmt::format("r{}", i), "{p: \"*\"}", ", overrides: *o");
    check_errors(text, {"5:"});
    CHECK(errors_of(text).front().find("with its aliases written out, found more") != std::string::npos);
  }
}

}  // namespace
}  // namespace starling
