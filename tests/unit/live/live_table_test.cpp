#include "live/live_table.hpp"

#include <doctest/doctest.h>

#include <algorithm>

#include "support.hpp"

namespace starling {
namespace {

/// Entries about few subjects, so that they meet; of every sort.
std::vector<LiveEntry> draw_entries(Random& random, std::size_t count) {
  std::vector<LiveEntry> entries;
  for (std::size_t i = 0; i < count; ++i) {
    LiveEntry entry = stamped(limit_of("rule-" + std::to_string(random.below(8)), random.below(1000)),
                              noon - milliseconds(random.below(20)), 1 + random.below(3));
    entry.deleted = random.chance(0.3);
    if (entry.deleted) entry.what.limits.clear();
    if (random.chance(0.3)) entry.expires_at = noon + seconds(random.below(100));
    entries.push_back(std::move(entry));
  }
  return entries;
}

void join_all(LiveTable& table, const std::vector<LiveEntry>& entries) {
  for (const LiveEntry& entry : entries) (void)table.join(entry, noon);
}

}  // namespace

TEST_SUITE("live.live_table") {
  TEST_CASE("join: the order, the number of times and the grouping of what comes do not matter") {
    for (std::uint64_t seed = 1; seed <= 300; ++seed) {
      CAPTURE(seed);
      Random random(seed);
      std::vector<LiveEntry> entries = draw_entries(random, 40);
      LiveTable in_order = table_of(1);
      join_all(in_order, entries);

      std::vector<LiveEntry> shuffled = entries;
      shuffled.insert(shuffled.end(), entries.begin(), entries.begin() + 20);
      for (std::size_t i = shuffled.size(); i > 1; --i) std::swap(shuffled[i - 1], shuffled[random.below(i)]);
      LiveTable in_disorder = table_of(2);
      join_all(in_disorder, shuffled);

      // One half by way of another table.
      LiveTable half = table_of(3);
      join_all(half, {entries.begin() + 20, entries.end()});
      LiveTable by_halves = table_of(4);
      join_all(by_halves, all_of(half));
      join_all(by_halves, {entries.begin(), entries.begin() + 20});

      for (const LiveTable* other : {&in_disorder, &by_halves}) {
        REQUIRE(all_of(*other) == all_of(in_order));
        REQUIRE(other->digest() == in_order.digest());
        REQUIRE(other->buckets() == in_order.buckets());
      }
      const std::uint64_t digest = in_order.digest();
      join_all(in_order, all_of(in_order));
      REQUIRE(in_order.digest() == digest);
    }
  }

  TEST_CASE("join: the later stamp wins, and it is told whether something is news") {
    LiveTable table = table_of(1);
    const LiveEntry first = stamped(limit_of("login", 5), noon);
    const LiveEntry later = stamped(limit_of("login", 6), noon + milliseconds(1));
    CHECK(table.join(first, noon) == true);
    CHECK(table.join(first, noon) == false);
    CHECK(table.join(later, noon) == true);
    CHECK(table.join(first, noon) == false);
    CHECK(table.find(table.place(later.what))->what.limits[0].requests == 6);
  }

  TEST_CASE("the digest is that of the entries, kept up to date by every change") {
    LiveTable table = table_of(1);
    CHECK(table.digest() == LiveTable::empty_digest);
    REQUIRE(table.set(entry_of(limit_of("login", 5)), noon));
    REQUIRE(table.set(entry_of(limit_of("login", 6)), noon));
    REQUIRE(table.set(entry_of(ignoring("bob")), noon));
    REQUIRE(table.clear(ignoring("bob"), "carol", "node-1", noon) != nullptr);
    LiveTable copy = table_of(2);
    join_all(copy, all_of(table));
    CHECK(copy.digest() == table.digest());
    table.tend(Instant{}, noon + hours(25), noon + hours(25));
    CHECK(table.size() == 1);
    CHECK(copy.digest() != table.digest());
    copy.tend(Instant{}, noon + hours(25), noon + hours(25));
    CHECK(copy.digest() == table.digest());
  }

  TEST_CASE("what is set here is above all that was heard, so it holds everywhere") {
    LiveTable table = table_of(1);
    const LiveEntry heard = stamped(limit_of("login", 5), noon + hours(3), 9);
    REQUIRE(table.join(heard, noon));
    const auto set = table.set(entry_of(limit_of("login", 7)), noon);
    REQUIRE(set);
    LiveTable other = table_of(2);
    REQUIRE(other.join(heard, noon));
    CHECK(other.join(**set, noon) == true);
    CHECK(other.find(other.place(heard.what))->what.limits[0].requests == 7);
  }

  TEST_CASE("what was taken back stays so against whatever is older, for a day, and then it is forgotten") {
    LiveTable table = table_of(1);
    const auto set = table.set(entry_of(limit_of("login", 5)), noon);
    const LiveEntry old = **set;
    REQUIRE(table.clear(limit_of("login", 99), "bob", "node-1", noon + seconds(1)) != nullptr);
    CHECK(table.holding(noon + seconds(1)).entries.empty());
    CHECK(table.join(old, noon + seconds(2)) == false);
    CHECK(table.holding(noon + seconds(2)).entries.empty());
    CHECK(table.clear(limit_of("login", 5), "bob", "node-1", noon + seconds(3)) == nullptr);
    CHECK(table.clear(limit_of("other", 5), "bob", "node-1", noon + seconds(3)) == nullptr);
    const LiveEntry tombstone = all_of(table).front();
    CHECK(tombstone.set_by == "bob");
    CHECK(tombstone.what.limits.empty());
    const WallTime end = noon + hours(24) + seconds(1);
    table.tend(Instant{}, end - milliseconds(1), end - milliseconds(1));
    CHECK(table.size() == 1);
    table.tend(Instant{}, end, end);
    CHECK(table.size() == 0);
    CHECK(table.join(tombstone, end) == false);  // from a slower peer
    CHECK(table.size() == 0);
  }

  TEST_CASE("what has expired holds no more, and keeps what it replaced from coming back") {
    LiveTable table = table_of(1);
    const auto old = table.set(entry_of(limit_of("login", 5)), noon);
    const LiveEntry replaced = **old;
    LiveEntry expiring = entry_of(limit_of("login", 6));
    expiring.expires_at = noon + hours(1);
    REQUIRE(table.set(expiring, noon));
    REQUIRE(table.set(entry_of(ignoring("bob")), noon));
    const LiveTable::Holding before = table.holding(noon + hours(1) - milliseconds(1));
    CHECK(before.entries.size() == 2);
    CHECK(before.next_expiry == noon + hours(1));
    const LiveTable::Holding after = table.holding(noon + hours(1));
    CHECK(after.entries.size() == 1);
    CHECK_FALSE(after.next_expiry);
    CHECK(after.last_expired == noon + hours(1));
    CHECK(table.join(replaced, noon + hours(2)) == false);
    CHECK(table.holding(noon + hours(2)).entries.size() == 1);
    CHECK(table.clear(limit_of("login", 6), "bob", "node-1", noon + hours(2)) == nullptr);
    CHECK(table.counts(noon + hours(2)).tombstones == 1);
  }

  TEST_CASE("full: the oldest tombstone makes room, then a client is refused and nothing changes") {
    LiveTable table = table_of(1, 3);
    for (const char* rule : {"a", "b", "c"}) REQUIRE(table.set(entry_of(limit_of(rule, 5)), noon));
    REQUIRE(table.clear(limit_of("b", 5), "", "", noon));
    REQUIRE(table.clear(limit_of("a", 5), "", "", noon));
    REQUIRE(table.set(entry_of(limit_of("d", 5)), noon));
    CHECK(table.find(table.place(limit_of("b", 5))) == nullptr);
    CHECK(table.find(table.place(limit_of("a", 5))) != nullptr);
    REQUIRE(table.set(entry_of(limit_of("e", 5)), noon));
    const std::uint64_t digest = table.digest();
    CHECK(table.set(entry_of(limit_of("f", 5)), noon).error() == Error{ErrorCode::table_full});
    CHECK(table.digest() == digest);
    CHECK(table.set(entry_of(limit_of("e", 6)), noon));  // a change needs no room
    CHECK(table.counts(noon).refused_full == 1);
    CHECK(table.size() == 3);
  }

  TEST_CASE("full: tables that have heard of too much keep the same, what was made first") {
    for (std::uint64_t seed = 1; seed <= 100; ++seed) {
      CAPTURE(seed);
      Random random(seed);
      std::vector<LiveEntry> entries;
      for (int i = 0; i < 30; ++i)
        entries.push_back(stamped(limit_of("rule-" + std::to_string(i), 5), noon + milliseconds(i)));
      std::vector<LiveEntry> shuffled = entries;
      for (std::size_t i = shuffled.size(); i > 1; --i) std::swap(shuffled[i - 1], shuffled[random.below(i)]);
      LiveTable one = table_of(1, 10);
      LiveTable other = table_of(2, 10);
      join_all(one, entries);
      join_all(other, shuffled);
      REQUIRE(one.size() == 10);
      REQUIRE(one.digest() == other.digest());
      for (int i = 0; i < 10; ++i) REQUIRE(one.find(one.place(entries[static_cast<std::size_t>(i)].what)));
      REQUIRE(one.counts(noon).refused_full == 20);
    }
  }

  TEST_CASE("a stamp more than a day ahead is refused and counted") {
    LiveTable table = table_of(1);
    CHECK_FALSE(table.join(stamped(limit_of("login", 5), noon + hours(24) + milliseconds(1)), noon));
    CHECK(table.size() == 0);
    CHECK(table.counts(noon).refused_clock == 1);
    CHECK(table.join(stamped(limit_of("login", 5), noon + hours(24)), noon) == true);
    const auto over = table.set(entry_of(limit_of("login", 6)), noon);
    REQUIRE(over);  // so it can be overridden by whoever has heard it
    CHECK((*over)->what.limits[0].requests == 6);
  }

  TEST_CASE("what was set under a clock years ahead gives way to anything sound") {
    LiveTable table = table_of(1);
    REQUIRE(table.set(entry_of(limit_of("login", 5)), noon + hours(100'000)));
    CHECK(table.join(stamped(limit_of("login", 6), noon - hours(1)), noon) == true);
    CHECK(table.holding(noon).entries.front()->what.limits[0].requests == 6);
  }

  TEST_CASE("and else it is stamped anew once the clock has been right for five seconds") {
    LiveTable table = table_of(1);
    REQUIRE(table.set(entry_of(limit_of("login", 5)), noon + hours(100'000)));
    const Instant start{seconds(100)};
    const LiveTable::Place place = table.place(limit_of("login", 5));
    table.tend(start, noon, noon);
    table.tend(start + seconds(5) - milliseconds(1), noon, noon);
    CHECK(HybridClock::is_too_far_ahead(table.find(place)->stamp, noon));
    table.tend(start + seconds(5), noon, noon);
    CHECK(table.find(place)->stamp.wall_ms == ms_since_epoch(noon));
    CHECK(table.find(place)->what.limits[0].requests == 5);
    LiveTable copy = table_of(2);
    join_all(copy, all_of(table));
    CHECK(copy.digest() == table.digest());
  }

  TEST_CASE("a clock that is stepped back and forth for less than five seconds changes no stamp") {
    LiveTable table = table_of(1);
    REQUIRE(table.set(entry_of(limit_of("login", 5)), noon));
    const std::uint64_t digest = table.digest();
    Instant now{seconds(100)};
    for (int i = 0; i < 10; ++i) {
      table.tend(now, noon - hours(100), noon - hours(100));
      table.tend(now + seconds(4), noon - hours(100), noon - hours(100));
      table.tend(now + seconds(4), noon, noon);
      now += seconds(4);
    }
    CHECK(table.digest() == digest);
  }

  TEST_CASE("what is flawed is refused: to a client by name, from a peer by a count") {
    LiveTable table = table_of(1);
    CHECK(table.set(entry_of(limit_of("", 5)), noon).error() ==
          Error{ErrorCode::bad_field, static_cast<std::uint32_t>(LiveFlaw::rule_missing)});
    CHECK_FALSE(table.join(stamped(limit_of("", 5), noon), noon));
    CHECK(table.counts(noon).refused_flawed == 1);
    CHECK(table.size() == 0);
  }

  TEST_CASE("the reading order is by kind, rule and caller") {
    LiveTable table = table_of(1);
    LiveOverride of_caller = limit_of("a", 1);
    of_caller.match = {{"key", Matcher::Kind::equal, "x"}};
    const std::vector<LiveOverride> sorted{limit_of("a", 1),      of_caller,       limit_of("b", 1),
                                           learning_of("", true), ignoring("ann"), ignoring("bob")};
    for (auto what = sorted.rbegin(); what != sorted.rend(); ++what)
      REQUIRE(table.set(entry_of(*what), noon));
    const auto held = table.holding(noon).entries;
    REQUIRE(held.size() == sorted.size());
    for (std::size_t i = 0; i < sorted.size(); ++i) CHECK(held[i]->what == sorted[i]);
  }
}

}  // namespace starling
