/// The laws of a state-based CRDT, as seeded properties: whatever order and however often replicas hear the
/// same counts, they agree; and no count ever falls.
#include <doctest/doctest.h>

#include <algorithm>
#include <vector>

#include "base/random.hpp"
#include "counter/counter_table.hpp"
#include "table_model.hpp"

namespace starling {
namespace {

constexpr std::uint64_t seeds_count = 300;

/// "At `origin`, `hits` were counted in `id`."
struct Join {
  OriginIndex origin;
  CounterId id;
  Hits hits = 0;
};

Hits draw_hits(Random& random) {
  switch (random.below(8)) {
    case 0:
      return 0;
    case 1:
      return hits_max - random.below(3);  // a forged or broken count must not break the laws
    case 2:
      return random.next();
    default:
      return random.below(1000);
  }
}

std::vector<Join> draw_joins(Random& random, std::size_t count) {
  const std::vector<CounterId> ids = some_ids();
  std::vector<Join> joins;
  for (std::size_t i = 0; i < count; ++i)
    joins.push_back(Join{OriginIndex{static_cast<std::uint32_t>(1 + random.below(5))},
                         ids[random.below(ids.size())], draw_hits(random)});
  return joins;
}

void shuffle(std::vector<Join>& joins, Random& random) {
  for (std::size_t i = joins.size(); i > 1; --i) std::swap(joins[i - 1], joins[random.below(i)]);
}

void join_all(CounterTable& table, const std::vector<Join>& joins) {
  for (const Join& join : joins) REQUIRE(table.join(join.origin, join.id, join.hits, start));
}

Snapshot state_after(const std::vector<Join>& joins) {
  CounterTable table(small_table());
  join_all(table, joins);
  return snapshot(table, some_ids());
}

/// The components of `from`, as a peer would send them.
std::vector<Join> joins_of(const CounterTable& from) {
  std::vector<Join> joins;
  for (const CounterId& id : some_ids())
    for (const auto& [origin, hits] : components_of(from, id)) joins.push_back(Join{origin, id, hits});
  return joins;
}

TEST_SUITE("counter.counter_table laws") {
  TEST_CASE("any order of the same joins, with any of them repeated, gives the same state") {
    for (std::uint64_t seed = 1; seed <= seeds_count; ++seed) {
      CAPTURE(seed);
      Random random(seed);
      std::vector<Join> joins = draw_joins(random, 1 + random.below(60));
      const Snapshot expected = state_after(joins);
      for (int round = 0; round < 3; ++round) {
        std::vector<Join> other = joins;
        for (std::uint64_t repeats = random.below(60); repeats > 0; --repeats)
          other.push_back(joins[random.below(joins.size())]);
        shuffle(other, random);
        REQUIRE(state_after(other) == expected);
      }
    }
  }

  TEST_CASE("joining whole replicas is commutative, associative and idempotent") {
    const auto joined = [](const std::vector<const CounterTable*>& replicas) {
      CounterTable result(small_table());
      for (const CounterTable* replica : replicas) join_all(result, joins_of(*replica));
      return snapshot(result, some_ids());
    };
    for (std::uint64_t seed = 1; seed <= seeds_count; ++seed) {
      CAPTURE(seed);
      Random random(seed);
      CounterTable a(small_table());
      CounterTable b(small_table());
      CounterTable c(small_table());
      for (CounterTable* replica : {&a, &b, &c}) join_all(*replica, draw_joins(random, random.below(30)));

      REQUIRE(joined({&a, &b}) == joined({&b, &a}));
      REQUIRE(joined({&a, &a}) == joined({&a}));
      CounterTable ab(small_table());
      join_all(ab, joins_of(a));
      join_all(ab, joins_of(b));
      CounterTable bc(small_table());
      join_all(bc, joins_of(b));
      join_all(bc, joins_of(c));
      REQUIRE(joined({&ab, &c}) == joined({&a, &bc}));
    }
  }

  TEST_CASE("no join and no own hit ever lowers a component or a value") {
    const std::vector<CounterId> ids = some_ids();
    for (std::uint64_t seed = 1; seed <= seeds_count; ++seed) {
      CAPTURE(seed);
      Random random(seed);
      CounterTable table(small_table());
      Snapshot before = snapshot(table, ids);
      for (const Join& join : draw_joins(random, 40)) {
        if (random.chance(0.3)) {
          REQUIRE(table.add_own(join.id, join.hits, start));
        } else {
          REQUIRE(table.join(join.origin, join.id, join.hits, start));
        }
        const Snapshot after = snapshot(table, ids);
        for (const auto& [id, value] : before.values) REQUIRE(after.values.at(id) >= value);
        for (const auto& [id, components] : before.components)
          for (const auto& [origin, hits] : components) REQUIRE(after.components.at(id).at(origin) >= hits);
        before = after;
      }
    }
  }

  TEST_CASE("the value kept up to date is the saturating sum of the components; clamped, of the cut ones") {
    for (std::uint64_t seed = 1; seed <= seeds_count; ++seed) {
      CAPTURE(seed);
      Random random(seed);
      CounterTable table(small_table());
      for (const Join& join : draw_joins(random, 60)) {
        if (random.chance(0.3)) {
          REQUIRE(table.add_own(join.id, join.hits, start));
        } else {
          REQUIRE(table.join(join.origin, join.id, join.hits, start));
        }
      }
      for (const CounterId& id : some_ids()) {
        const Hits bound = random.chance(0.5) ? random.below(2000) : random.next();
        Hits sum = 0;
        Hits clamped = 0;
        for (const auto& [origin, hits] : components_of(table, id)) {
          sum = saturating_add(sum, hits);
          clamped = saturating_add(clamped, std::min(hits, bound));
        }
        REQUIRE(table.value(id) == sum);
        REQUIRE(table.value_clamped(id, bound) == clamped);
      }
    }
  }

  TEST_CASE("replicas that exchange everything agree, however their own hits and exchanges are interleaved") {
    constexpr std::size_t nodes_count = 4;
    for (std::uint64_t seed = 1; seed <= seeds_count / 3; ++seed) {
      CAPTURE(seed);
      Random random(seed);
      std::vector<CounterTable> nodes;
      for (std::size_t i = 0; i < nodes_count; ++i) nodes.emplace_back(small_table());
      const auto index_at = [](std::size_t node,
                               std::size_t origin) {  // node's own row is 0, the others follow
        return OriginIndex{static_cast<std::uint32_t>((origin + nodes_count - node) % nodes_count)};
      };
      const auto tell = [&](std::size_t from, std::size_t to) {
        for (const CounterId& id : some_ids())
          for (const auto& [index, hits] : components_of(nodes[from], id)) {
            const std::size_t origin = (index.value + from) % nodes_count;
            if (origin != to) REQUIRE(nodes[to].join(index_at(to, origin), id, hits, start));
          }
      };
      Hits admitted = 0;
      const std::vector<CounterId> ids = some_ids();
      for (int step = 0; step < 100; ++step) {
        const std::size_t node = random.below(nodes_count);
        if (random.chance(0.6)) {
          const Hits hits = random.below(10);
          REQUIRE(nodes[node].add_own(ids[random.below(ids.size())], hits, start));
          admitted += hits;
        } else {
          tell(node, (node + 1 + random.below(nodes_count - 1)) % nodes_count);
        }
      }
      for (std::size_t from = 0; from < nodes_count; ++from)
        for (std::size_t to = 0; to < nodes_count; ++to)
          if (from != to) tell(from, to);
      for (const CounterTable& node : nodes) {
        Hits counted = 0;
        for (const CounterId& id : ids) {
          counted += node.value(id);
          REQUIRE(node.value(id) == nodes[0].value(id));
        }
        REQUIRE(counted == admitted);
      }
    }
  }
}

}  // namespace
}  // namespace starling
