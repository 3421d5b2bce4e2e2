/// What the tests of the counter table share: short ways to say counters, and the table's state as a value.
#pragma once

#include <algorithm>
#include <map>
#include <vector>

#include "counter/counter_table.hpp"

namespace starling {

/// In window 100 of 10 s, in window 50 of 20 s.
inline const WallTime start{std::chrono::milliseconds(1'000'000)};

inline CounterTable::Options small_table(CounterTable::Options options = {.counters_max = 1000,
                                                                          .components_max = 10'000}) {
  return options;
}

inline CounterId counter_id(std::uint64_t key, std::uint32_t length_s = 10, std::uint64_t window_id = 100) {
  return CounterId{CounterKey{key}, Window{length_s, WindowId{window_id}}};
}

/// What the properties draw from: three keys in three windows of two lengths.
inline std::vector<CounterId> some_ids() {
  std::vector<CounterId> ids;
  for (std::uint64_t key = 1; key <= 3; ++key) {
    for (std::uint64_t window = 99; window <= 101; ++window) ids.push_back(counter_id(key, 10, window));
    ids.push_back(counter_id(key, 20, 50));
  }
  return ids;
}

using Components = std::map<OriginIndex, Hits>;

inline Components components_of(const CounterTable& table, const CounterId& id) {
  Components components;
  table.for_each_component(
      id, [&](const Component& component) { components[component.origin] = component.hits; });
  return components;
}

/// All that `ids` are in `table`.
struct Snapshot {
  std::map<CounterId, Components> components;
  std::map<CounterId, Hits> values;
  std::size_t counters_count = 0;
  std::size_t components_count = 0;
  std::uint64_t next_expiry_ms = 0;

  friend bool operator==(const Snapshot&, const Snapshot&) = default;
};

inline Snapshot snapshot(const CounterTable& table, const std::vector<CounterId>& ids) {
  Snapshot result;
  for (const CounterId& id : ids) {
    const Components components = components_of(table, id);
    if (!components.empty()) result.components[id] = components;
    result.values[id] = table.value(id);
  }
  result.counters_count = table.counters_count();
  result.components_count = table.components_count();
  result.next_expiry_ms = table.next_expiry_ms();
  return result;
}

}  // namespace starling
