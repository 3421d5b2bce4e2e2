#include "limiter/replacement_check.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <map>

#include "base/random.hpp"

namespace starling {
namespace {

std::vector<ReplacementCircle> circles(const std::vector<Rule>& rules) {
  std::vector<const Rule*> pointers;
  for (const Rule& rule : rules) pointers.push_back(&rule);
  return replacement_circles(pointers);
}

Rule rule(std::string name, std::vector<std::string> replaces) {
  Rule made;
  made.name = std::move(name);
  made.replaces = std::move(replaces);
  return made;
}

/// The slow way: who reaches itself?
bool has_circle(const std::vector<Rule>& rules) {
  std::map<std::string, std::vector<std::string>> reaches;
  for (const Rule& each : rules) reaches[each.name] = each.replaces;
  for (std::size_t round = 0; round < rules.size(); ++round) {
    for (auto& [name, targets] : reaches) {
      std::vector<std::string> more;
      for (const std::string& target : targets)
        if (reaches.contains(target)) more.insert(more.end(), reaches[target].begin(), reaches[target].end());
      targets.insert(targets.end(), more.begin(), more.end());
      std::sort(targets.begin(), targets.end());
      targets.erase(std::unique(targets.begin(), targets.end()), targets.end());
      if (std::binary_search(targets.begin(), targets.end(), name)) return true;
    }
  }
  return false;
}

TEST_SUITE("limiter.replacement_check") {
  TEST_CASE("chains, diamonds and names that are not there are no circles") {
    CHECK(circles({}).empty());
    CHECK(
        circles({rule("a", {"b", "c"}), rule("b", {"d"}), rule("c", {"d"}), rule("d", {"nobody"})}).empty());
  }

  TEST_CASE("each circle is found where it closes") {
    const std::vector<Rule> rules{rule("a", {"x", "b"}), rule("b", {"c"}), rule("c", {"d"}),
                                  rule("d", {"y", "b"}), rule("e", {"e"})};
    const auto found = circles(rules);
    REQUIRE(found.size() == 2);
    CHECK(found[0].rule == &rules[3]);
    CHECK(found[0].replaces_index == 1);
    CHECK(found[0].message.find("\"b\" replaces \"c\" replaces \"d\" replaces the first") !=
          std::string::npos);
    CHECK(found[1].rule == &rules[4]);
    CHECK(found[1].message.find("itself") != std::string::npos);
  }

  TEST_CASE("a chain as long as there may be rules is walked") {
    std::vector<Rule> rules;
    for (std::size_t i = 0; i < rules_max; ++i)
      rules.push_back(rule(std::to_string(i), {std::to_string(i + 1)}));
    CHECK(circles(rules).empty());
    rules.back().replaces = {"0"};
    REQUIRE(circles(rules).size() == 1);
    CHECK(circles(rules).front().message.size() < 300);
  }

  TEST_CASE("random rules have a circle exactly if one of them reaches itself") {
    int with_count = 0;
    for (std::uint64_t seed = 1; seed <= 500; ++seed) {
      CAPTURE(seed);
      Random random(seed);
      std::vector<Rule> rules;
      const std::uint64_t count = 1 + random.below(7);
      for (std::uint64_t i = 0; i < count; ++i) {
        std::vector<std::string> replaces;
        for (std::uint64_t k = random.below(3); k > 0; --k)
          replaces.push_back(std::to_string(random.below(count)));
        rules.push_back(rule(std::to_string(i), std::move(replaces)));
      }
      const bool expected = has_circle(rules);
      with_count += expected ? 1 : 0;
      CHECK(circles(rules).empty() == !expected);
    }
    CHECK(with_count > 50);
    CHECK(with_count < 450);
  }
}

}  // namespace
}  // namespace starling
