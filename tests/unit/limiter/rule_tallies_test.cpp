#include "limiter/rule_tallies.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <optional>
#include <string>

namespace starling {
namespace {

using Requests = decltype(RuleTally::requests);

RuleSet rules(const std::vector<std::string>& names) {
  RuleSet set;
  for (const std::string& name : names) set.rules.push_back(Rule{.name = name});
  return set;
}

LimitStatus said(std::uint32_t rule, RuleVerdict verdict) {
  return {.rule_index = rule,
          .allowed = verdict == RuleVerdict::allowed,
          .enforced = verdict != RuleVerdict::learning_denied};
}

struct World {
  RuleTallies tallies;

  void load(const RuleSet& set, const std::vector<std::string_view>& domains = {"default"}) {
    tallies.replace_rules(set, domains);
  }
  void decide(const std::vector<LimitStatus>& limits, std::uint32_t domain = 0) {
    tallies.on_decision(limits, domain);
  }
  std::optional<Requests> of(std::string_view rule, std::string_view domain = "default") const {
    for (const RuleTally& tally : tallies.list())
      if (tally.rule == rule && tally.domain == domain) return tally.requests;
    return std::nullopt;
  }
  std::uint64_t sum() const {
    std::uint64_t all = 0;
    for (const RuleTally& tally : tallies.list())
      for (const std::uint64_t count : tally.requests) all += count;
    return all;
  }
};

constexpr RuleVerdict allowed = RuleVerdict::allowed;
constexpr RuleVerdict learning = RuleVerdict::learning_denied;
constexpr RuleVerdict denied = RuleVerdict::denied;

std::vector<std::string> numbered(const std::string& stem, std::size_t count) {
  std::vector<std::string> names;
  for (std::size_t i = 0; i < count; ++i) names.push_back(stem + std::to_string(i));
  return names;
}

}  // namespace

TEST_SUITE("limiter.rule_tallies") {
  TEST_CASE("a rule counts a request once, with the worst that any of its limits says") {
    World world;
    world.load(rules({"a", "b"}));
    CHECK(world.of("a") == Requests{0, 0, 0});
    world.decide({said(0, allowed), said(0, denied), said(1, allowed), said(0, learning)});
    CHECK(world.of("a") == Requests{0, 0, 1});
    CHECK(world.of("b") == Requests{1, 0, 0});
    world.decide({said(0, learning), said(1, learning), said(0, allowed)});
    CHECK(world.of("a") == Requests{0, 1, 1});
    CHECK(world.of("b") == Requests{1, 1, 0});
    world.decide({});
    CHECK(world.sum() == 4);
  }

  TEST_CASE("limits that requests bring along count by domain, and only show when there were some") {
    World world;
    world.load(rules({"a"}), {"default", "other"});
    CHECK_FALSE(world.of("(request)"));
    world.decide({said(no_rule, denied)}, 1);
    world.decide({said(no_rule, allowed), said(no_rule, allowed)}, 0);
    CHECK(world.of("(request)", "other") == Requests{0, 0, 1});
    CHECK(world.of("(request)") == Requests{1, 0, 0});
  }

  TEST_CASE("a reload keeps the tally of a rule that keeps domain and name, wherever it moves") {
    World world;
    world.load(rules({"a", "b"}));
    world.decide({said(0, denied), said(1, allowed)});
    world.load(rules({"c", "b", "a"}));
    CHECK(world.of("a") == Requests{0, 0, 1});
    CHECK(world.of("c") == Requests{0, 0, 0});
    world.decide({said(1, allowed)});
    CHECK(world.of("b") == Requests{2, 0, 0});

    RuleSet moved = rules({"b"});
    moved.domain = "elsewhere";
    world.load(moved, {"elsewhere"});
    CHECK(world.of("b") == Requests{2, 0, 0});
    CHECK(world.of("b", "elsewhere") == Requests{0, 0, 0});
    CHECK(world.of("a") == Requests{0, 0, 1});
    CHECK_FALSE(world.of("c"));  // it is gone, and never said anything
  }

  TEST_CASE("rules beyond the bound are summed as the others, each for itself") {
    World world;
    world.load(rules(numbered("r", 1'500)));
    CHECK(world.tallies.list().size() == RuleTallies::tallies_max);
    CHECK(world.of("r998") == Requests{0, 0, 0});
    CHECK_FALSE(world.of("r999"));
    world.decide({said(999, allowed), said(1'499, denied), said(3, allowed), said(1'499, allowed)});
    CHECK(world.of(RuleTallies::others_name, RuleTallies::others_name) == Requests{1, 0, 1});
    CHECK(world.of("r3") == Requests{1, 0, 0});
  }

  TEST_CASE("reloads without end stay within the bound, and no sum ever falls") {
    World world;
    for (int generation = 0; generation < 20; ++generation) {
      const std::size_t count = generation % 3 == 0 ? 1'200 : 300;
      world.load(rules(numbered("g" + std::to_string(generation) + "-", count)));
      const std::uint64_t before = world.sum();
      for (std::uint32_t rule = 0; rule < count; ++rule) world.decide({said(rule, allowed)});
      CHECK(world.sum() == before + count);
      CHECK(world.tallies.list().size() <= RuleTallies::tallies_max + 1);
    }
  }

  TEST_CASE("what is in force gives no place to what is new") {
    World world;
    const auto first = numbered("a", 999);  // with (request) the tallies are full
    world.load(rules(first));
    for (std::uint32_t rule = 0; rule < 999; ++rule) world.decide({said(rule, denied)});
    auto more = numbered("new", 10);
    more.insert(more.end(), first.begin(), first.end());
    world.load(rules(more));
    for (const std::string& name : first) CHECK(world.of(name) == Requests{0, 0, 1});
    CHECK_FALSE(world.of("new0"));
    world.decide({said(0, allowed)});
    CHECK(world.of(RuleTallies::others_name, RuleTallies::others_name) == Requests{1, 0, 0});

    more = numbered("new", 10);
    world.load(rules(more));
    CHECK(world.of("new9") == Requests{0, 0, 0});
    CHECK(world.sum() == 1'000);
  }

  TEST_CASE("rules that are called as the sums are, are part of them") {
    World world;
    RuleSet set = rules({"(request)", "(others)"});
    set.rules.back().domain = "(others)";
    world.load(set);
    world.decide({said(0, allowed)});
    world.decide({said(no_rule, denied)});
    world.decide({said(1, learning)});
    CHECK(world.of("(request)") == Requests{1, 0, 1});
    CHECK(world.of("(others)", "(others)") == Requests{0, 1, 0});
    CHECK(world.tallies.list().size() == 2);
  }
}

}  // namespace starling
