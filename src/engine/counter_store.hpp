/// The counters as gossip sees them.
#pragma once

#include <array>
#include <span>

#include "counter/counter_table.hpp"
#include "gossip/store.hpp"
#include "limiter/guard.hpp"

namespace starling {

class CounterStore final : public GossipStore {
 public:
  CounterStore(CounterTable& counters, Guard& guard) : counters_(counters), guard_(guard) {}

  /// The wall clock of the input being handled; it says which windows are taken in.
  void set_wall(WallTime wall) { wall_ = wall; }

  void read(ComponentIndex index, wire::DeltaEntry& entry) const override {
    const Component component = counters_.component(index);
    entry.key = component.counter.key;
    entry.window_s = component.counter.window.length_s;
    entry.window_id = component.counter.window.id;
    entry.count = component.hits;
  }

  Own own_beside(ComponentIndex index) const override {
    const ComponentIndex own = counters_.own_beside(index);
    if (own == no_component) return {};
    return {.component = own, .hits = counters_.hits(own), .value = counters_.value_beside(own)};
  }

  void on_published(ComponentIndex component, Hits hits, Instant now) override {
    guard_.on_published(component, hits, now);
  }

  bool is_over(const wire::DeltaEntry& entry) const override {
    const Window window{.length_s = entry.window_s, .id = entry.window_id};
    return counters_.retention().is_over(window, wall_);
  }

  void expect(OriginIndex origin, std::span<const wire::DeltaEntry> entries,
              std::span<Expected> where) const override {
    std::array<CounterId, expected_max> ids;
    std::array<CounterTable::Expected, expected_max> places;
    for (std::size_t i = 0; i < entries.size(); ++i) ids[i] = id_of(entries[i]);
    counters_.expect(origin, std::span(ids).first(entries.size()), std::span(places).first(entries.size()));
    for (std::size_t i = 0; i < where.size(); ++i)
      where[i] = {.component = places[i].component, .own = places[i].own};
  }

  Result<ComponentIndex> join(OriginIndex origin, const wire::DeltaEntry& entry) override {
    return counters_.join(origin, id_of(entry), entry.count, wall_);
  }

 private:
  static_assert(expected_max <= CounterTable::expected_max);
  static CounterId id_of(const wire::DeltaEntry& entry) {
    return {.key = entry.key, .window = Window{.length_s = entry.window_s, .id = entry.window_id}};
  }

  CounterTable& counters_;
  Guard& guard_;
  WallTime wall_;
};

}  // namespace starling
