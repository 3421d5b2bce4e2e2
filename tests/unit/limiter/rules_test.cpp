#include "limiter/rules.hpp"

#include <doctest/doctest.h>

#include "counter/window.hpp"

namespace starling {
namespace {

Matcher equal(std::string text) {
  return {.key = "k", .kind = Matcher::Kind::equal, .text = std::move(text)};
}
Matcher prefix(std::string text) {
  return {.key = "k", .kind = Matcher::Kind::prefix, .text = std::move(text)};
}
Matcher any() {
  return {.key = "k", .kind = Matcher::Kind::any, .text = ""};
}

TEST_SUITE("limiter.rules") {
  TEST_CASE("an equal matcher takes its text and nothing else") {
    CHECK(equal("/login").matches("/login"));
    for (const char* other : {"", "/", "/logi", "/login/", "/Login", "/login "})
      CHECK_FALSE(equal("/login").matches(other));
    CHECK(equal("").matches(""));
    CHECK_FALSE(equal("").matches("x"));
    CHECK_FALSE(equal("a").matches(std::string_view("a\0", 2)));
  }

  TEST_CASE("any takes every value, the empty one included") {
    CHECK(any().matches(""));
    CHECK(any().matches("x"));
    CHECK(any().matches(std::string(100'000, 'x')));
  }

  TEST_CASE("a prefix takes what begins so, itself included") {
    CHECK(prefix("/api/").matches("/api/"));
    CHECK(prefix("/api/").matches("/api/v1"));
    for (const char* other : {"", "/api", "/apis", "x/api/", "/API/"})
      CHECK_FALSE(prefix("/api/").matches(other));
  }

  TEST_CASE("matchers are shown as they are written in a file") {
    CHECK(equal("/login").to_string() == "/login");
    CHECK(prefix("/api/").to_string() == "/api/*");
    CHECK(any().to_string() == "*");
  }

  TEST_CASE("the built-in rule allows each principal 100 requests per 10 s") {
    const RuleSet set = RuleSet::built_in();
    CHECK(set.domain == "default");
    REQUIRE(set.rules.size() == 1);
    const Rule& rule = set.rules[0];
    REQUIRE(rule.match.size() == 1);
    CHECK(rule.match[0].key == "principal");
    CHECK(rule.match[0].to_string() == "*");
    REQUIRE(rule.limits.size() == 1);
    CHECK(rule.limits[0].requests == 100);
    CHECK(rule.limits[0].window_s == 10);
  }

  TEST_CASE(
      "the smallest window is found across limits and rules; without rules it is the longest possible") {
    RuleSet set;
    CHECK(set.window_s_smallest() == window_s_max);
    set.rules = {Rule{.name = "a", .match = {}, .limits = {{1, 60}, {1, 10}}},
                 Rule{.name = "b", .match = {}, .limits = {{1, 30}}}};
    CHECK(set.rules[0].window_s_smallest() == 10);
    CHECK(set.window_s_smallest() == 10);
    set.rules[1].overrides = {Override{.match = {any()}, .limits = {{1, 20}, {1, 5}}},
                              Override{.match = {any()}, .unlimited = true}};
    CHECK(set.rules[1].window_s_smallest() == 5);
    CHECK(set.window_s_smallest() == 5);
  }
}

}  // namespace
}  // namespace starling
