#include "limiter/rule_finder.hpp"

#include <doctest/doctest.h>

#include <array>
#include <numeric>

#include "limiter/matching.hpp"
#include "random_rules.hpp"

namespace starling {
namespace {

std::vector<std::uint32_t> all_of(const std::vector<Rule>& rules) {
  std::vector<std::uint32_t> indices(rules.size());
  std::iota(indices.begin(), indices.end(), 0);
  return indices;
}

/// The candidates that fit, in the order of the visits.
std::vector<std::uint32_t> fitting(RuleFinder& finder, const std::vector<Rule>& rules,
                                   const Entries& entries) {
  std::vector<std::uint32_t> found;
  finder.for_each_candidate(Descriptor{entries}, [&](std::uint32_t rule) {
    if (fits(rules[rule], Descriptor{entries})) found.push_back(rule);
    return true;
  });
  return found;
}

/// Prefixes of several lengths, values as long as one and longer, and none at all.
constexpr std::array<const char*, 4> long_texts{"xy*", "xyz*", "", "xyz"};
constexpr std::array<const char*, 4> long_values{"xyz", "xyzz", "", "yx"};

Rule draw_long_rule(Random& random) {
  Rule drawn = draw_rule(random, "r");
  for (Matcher& each : drawn.match)
    if (random.chance(0.4)) each = matcher(each.key, draw_one(random, long_texts));
  return drawn;
}

Entries draw_long_entries(Random& random) {
  Entries drawn = draw_entries(random);
  for (Entry& each : drawn)
    if (random.chance(0.4)) each.value = draw_one(random, long_values);
  return drawn;
}

std::size_t candidates_count(RuleFinder& finder, const Entries& entries) {
  std::size_t count = 0;
  finder.for_each_candidate(Descriptor{entries}, [&](std::uint32_t) {
    ++count;
    return true;
  });
  return count;
}

TEST_SUITE("limiter.rule_finder") {
  TEST_CASE("finds what trying one rule after the other finds, in the same order, each once") {
    std::size_t found = 0;
    for (std::uint64_t seed = 1; seed <= 500; ++seed) {
      CAPTURE(seed);
      Random random(seed);
      std::vector<Rule> rules;
      for (std::uint64_t i = random.below(60); i > 0; --i) rules.push_back(draw_long_rule(random));
      if (random.chance(0.3) && !rules.empty()) rules[random.below(rules.size())].match.clear();
      std::vector<std::uint32_t> some;
      for (const std::uint32_t rule : all_of(rules))
        if (random.chance(0.8)) some.push_back(rule);
      RuleFinder finder;
      finder.build(rules, some);
      CHECK(finder.empty() == some.empty());
      for (int i = 0; i < 20; ++i) {
        Entries entries = draw_long_entries(random);
        if (random.chance(0.3) && !entries.empty())  // a key that comes again does not count
          entries.push_back(Entry{entries.front().key, draw_one(random, random_values)});
        std::vector<std::uint32_t> expected;
        for (const std::uint32_t rule : some)
          if (fits(rules[rule], Descriptor{entries})) expected.push_back(rule);
        REQUIRE(fitting(finder, rules, entries) == expected);
        found += expected.size();
      }
    }
    CHECK(found > 10'000);
  }

  TEST_CASE("of ten thousand rules tries one or two, whatever tells them apart") {
    std::vector<Rule> rules;
    for (int i = 0; i < 2'500; ++i) {
      const std::string number = std::to_string(i);
      rules.push_back(rule("r", match({{"method", "GET"}, {"path", "/p" + number}, {"user", "*"}}), {}));
      rules.push_back(rule("r", match({{"host", "h" + number + ".*"}, {"user", "*"}}), {}));
      rules.push_back(rule("r", match({{"key" + number, "*"}, {"user", "*"}}), {}));
      rules.push_back(rule("r", match({{"method", "*"}, {"tenant", "t" + number}}), {}));
    }
    RuleFinder finder;
    finder.build(rules, all_of(rules));
    CHECK(candidates_count(finder, {{"method", "GET"}, {"path", "/p77"}, {"user", "u"}}) == 1);
    CHECK(candidates_count(finder, {{"host", "h1234.example"}, {"user", "u"}}) == 1);
    CHECK(candidates_count(finder, {{"user", "u"}, {"key99", "x"}}) == 1);
    CHECK(candidates_count(finder, {{"method", "GET"}, {"tenant", "t5"}, {"path", "/p5"}}) == 2);
    CHECK(candidates_count(finder, {{"method", "GET"}, {"user", "u"}, {"path", "/"}}) == 0);
    CHECK(candidates_count(finder, {}) == 0);
  }

  TEST_CASE("stops when it is told to, having seen the first") {
    std::vector<Rule> rules;
    for (int i = 0; i < 100; ++i) rules.push_back(rule("r", match({{i % 2 == 0 ? "a" : "b", "*"}}), {}));
    RuleFinder finder;
    finder.build(rules, all_of(rules));
    const Entries entries{{"a", "x"}, {"b", "y"}};
    std::vector<std::uint32_t> seen;
    CHECK_FALSE(finder.for_each_candidate(Descriptor{entries}, [&](std::uint32_t rule) {
      seen.push_back(rule);
      return seen.size() < 5;
    }));
    CHECK(seen == std::vector<std::uint32_t>{0, 1, 2, 3, 4});
  }
}

}  // namespace
}  // namespace starling
