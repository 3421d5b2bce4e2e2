#include <doctest/doctest.h>

#include <limits>
#include <set>
#include <vector>

#include "base/random.hpp"
#include "counter/counter_table.hpp"
#include "table_model.hpp"

namespace starling {
namespace {

constexpr std::size_t unlimited = std::numeric_limits<std::size_t>::max();
constexpr std::uint64_t no_expiry = std::numeric_limits<std::uint64_t>::max();

WallTime wall_ms(std::uint64_t ms) {
  return WallTime(std::chrono::milliseconds(ms));
}

/// Forgets without looking.
void ignore(ComponentIndex) {}

TEST_SUITE("counter.counter_table expiry") {
  TEST_CASE("a counter goes exactly when the retention of its window is over") {
    CounterTable table(small_table());
    REQUIRE(table.add_own(counter_id(1), 5, start));
    const std::uint64_t expires_ms = table.retention().expires_ms(counter_id(1).window);
    CHECK(table.next_expiry_ms() == expires_ms);
    CHECK(table.expire(wall_ms(expires_ms - 1), unlimited, ignore) == 0);
    CHECK(table.value(counter_id(1)) == 5);
    CHECK(table.expire(wall_ms(expires_ms), unlimited, ignore) == 1);
    CHECK(table.value(counter_id(1)) == 0);
    CHECK(table.counters_count() == 0);
    CHECK(table.components_count() == 0);
    CHECK(table.next_expiry_ms() == no_expiry);
    CHECK(table.expire(WallTime::max(), unlimited, ignore) == 0);
  }

  TEST_CASE("the old window goes, the new one of the same key stays") {
    CounterTable table(small_table());
    const WallTime later = start + std::chrono::seconds(10);
    REQUIRE(table.add_own(counter_id(1, 10, 100), 5, start));
    REQUIRE(table.add_own(counter_id(1, 10, 101), 7, later));
    CHECK(table.expire(wall_ms(table.next_expiry_ms()), unlimited, ignore) == 1);
    CHECK(table.value(counter_id(1, 10, 100)) == 0);
    CHECK(table.value(counter_id(1, 10, 101)) == 7);
  }

  TEST_CASE("no more than the budget goes at once, and the rest goes next time") {
    CounterTable table(small_table());
    for (std::uint64_t key = 0; key < 10; ++key)
      REQUIRE(table.add_own(counter_id(key, 10, 100 + key % 2), 1, start));
    CHECK(table.expire(WallTime::max(), 0, ignore) == 0);
    CHECK(table.expire(WallTime::max(), 3, ignore) == 3);
    CHECK(table.counters_count() == 7);
    CHECK(table.expire(WallTime::max(), 3, ignore) == 3);
    CHECK(table.expire(WallTime::max(), 100, ignore) == 4);
    CHECK(table.counters_count() == 0);
  }

  TEST_CASE("the budget is of components: a counter of many nodes takes more of it") {
    CounterTable table(small_table());
    for (std::uint64_t key = 0; key < 4; ++key)
      for (std::uint32_t origin = 1; origin <= 5; ++origin)
        REQUIRE(table.join(OriginIndex{origin}, counter_id(key), 1, start));
    CHECK(table.expire(WallTime::max(), 1, ignore) == 1);
    CHECK(table.expire(WallTime::max(), 6, ignore) == 2);
    CHECK(table.components_count() == 5);
    CHECK(table.expire(WallTime::max(), 100, ignore) == 1);
    CHECK(table.components_count() == 0);
  }

  TEST_CASE("every component is forgotten once, while its index can still be looked at") {
    CounterTable table(small_table());
    std::set<std::uint32_t> expected;
    for (std::uint64_t key = 1; key <= 3; ++key) {
      expected.insert(table.add_own(counter_id(key), key, start)->value);
      for (std::uint32_t origin = 1; origin <= 3; ++origin)
        expected.insert(table.join(OriginIndex{origin}, counter_id(key), 100 * origin, start)->value);
    }
    REQUIRE(expected.size() == 12);
    std::set<std::uint32_t> forgotten;
    CHECK(table.expire(WallTime::max(), unlimited, [&](ComponentIndex index) {
      CHECK(forgotten.insert(index.value).second);
      const Component component = table.component(index);
      CHECK(component.hits ==
            (component.origin == own_origin ? component.counter.key.value : 100 * component.origin.value));
    }) == 3);
    CHECK(forgotten == expected);
  }

  TEST_CASE("rows that are used again hold nothing of those before") {
    CounterTable table(small_table({.counters_max = 4, .components_max = 8}));
    for (std::uint64_t window = 100; window < 160; ++window) {
      CAPTURE(window);
      const WallTime now = wall_ms(window * 10'000);
      table.expire(now, unlimited, ignore);
      const CounterId mine = counter_id(window, 10, window);
      const CounterId theirs = counter_id(window + 1000, 10, window);
      if (window % 2 == 0) {
        const auto own = table.add_own(mine, 0, now);
        REQUIRE(own);
        CHECK(table.hits(*own) == 0);
        CHECK(components_of(table, mine) == Components{{own_origin, 0}});
        REQUIRE(table.add_own(mine, 1'000'000, now));
      } else {
        const auto joined = table.join(OriginIndex{7}, theirs, 3, now);
        REQUIRE(joined);
        CHECK(table.own_beside(*joined) == no_component);
        CHECK(components_of(table, theirs) == Components{{OriginIndex{7}, 3}});
        CHECK(table.value(theirs) == 3);
        CHECK(table.component(*joined).counter == theirs);
      }
      CHECK(table.counters_count() <= 4);
    }
  }

  TEST_CASE("a full table has room again when something has expired") {
    CounterTable table(small_table({.counters_max = 2, .components_max = 2}));
    REQUIRE(table.add_own(counter_id(1, 10, 99), 1, start));
    REQUIRE(table.add_own(counter_id(2, 10, 100), 1, start));
    REQUIRE_FALSE(table.add_own(counter_id(3, 10, 100), 1, start).has_value());
    const WallTime later = wall_ms(table.next_expiry_ms());
    CHECK(table.expire(later, unlimited, ignore) == 1);
    REQUIRE(table.add_own(counter_id(3, 10, 101), 1, later));
    CHECK_FALSE(table.add_own(counter_id(4, 10, 101), 1, later).has_value());
  }

  TEST_CASE("a window that has expired does not come back by a late join") {
    CounterTable table(small_table());
    REQUIRE(table.join(OriginIndex{1}, counter_id(1), 5, start));
    const WallTime later = wall_ms(table.next_expiry_ms());
    table.expire(later, unlimited, ignore);
    const auto late = table.join(OriginIndex{1}, counter_id(1), 5, later);
    REQUIRE_FALSE(late.has_value());
    CHECK(late.error().code == ErrorCode::window_out_of_range);
    CHECK(table.counters_count() == 0);
  }

  TEST_CASE("under random use the table agrees with a plain map, and all its memory comes back") {
    for (std::uint64_t seed = 1; seed <= 50; ++seed) {
      CAPTURE(seed);
      Random random(seed);
      CounterTable table(small_table({.counters_max = 40, .components_max = 60}));
      std::map<CounterId, Components> model;
      std::uint64_t now_ms = 1'000'000;
      for (int step = 0; step < 600; ++step) {
        now_ms += random.below(1500);
        const WallTime now = wall_ms(now_ms);
        const auto length_s = static_cast<std::uint32_t>(1 + random.below(3));
        CounterId id = counter_id(random.below(6), length_s, Window::at(now, length_s).id.value);
        id.window.id.value += random.below(4) - 2;
        const OriginIndex origin{static_cast<std::uint32_t>(random.below(4))};
        const Hits hits = random.below(50);
        const bool is_new = !model.contains(id);
        const auto result =
            origin == own_origin ? table.add_own(id, hits, now) : table.join(origin, id, hits, now);
        if (result) {
          Hits& known = model[id][origin];
          known = origin == own_origin ? known + hits : std::max(known, hits);
        } else {
          const bool in_range = !is_new || table.retention().accepts(id.window, now);
          const bool full = table.counters_count() == 40 || table.components_count() == 60;
          REQUIRE((!in_range || full));
        }
        if (random.chance(0.2)) {
          const std::size_t budget = random.chance(0.5) ? unlimited : random.below(4);
          const std::size_t gone = table.expire(now, budget, [&](ComponentIndex index) {
            const Component component = table.component(index);
            REQUIRE(table.retention().expires_ms(component.counter.window) <= now_ms);
            REQUIRE(model.at(component.counter).erase(component.origin) == 1);
            if (model.at(component.counter).empty()) model.erase(component.counter);
          });
          REQUIRE(gone <= budget);
        }
        std::size_t components_count = 0;
        for (const auto& [known, components] : model) {
          REQUIRE(components_of(table, known) == components);
          components_count += components.size();
        }
        REQUIRE(table.counters_count() == model.size());
        REQUIRE(table.components_count() == components_count);
      }
      table.expire(WallTime::max(), unlimited, ignore);
      CHECK(table.counters_count() == 0);
      CHECK(table.components_count() == 0);
    }
  }
}

}  // namespace
}  // namespace starling
