#include "gossip/origin_table.hpp"

#include <doctest/doctest.h>

#include <set>

#include "base/random.hpp"

namespace starling {

TEST_SUITE("gossip.claims") {
  TEST_CASE("what was claimed beyond a hole counts once the hole is filled") {
    Claims claims;
    claims.add(Version{20}, Version{30});
    claims.add(Version{10}, Version{20});
    CHECK(claims.size() == 1);
    CHECK(claims.highest() == Version{30});
    CHECK(claims.advance(Version{9}) == Version{9});
    CHECK(claims.advance(Version{10}) == Version{30});
    CHECK(claims.size() == 0);
    CHECK(claims.highest() == Version{});
  }

  TEST_CASE("ranges in any order, doubled and overlapping, end where the versions without a gap end") {
    Random random(1);
    for (int round = 0; round < 2000; ++round) {
      Claims claims;
      std::set<std::uint64_t> told;
      std::uint64_t watermark = 0;
      for (int i = 0; i < 12; ++i) {
        const std::uint64_t from = random.below(40);
        const std::uint64_t to = from + 1 + random.below(8);
        for (std::uint64_t version = from + 1; version <= to; ++version) told.insert(version);
        if (to <= watermark) continue;
        if (from <= watermark) {
          watermark = claims.advance(Version{to}).value;
        } else {
          claims.add(Version{from}, Version{to});
        }
      }
      std::uint64_t expected = 0;
      while (told.contains(expected + 1)) ++expected;
      REQUIRE(watermark == expected);
    }
  }

  TEST_CASE("there is room for so many ranges, and then the highest is told again") {
    Claims claims;
    for (std::uint64_t i = 0; i < 2 * Claims::ranges_max; ++i)
      claims.add(Version{10 * i + 5}, Version{10 * i + 6});
    CHECK(claims.size() == Claims::ranges_max);
    CHECK(claims.highest() == Version{10 * (Claims::ranges_max - 1) + 6});
    claims.add(Version{0}, Version{1});
    CHECK(claims.size() == Claims::ranges_max);
    CHECK(claims.advance(Version{0}) == Version{1});
  }
}

namespace {

void answer(Differences& differences, std::uint64_t theirs, std::uint64_t ours) {
  for (std::uint32_t i = 0; i < Differences::answers_max; ++i) {
    CHECK(differences.worth_asking(theirs, ours));
    differences.on_answer(theirs, ours);
  }
}

}  // namespace

namespace {
wire::DeltaEntry refused_entry(std::uint64_t version, std::uint32_t window_s, std::uint64_t window_id) {
  return {.window_s = window_s,
          .window_id = WindowId{window_id},
          .key = {},
          .count = 1,
          .version = Version{version}};
}
}  // namespace

TEST_SUITE("gossip.refusals") {
  TEST_CASE("what was refused is held against an origin until it is over, the latest of it") {
    Refusals refusals;
    CHECK(refusals.empty());
    refusals.add(refused_entry(20, 10, 100));
    refusals.add(refused_entry(10, 60, 100));
    refusals.add(refused_entry(30, 10, 200));
    CHECK(refusals.lowest() == Version{10});
    const auto over_before = [](std::uint64_t s) {
      return [s](const wire::DeltaEntry& entry) { return (entry.window_id.value + 2) * entry.window_s <= s; };
    };
    refusals.forget(over_before(0));
    refusals.forget(over_before(2020));
    CHECK(refusals.lowest() == Version{10});
    refusals.forget(over_before(6120));
    CHECK(refusals.empty());
    CHECK(refusals.lowest() == Version{hits_max});
  }

  TEST_CASE("refusals without end do not keep the first of them alive") {
    Refusals refusals;
    for (std::uint64_t s = 0; s < 100; ++s) {
      refusals.add(refused_entry(s + 1, 1, s));
      refusals.forget([&](const wire::DeltaEntry& entry) { return entry.window_id.value + 2 <= s; });
      CHECK(refusals.lowest() <= Version{s + 1});
    }
    CHECK(refusals.lowest() > Version{90});
  }

  TEST_CASE("a window at the end of time overflows nothing") {
    Refusals refusals;
    refusals.add(refused_entry(1, 366U * 24 * 3600, hits_max));
    refusals.add(refused_entry(2, 0, hits_max));
    CHECK(refusals.lowest() == Version{1});
  }
}

TEST_SUITE("gossip.differences") {
  TEST_CASE("a difference is worth asking about until it was answered some times, another one anew") {
    Differences differences;
    CHECK(differences.empty());
    answer(differences, 1, 2);
    CHECK_FALSE(differences.worth_asking(1, 2));
    answer(differences, 1, 3);
    answer(differences, 2, 2);
    CHECK_FALSE(differences.worth_asking(1, 2));
  }

  TEST_CASE("what is remembered is bounded") {
    Differences differences;
    for (std::uint64_t i = 0; i < Differences::remembered_max + 1; ++i) answer(differences, i, 0);
    CHECK(differences.worth_asking(0, 0));        // forgotten
    CHECK_FALSE(differences.worth_asking(5, 0));  // not yet
  }
}

}  // namespace starling
