#include "frontend/policy_names.hpp"

#include <doctest/doctest.h>
#include <algorithm>
#include <random>
#include <set>
#include <string>
#include <vector>

using namespace starling;

namespace {

std::vector<std::string> names_of(const std::vector<LimitStatus>& limits) {
  PolicyNames names;
  names.assign(limits);
  std::vector<std::string> all;
  for (const LimitStatus& limit : limits) all.emplace_back(names.of(limit));
  return all;
}

LimitStatus limit(std::string_view rule, std::uint32_t window_s = 60) {
  return {.rule = rule, .window_s = window_s};
}

using Names = std::vector<std::string>;

}  // namespace

TEST_SUITE("frontend.policy_names") {
  TEST_CASE("a limit is called like its rule, with the window only if the rule has several") {
    CHECK(names_of({limit("login")}) == Names{"login"});
    CHECK(names_of({limit("login"), limit("all")}) == Names{"login", "all"});
    CHECK(names_of({limit("login", 1), limit("all"), limit("login", 60)}) ==
          Names{"login-1s", "all", "login-60s"});
  }

  TEST_CASE("what is still not unique is numbered") {
    CHECK(names_of({limit("a"), limit("a"), limit("a", 1), limit("a")}) ==
          Names{"a-60s", "a-60s-2", "a-1s", "a-60s-3"});
    CHECK(names_of({limit("a", 1), limit("a-1s"), limit("a", 2)}) == Names{"a-1s", "a-1s-2", "a-2s"});
  }

  TEST_CASE("a limit without a rule has a name all the same") {
    CHECK(names_of({limit("")}) == Names{"request"});
    CHECK(names_of({limit("request"), limit("")}) == Names{"request", "request-2"});
  }

  TEST_CASE("an unlimited rule takes no name") {
    std::vector<LimitStatus> limits{limit("a"), limit("a")};
    limits[0].unlimited = true;
    CHECK(names_of(limits) == Names{"", "a"});
  }

  TEST_CASE("bytes beyond printable ASCII are percent-encoded, long names are cut") {
    CHECK(names_of({limit("caf\xC3\xA9 \"1\"\n")}) == Names{"caf%C3%A9 \"1\"%0A"});
    CHECK(names_of({limit("\xC3\xA9"), limit("%C3%A9")}) == Names{"%C3%A9", "%C3%A9-2"});
    const std::string long_name(100, 'n');
    CHECK(names_of({limit(long_name)}) == Names{std::string(64, 'n')});
    CHECK(names_of({limit(long_name + "1"), limit(long_name + "2")}) ==
          Names{std::string(64, 'n'), std::string(64, 'n') + "-2"});
    CHECK(names_of({limit(std::string(63, 'n') + "\xFF")}) == Names{std::string(63, 'n')});
  }

  TEST_CASE("names are unique and printable, whatever the rules are called") {
    std::mt19937_64 random(3);
    for (int round = 0; round < 3'000; ++round) {
      std::vector<std::string> rules(random() % 4 + 1);
      for (std::string& rule : rules)
        for (std::size_t left = random() % 4; left > 0; --left) rule += "a-1s2%\xFF\n"[random() % 8];
      std::vector<LimitStatus> limits(random() % limits_per_request_max + 1);
      for (LimitStatus& each : limits)
        each = limit(rules[random() % rules.size()], static_cast<std::uint32_t>(random() % 3 + 1));
      const Names names = names_of(limits);
      REQUIRE(std::set<std::string>(names.begin(), names.end()).size() == names.size());
      for (const std::string& name : names) {
        REQUIRE(!name.empty());
        REQUIRE(std::all_of(name.begin(), name.end(), [](char c) { return c >= ' ' && c <= '~'; }));
      }
    }
  }
}
