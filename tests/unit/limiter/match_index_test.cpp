#include "limiter/match_index.hpp"

#include <doctest/doctest.h>

#include <set>

#include "random_rules.hpp"

namespace starling {
namespace {

using Ids = std::multiset<std::uint32_t>;

Ids fitting(const MatchIndex& index, const Entries& entries) {
  Ids ids;
  index.for_each_fitting(Descriptor{entries}, [&](std::uint32_t id) { ids.insert(id); });
  return ids;
}

TEST_SUITE("limiter.match_index") {
  TEST_CASE("finds what trying one match after the other finds, each once") {
    for (std::uint64_t seed = 1; seed <= 500; ++seed) {
      CAPTURE(seed);
      Random random(seed);
      std::vector<std::vector<Matcher>> matches;
      for (std::uint64_t i = random.below(20); i > 0; --i) matches.push_back(draw_match(random));
      MatchIndex index;
      for (std::uint32_t i = 0; i < matches.size(); ++i) index.add(matches[i], i);
      CHECK(index.empty() == matches.empty());
      for (int i = 0; i < 10; ++i) {
        const Entries entries = draw_entries(random);
        Ids expected;
        for (std::uint32_t at = 0; at < matches.size(); ++at)
          if (fits(std::span<const Matcher>(matches[at]), Descriptor{entries})) expected.insert(at);
        REQUIRE(fitting(index, entries) == expected);
      }
    }
  }

  TEST_CASE("among ten thousand names finds the one") {
    std::vector<std::vector<Matcher>> matches;
    for (int i = 0; i < 10'000; ++i) matches.push_back(match({{"user", "u" + std::to_string(i)}}));
    MatchIndex index;
    for (std::uint32_t i = 0; i < matches.size(); ++i) index.add(matches[i], i);
    CHECK(fitting(index, {{"user", "u4321"}}) == Ids{4321});
    CHECK(fitting(index, {{"user", "u10000"}}).empty());
    CHECK(fitting(index, {{"usr", "u1"}}).empty());
    index.clear();
    CHECK(index.empty());
    CHECK(fitting(index, {{"user", "u4321"}}).empty());
  }

  TEST_CASE("equal values under other keys, or in another order, are others") {
    const auto ab = match({{"a", "1"}, {"b", "2"}}), ba = match({{"a", "2"}, {"b", "1"}}),
               c = match({{"c", "1"}}), any = match({{"a", "*"}});
    MatchIndex index;
    index.add(ab, 1);
    index.add(ba, 2);
    index.add(c, 3);
    index.add(any, 4);
    CHECK(fitting(index, {{"b", "2"}, {"a", "1"}}) == Ids{1, 4});
    CHECK(fitting(index, {{"b", "1"}, {"a", "2"}}) == Ids{2, 4});
    CHECK(fitting(index, {{"a", "1"}}) == Ids{4});
    CHECK(fitting(index, {{"c", "1"}}) == Ids{3});
    CHECK(fitting(index, {}).empty());
  }
}

}  // namespace
}  // namespace starling
