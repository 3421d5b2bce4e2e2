/// Each key that a rule may have, beyond its match and limits: what it becomes, and how it is refused.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <string>
#include <vector>

#include "config_texts.hpp"

namespace starling {
namespace {

constexpr std::string_view plain =
    "rules:\n  - name: r\n    match: {p: \"*\"}\n    limits: [{requests: 5, per: 1s}]\n";

/// The plain rule with another key, whose text begins at line 5, column 5.
std::string with(std::string_view more) {
  return fmt::format("{}    {}\n", plain, more);
}

TEST_SUITE("limiter.config_file rules") {
  TEST_CASE("what a rule does not say has its default") {
    const Rule rule = only_rule(plain);
    CHECK_FALSE(rule.exact);
    CHECK_FALSE(rule.unlimited);
    CHECK_FALSE(rule.learning.has_value());
    CHECK(rule.overrides.empty());
    CHECK(rule.enforcing.empty());
    CHECK(rule.ignoring.empty());
    CHECK(rule.replaces.empty());
    CHECK(rule.domain.empty());
    CHECK(rule.from == "f:2");
    CHECK(warnings_of(plain).empty());
  }

  TEST_CASE("flags are true or false and nothing else") {
    CHECK(only_rule(with("exact: true")).exact);
    CHECK_FALSE(only_rule(with("exact: false")).exact);
    CHECK(only_rule(with("learning: true")).learning == true);
    CHECK(only_rule(with("learning: false")).learning == false);
    CHECK_FALSE(only_rule(with("unlimited: false")).unlimited);
    for (const char* bad : {"yes", "on", "True", "1", "''", "[true]", "truee"})
      for (const char* key : {"exact", "learning", "unlimited"})
        check_errors(with(fmt::format("{}: {}", key, bad)),
                     {fmt::format("5:{}: rule: {}: expected true or false, found ",
                                  7 + std::string(key).size(), key)});
  }

  TEST_CASE("the whole file may learn") {
    CHECK_FALSE(parse_config(plain, "f")->rules.learning);
    CHECK(parse_config("learning: true\n" + std::string(plain), "f")->rules.learning);
    check_errors("learning: maybe\n", {"1:11: learning: expected true or false, found \"maybe\""});
  }

  TEST_CASE("an unlimited rule has no limits") {
    const std::string text = "rules:\n  - {name: r, match: {p: a}, exact: true, unlimited: true}\n";
    const Rule rule = only_rule(text);
    CHECK(rule.unlimited);
    CHECK(rule.limits.empty());
    CHECK(warnings_of(text).empty());
  }

  TEST_CASE("overrides say whom they are for and what holds for them") {
    const Rule rule = only_rule(with(R"(overrides:
      - match: {p: alice}
        limits: [{requests: 7, per: 1month}, {requests: 8, per: 1year}]
      - match: {tier: gold, p: "a*"}
        unlimited: true
        learning: false
      - {match: {p: bob}, learning: true})"));
    REQUIRE(rule.overrides.size() == 3);
    CHECK(rule.overrides[0].match == std::vector{Matcher{.key = "p", .text = "alice"}});
    CHECK(rule.overrides[0].limits == std::vector{Limit{7, 30 * 86'400}, Limit{8, 365 * 86'400}});
    CHECK_FALSE(rule.overrides[0].unlimited);
    CHECK_FALSE(rule.overrides[0].learning.has_value());
    REQUIRE(rule.overrides[1].match.size() == 2);
    CHECK(rule.overrides[1].match[0] == Matcher{.key = "p", .kind = Matcher::Kind::prefix, .text = "a"});
    CHECK(rule.overrides[1].match[1] == Matcher{.key = "tier", .text = "gold"});
    CHECK(rule.overrides[1].unlimited);
    CHECK(rule.overrides[1].learning == false);
    CHECK(rule.overrides[2].learning == true);
    CHECK(rule.overrides[2].limits.empty());
  }

  TEST_CASE("faulty overrides are told where they stand") {
    check_errors(with("overrides: {}"), {"5:16: rule: overrides: expected a list of overrides, found a map"});
    check_errors(with("overrides: [alice]"), {"5:17: override: expected a map, found \"alice\""});
    check_errors(with("overrides: [~]"), {"5:17: override: expected a map, found nothing"});
    check_errors(with("overrides: [{}]"),
                 {"5:17: override: expected a `match`, found none; for example `match: {principal: alice}`",
                  "5:17: override: expected `limits`, `unlimited: true` or `learning`, found none of them"});
    check_errors(with("overrides: [{match: {}, learning: true}]"),
                 {"5:25: override: match: expected 1 to 16 keys, found 0"});
    check_errors(
        with("overrides: [{match: {p: a*b}, learning: true}]"),
        {"5:29: override: match: p: expected a text with at most one `*`, at its end, found \"a*b\""});
    check_errors(with("overrides: [{match: {p: a}, limits: []}]"),
                 {"5:41: limits: expected 1 to 8 limits, found 0"});
    check_errors(with("overrides: [{match: {p: a}, limits: [{requests: 1, per: 0s}]}]"),
                 {"5:61: limit: per: expected whole seconds"});
    check_errors(
        with("overrides: [{match: {p: a}, limits: [{requests: 1, per: 1m}, {requests: 2, per: 60s}]}]"),
        {"5:66: limits: two limits with the same `per`"});
    check_errors(
        with("overrides: [{match: {p: a}, limit: 5}]"),
        {"5:33: override: unknown key \"limit\"; expected one of: match, limits, unlimited, learning"});
    check_errors(with("overrides: [{match: {p: a}, learning: true, learning: true}]"),
                 {"5:49: override: duplicate key \"learning\""});
    check_errors(with("overrides: [{match: {p: a}, learning: often}]"),
                 {"5:43: override: learning: expected true or false, found \"often\""});
    check_errors(with("overrides: [{match: {p: a}, unlimited: false}]"),
                 {"5:17: override: expected `limits`, `unlimited: true` or `learning`, found none of them"});
    check_errors(with("overrides: [{match: {p: a}, unlimited: true, limits: [{requests: 1, per: 1s}]}]"),
                 {"5:17: override: expected either `limits` or `unlimited: true`, found both; remove one"});
  }

  TEST_CASE("callers are named by a value or by entries") {
    const Rule rule = only_rule(with("enforcing: [alice, {p: \"b*\", tier: gold}]\n    ignoring: [\"7\"]"));
    REQUIRE(rule.enforcing.size() == 2);
    CHECK(rule.enforcing[0].principal == "alice");
    CHECK(rule.enforcing[0].match.empty());
    CHECK(rule.enforcing[1].principal.empty());
    REQUIRE(rule.enforcing[1].match.size() == 2);
    CHECK(rule.enforcing[1].match[0] == Matcher{.key = "p", .kind = Matcher::Kind::prefix, .text = "b"});
    CHECK(rule.enforcing[1].match[1] == Matcher{.key = "tier", .text = "gold"});
    REQUIRE(rule.ignoring.size() == 1);
    CHECK(rule.ignoring[0].principal == "7");
  }

  TEST_CASE("faulty callers are told where they stand") {
    for (const std::string list : {"enforcing", "ignoring"}) {
      const auto column = [&](std::size_t after) {
        return fmt::format("5:{}: rule: {}: ", 7 + list.size() + after, list);
      };
      const auto text = [&](std::string_view value) { return with(fmt::format("{}: {}", list, value)); };
      check_errors(text("alice"), {column(0) + "expected a list of callers, found \"alice\""});
      check_errors(
          text("[[alice]]"),
          {column(1) + "expected a text such as alice, or a map such as {principal: alice}, found a list"});
      check_errors(text("[~]"), {column(1) + "expected a text such as alice, or a map"});
      check_errors(text("['']"), {column(1) + "expected a text of 1 to 256 bytes, found \"\""});
      check_errors(text("[{}]"), {column(1) + "expected 1 to 16 keys, found 0"});
      check_errors(text("[{p: [a]}]"), {column(5) + "p: expected a text, `*` or `prefix*`, found a list"});
      check_errors(text("[{p: a*b}]"), {column(5) + "p: expected a text with at most one `*`"});
      check_errors(text("[\"al*\"]"),
                   {column(1) + "expected a whole value; a prefix is written {KEY: \"al*\"}, found \"al*\""});
      check_errors(text("[a, b, a]"), {column(7) + "\"a\" is there twice; remove one of the two"});
      check_errors(text("[{p: a, q: b}, {q: b, p: a}]"), {column(15) + "{p: a, q: b} is there twice"});
    }
  }

  TEST_CASE("`replaces` names rules") {
    const auto config = parse_config(with("replaces: [s, t]") +
                                         "  - {name: s, match: {p: a}, limits: [{requests: 1, per: 1s}]}\n"
                                         "  - {name: t, match: {p: b}, limits: [{requests: 1, per: 1s}]}\n",
                                     "f");
    REQUIRE(config);
    CHECK(config->rules.rules[0].replaces == std::vector<std::string>{"s", "t"});
    check_errors(with("replaces: s"),
                 {"5:15: rule: replaces: expected a list of names of rules, found \"s\""});
    check_errors(with("replaces: [[s]]"),
                 {"5:16: rule: replaces: expected a text of 1 to 256 bytes, found a list"});
    check_errors(with("replaces: [s, s]"),
                 {"5:16: rule: replaces: expected the name of a rule, found \"s\"",
                  "5:19: rule: replaces: \"s\" is there twice; remove one of the two"});
  }

  TEST_CASE("lists are bounded") {
    const auto list = [](std::string_view item, std::size_t count) {
      std::string text = "[";
      for (std::size_t i = 0; i < count; ++i) text += fmt::format(fmt::runtime(item), i);
      return text + "]";
    };
    CHECK(only_rule(with("enforcing: " + list("a{}, ", callers_per_list_max))).enforcing.size() ==
          callers_per_list_max);
    check_errors(with("enforcing: " + list("a{}, ", callers_per_list_max + 1)),
                 {"5:16: rule: enforcing: expected at most 10000 callers, found 10001"});
    const char* item = "{{match: {{p: a{}}}, learning: true}}, ";
    CHECK(only_rule(with("overrides: " + list(item, overrides_per_rule_max))).overrides.size() ==
          overrides_per_rule_max);
    check_errors(with("overrides: " + list(item, overrides_per_rule_max + 1)),
                 {"5:16: rule: overrides: expected at most 10000 overrides, found 10001"});
    check_errors(with("replaces: " + list("a{}, ", rules_max + 1)),
                 {"5:15: rule: replaces: expected at most 10000 names of rules, found 10001"});
    check_errors(with("enforcing: [{p: " + std::string(1025, 'a') + "}]"),
                 {"5:21: rule: enforcing: p: expected a text of at most 1024 bytes, found "});
  }
}

}  // namespace
}  // namespace starling
