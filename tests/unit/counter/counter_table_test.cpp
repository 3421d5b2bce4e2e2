#include "counter/counter_table.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <vector>

#include "table_model.hpp"

namespace starling {
namespace {

TEST_SUITE("counter.counter_table") {
  TEST_CASE("a counter that nobody has counted in is 0 and takes no room") {
    const CounterTable table(small_table());
    CHECK(table.value(counter_id(1)) == 0);
    CHECK(table.value_clamped(counter_id(1), 5) == 0);
    CHECK(table.counters_count() == 0);
    CHECK(components_of(table, counter_id(1)).empty());
  }

  TEST_CASE("own hits add up") {
    CounterTable table(small_table());
    const auto first = table.add_own(counter_id(1), 3, start);
    const auto second = table.add_own(counter_id(1), 4, start);
    REQUIRE(first);
    CHECK(*first == *second);
    CHECK(table.hits(*first) == 7);
    CHECK(table.value(counter_id(1)) == 7);
    CHECK(table.value(counter_id(2)) == 0);
    CHECK(components_of(table, counter_id(1)) == Components{{own_origin, 7}});
  }

  TEST_CASE("own hits and those of others are summed and kept apart") {
    CounterTable table(small_table());
    const auto theirs = table.join(OriginIndex{1}, counter_id(1), 10, start);
    const auto own = table.add_own(counter_id(1), 5, start);
    REQUIRE(table.join(OriginIndex{2}, counter_id(1), 100, start));
    REQUIRE(own);
    CHECK(table.value(counter_id(1)) == 115);
    CHECK(table.hits(*own) == 5);
    CHECK(table.hits(*theirs) == 10);
    CHECK(table.own_beside(*theirs) == *own);
    CHECK(table.value_beside(*theirs) == 115);
    CHECK(table.value_beside(*own) == 115);
    CHECK(components_of(table, counter_id(1)) ==
          Components{{own_origin, 5}, {OriginIndex{1}, 10}, {OriginIndex{2}, 100}});
    const Component component = table.component(*theirs);
    CHECK(component.counter == counter_id(1));
    CHECK(component.origin == OriginIndex{1});
    CHECK(component.hits == 10);
  }

  TEST_CASE("beside a component of a counter that we never counted in there is no own one") {
    CounterTable table(small_table());
    const auto theirs = table.join(OriginIndex{1}, counter_id(1), 10, start);
    CHECK(table.own_beside(*theirs) == no_component);
  }

  TEST_CASE("expect: says where joins will happen, known ones and the next new one, and changes nothing") {
    CounterTable table(small_table());
    constexpr OriginIndex origin{1};
    const auto own = table.add_own(counter_id(1), 5, start);
    const auto theirs = table.join(origin, counter_id(1), 10, start);
    const auto elsewhere = table.join(origin, counter_id(2), 10, start);
    REQUIRE(table.join(OriginIndex{2}, counter_id(3), 10, start));
    const std::array ids{counter_id(2), counter_id(3), counter_id(1), counter_id(4)};
    std::array<CounterTable::Expected, ids.size()> where;
    table.expect(origin, ids, where);
    CHECK(where[0].component == *elsewhere);
    CHECK(where[0].own == *table.add_own(counter_id(2), 1, start));
    CHECK(where[1].component == *table.join(origin, counter_id(3), 1, start));
    CHECK(where[1].own == *table.add_own(counter_id(3), 1, start));
    CHECK(where[2].component == *theirs);
    CHECK(where[2].own == *own);
    CHECK(where[3].component == *table.join(origin, counter_id(4), 1, start));
    CHECK(where[3].own == no_component);
    CHECK(table.value(counter_id(1)) == 15);
    table.expect(origin, {}, {});
    CHECK(table.counters_count() == 4);
  }

  TEST_CASE("expect: a full table, whose next row is beyond its end, is no harm") {
    CounterTable table({.counters_max = 2, .components_max = 2, .retention = small_table().retention});
    REQUIRE(table.join(OriginIndex{1}, counter_id(1), 1, start));
    REQUIRE(table.join(OriginIndex{1}, counter_id(2), 1, start));
    const std::array ids{counter_id(3), counter_id(4)};
    std::array<CounterTable::Expected, ids.size()> where;
    table.expect(OriginIndex{1}, ids, where);
    CHECK_FALSE(table.join(OriginIndex{1}, counter_id(3), 1, start));
  }

  TEST_CASE("join: an older or equal count changes nothing") {
    CounterTable table(small_table());
    const auto first = table.join(OriginIndex{1}, counter_id(1), 10, start);
    for (const Hits stale : {Hits{0}, Hits{1}, Hits{9}, Hits{10}}) {
      const auto again = table.join(OriginIndex{1}, counter_id(1), stale, start);
      REQUIRE(again);
      CHECK(*again == *first);
      CHECK(table.value(counter_id(1)) == 10);
      CHECK(table.hits(*first) == 10);
    }
    CHECK(table.components_count() == 1);
  }

  TEST_CASE("the same key in another window, or in one of another length, is another counter") {
    CounterTable table(small_table());
    const CounterId current = counter_id(1, 10, 100);
    const CounterId next = counter_id(1, 10, 101);
    const CounterId longer = counter_id(1, 20, 50);
    REQUIRE(table.add_own(current, 7, start));
    CHECK(table.value(next) == 0);
    CHECK(table.value(longer) == 0);
    REQUIRE(table.join(OriginIndex{1}, next, 3, start));
    CHECK(table.value(current) == 7);
    CHECK(table.value(next) == 3);
  }

  TEST_CASE("a late join about an old window cannot touch the new one") {
    CounterTable table(small_table());
    REQUIRE(table.add_own(counter_id(1, 10, 100), 5, start));
    const WallTime next_window = start + std::chrono::seconds(10);
    REQUIRE(table.add_own(counter_id(1, 10, 101), 2, next_window));
    REQUIRE(table.join(OriginIndex{1}, counter_id(1, 10, 100), 1'000'000, next_window));
    CHECK(table.value(counter_id(1, 10, 101)) == 2);
    CHECK(table.value(counter_id(1, 10, 100)) == 1'000'005);
  }

  TEST_CASE("values saturate: a count never wraps to a small one, whatever comes after") {
    CounterTable table(small_table());
    REQUIRE(table.join(OriginIndex{1}, counter_id(1), hits_max, start));
    CHECK(table.value(counter_id(1)) == hits_max);
    REQUIRE(table.join(OriginIndex{2}, counter_id(1), hits_max, start));
    REQUIRE(table.join(OriginIndex{3}, counter_id(1), 1, start));
    const auto own = table.add_own(counter_id(1), 9, start);
    CHECK(table.value(counter_id(1)) == hits_max);
    CHECK(table.hits(*own) == 9);
    REQUIRE(table.add_own(counter_id(1), hits_max, start));
    CHECK(table.hits(*own) == hits_max);
    CHECK(table.value_clamped(counter_id(1), hits_max) == hits_max);
  }

  TEST_CASE("clamped: a poisoned count uses up its bound and no more, true ones count in full") {
    CounterTable table(small_table());
    REQUIRE(table.add_own(counter_id(1), 40, start));
    REQUIRE(table.join(OriginIndex{1}, counter_id(1), 30, start));
    CHECK(table.value_clamped(counter_id(1), 100) == 70);
    REQUIRE(table.join(OriginIndex{2}, counter_id(1), hits_max, start));
    CHECK(table.value(counter_id(1)) == hits_max);
    CHECK(table.value_clamped(counter_id(1), 100) == 170);
    REQUIRE(table.join(OriginIndex{3}, counter_id(1), hits_max - 1, start));
    CHECK(table.value_clamped(counter_id(1), 100) == 270);
    CHECK(table.value_clamped(counter_id(1), 0) == 0);
    CHECK(table.value_clamped(counter_id(1), 35) == 135);  // 35 + 30 + 35 + 35: the own one is cut as well
    CHECK(table.value_clamped(counter_id(2), 100) == 0);
  }

  TEST_CASE("window_out_of_range: refused, and nothing has changed") {
    CounterTable table(small_table());
    REQUIRE(table.add_own(counter_id(1, 10, 100), 1, start));
    const Snapshot before = snapshot(table, some_ids());
    for (const CounterId& id :
         {counter_id(1, 10, 97), counter_id(1, 10, 103), counter_id(1, 10, ~0ULL), counter_id(1, 10, 0),
          counter_id(1, 0, 0), counter_id(1, window_s_max + 1, 0), counter_id(1, 0xFFFF'FFFF, ~0ULL)}) {
      const auto joined = table.join(OriginIndex{1}, id, 5, start);
      REQUIRE_FALSE(joined.has_value());
      CHECK(joined.error().code == ErrorCode::window_out_of_range);
      const auto added = table.add_own(id, 5, start);
      REQUIRE_FALSE(added.has_value());
      CHECK(added.error().code == ErrorCode::window_out_of_range);
    }
    CHECK(snapshot(table, some_ids()) == before);
  }

  TEST_CASE(
      "a full table of counters refuses new ones, keeps counting in known ones, and changes nothing else") {
    CounterTable table(small_table({.counters_max = 2, .components_max = 100}));
    REQUIRE(table.add_own(counter_id(1), 1, start));
    REQUIRE(table.join(OriginIndex{1}, counter_id(2), 1, start));
    const Snapshot before = snapshot(table, some_ids());
    CHECK(table.add_own(counter_id(3), 1, start).error().code == ErrorCode::table_full);
    CHECK(table.join(OriginIndex{1}, counter_id(3), 1, start).error().code == ErrorCode::table_full);
    CHECK(snapshot(table, some_ids()) == before);
    CHECK(table.add_own(counter_id(2), 1, start));
    CHECK(table.join(OriginIndex{2}, counter_id(1), 1, start));
    CHECK(table.value(counter_id(1)) == 2);
    CHECK(table.value(counter_id(2)) == 2);
  }

  TEST_CASE(
      "a full table of components refuses new shares, keeps raising known ones, and changes nothing else") {
    CounterTable table(small_table({.counters_max = 100, .components_max = 3}));
    REQUIRE(table.add_own(counter_id(1), 1, start));
    REQUIRE(table.join(OriginIndex{1}, counter_id(1), 1, start));
    REQUIRE(table.join(OriginIndex{1}, counter_id(2), 1, start));
    const Snapshot before = snapshot(table, some_ids());
    CHECK(table.join(OriginIndex{2}, counter_id(1), 9, start).error().code == ErrorCode::table_full);
    CHECK(table.add_own(counter_id(2), 9, start).error().code == ErrorCode::table_full);
    CHECK(table.add_own(counter_id(3), 9, start).error().code == ErrorCode::table_full);
    CHECK(table.join(OriginIndex{1}, counter_id(3), 9, start).error().code == ErrorCode::table_full);
    CHECK(snapshot(table, some_ids()) == before);
    CHECK(table.counters_count() == 2);  // no counter without a component was left behind
    CHECK(table.add_own(counter_id(1), 1, start));
    CHECK(table.join(OriginIndex{1}, counter_id(2), 5, start));
    CHECK(table.value(counter_id(1)) == 3);
    CHECK(table.value(counter_id(2)) == 5);
  }

  TEST_CASE("counts of many origins in one counter are all there") {
    CounterTable table(small_table({.counters_max = 10, .components_max = 1000}));
    Hits sum = 0;
    for (std::uint32_t origin = 1; origin <= 300; ++origin) {
      REQUIRE(table.join(OriginIndex{origin}, counter_id(1), origin, start));
      sum += origin;
    }
    CHECK(table.value(counter_id(1)) == sum);
    const Components components = components_of(table, counter_id(1));
    CHECK(components.size() == 300);
    for (const auto& [origin, hits] : components) CHECK(hits == origin.value);
  }

  TEST_CASE("every counter is visited once by slices of any length, and only those that are there") {
    CounterTable table(small_table());
    for (std::uint64_t key = 1; key <= 5; ++key) REQUIRE(table.add_own(counter_id(key), key, start));
    for (const std::size_t slice : {std::size_t{1}, std::size_t{2}, std::size_t{3}, std::size_t{1000}}) {
      std::vector<Hits> seen;
      for (std::size_t row = 0; row < table.rows_count(); row += slice)
        table.for_each_counter(row, slice, [&](const CounterId& id, Hits value) {
          CHECK(table.value(id) == value);
          seen.push_back(value);
        });
      std::sort(seen.begin(), seen.end());
      CHECK(seen == std::vector<Hits>{1, 2, 3, 4, 5});
    }
    table.for_each_counter(table.rows_count() + 7, 10, [](const CounterId&, Hits) { FAIL("no such row"); });
    table.for_each_counter(~std::size_t{0}, ~std::size_t{0},
                           [](const CounterId&, Hits) { FAIL("no such row"); });
  }

  TEST_CASE("between two slices counters come and go: what stays is visited once, what is gone is not") {
    CounterTable table(small_table());
    const CounterId old = counter_id(1);
    CounterId lasting = counter_id(2);
    lasting.window = Window::at(start, 3600);
    REQUIRE(table.add_own(old, 10, start));
    REQUIRE(table.add_own(lasting, 20, start));
    std::vector<Hits> seen;
    const auto look = [&](const CounterId&, Hits value) { seen.push_back(value); };
    table.for_each_counter(0, 1, look);
    const WallTime later(std::chrono::milliseconds(small_table().retention.expires_ms(old.window)));
    REQUIRE(table.expire(later, 10, [](ComponentIndex) {}) == 1);
    table.for_each_counter(1, 10, look);
    CHECK(seen == std::vector<Hits>{10, 20});
    seen.clear();
    table.for_each_counter(0, 10, look);
    CHECK(seen == std::vector<Hits>{20});
  }
}

}  // namespace
}  // namespace starling
