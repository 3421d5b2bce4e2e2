/// Windowed G-counters: the CRDT at the heart of Starling.
///
/// A counter belongs to one (key, window). It is a map from origin to the hits admitted there, in which every
/// component only ever grows; joining two replicas takes the larger component of each origin, so joins may
/// come in any order, twice, or late, and all replicas that have seen the same components agree. The value is
/// the sum. Because the window is part of the identity nothing is ever reset, and a late packet about an old
/// window cannot touch a new one; because components belong to origins (lives of nodes) a restart can neither
/// lower nor reuse a count. Nothing is pruned inside a window; windows leave by the clock.
///
/// Intuition for the layout: a request reads one sum and bumps one component, so both sit one lookup away;
/// all else (components of others, expiry) hangs off in lists of indices. All memory is reserved at
/// construction, since growing a table of millions would stall requests for a quarter of a second.
///
/// Source: Shapiro et al., "A comprehensive study of CRDTs" (2011), G-Counter; `design.md` section 3.
#pragma once

#include <absl/container/flat_hash_map.h>

#include <cstdint>
#include <functional>
#include <map>
#include <vector>

#include "base/ids.hpp"
#include "base/result.hpp"
#include "counter/window.hpp"

namespace starling {

struct CounterId {
  CounterKey key;
  Window window;

  /// The same counter one window before. Window 0 has none before it and names itself.
  constexpr CounterId previous() const {
    CounterId id = *this;
    if (id.window.id.value > 0) --id.window.id.value;
    return id;
  }

  friend constexpr auto operator<=>(const CounterId&, const CounterId&) = default;

  template <class H>
  friend H AbslHashValue(H state, const CounterId& id) {
    return H::combine(std::move(state), id.key, id.window);
  }
};

/// One origin's share of one counter.
struct Component {
  CounterId counter;
  OriginIndex origin;
  Hits hits = 0;
};

class CounterTable {
 public:
  struct Options {
    std::uint32_t counters_max = 1'000'000;
    std::uint32_t components_max = 4'000'000;  ///< (counter, origin) pairs
    WindowRetention retention;
  };

  explicit CounterTable(Options options);

  /// The merged value: the sum over all origins. 0 for a counter nobody has counted in. O(1).
  Hits value(const CounterId& id) const;

  /// The merged value with each component cut to `component_max`, so that a poisoned count can use up one
  /// counter and nothing more. O(1) unless the plain sum exceeds `component_max`, then O(origins).
  Hits value_clamped(const CounterId& id, Hits component_max) const;

  /// Counts `hits` under this node's own origin. O(1), no allocation for a known counter.
  /// Errors (state unchanged): table_full, window_out_of_range.
  Result<ComponentIndex> add_own(const CounterId& id, Hits hits, WallTime wall);

  /// Raises the component of `origin` to at least `hits`.
  /// Errors (state unchanged): table_full, window_out_of_range.
  Result<ComponentIndex> join(OriginIndex origin, const CounterId& id, Hits hits, WallTime wall);

  /// This node's own component of a counter, or none. O(1).
  ComponentIndex own_component(const CounterId& id) const;
  /// True if `add_own` would find room.
  bool has_room_for_own(const CounterId& id) const;

  /// `index` must name a live component.
  Component component(ComponentIndex index) const;
  Hits hits(ComponentIndex index) const { return components_[index.value].hits; }

  /// This node's own component of the same counter, or none; and the counter's merged value.
  ComponentIndex own_beside(ComponentIndex index) const { return ComponentIndex{counter_of(index).own}; }
  Hits value_beside(ComponentIndex index) const { return counter_of(index).sum; }

  /// Calls `visit` with each component of a counter.
  void for_each_component(const CounterId& id, const std::function<void(const Component&)>& visit) const;

  /// Calls `visit(id, value)` for each counter in the rows [from, from + count), in no order that means
  /// anything. Between two such calls counters may come and go: one that is there all the time is visited
  /// once, others once or not at all.
  template <class Visit>
  void for_each_counter(std::size_t from, std::size_t count, const Visit& visit) const {
    const std::size_t end = std::min(counters_.size(), from + std::min(count, counters_.size()));
    for (std::size_t row = from; row < end; ++row) {
      const Counter& counter = counters_[row];
      if (counter.own != none || counter.first_other != none) visit(counter.id, counter.sum);
    }
  }
  /// Rows there are, free ones included.
  std::size_t rows_count() const { return counters_.size(); }

  /// Drops counters whose time is over, at most `budget` of them; `forget` is called for each component
  /// before its index is free for reuse. Returns how many counters went.
  std::size_t expire(WallTime wall, std::size_t budget, const std::function<void(ComponentIndex)>& forget);

  /// When the next counter's time is over, in ms since the epoch; the maximum if there is none.
  std::uint64_t next_expiry_ms() const;

  /// True if a new counter, or a new origin's share of a known one, would be refused.
  bool full() const {
    return components_full() || (free_counter_ == none && counters_.size() >= options_.counters_max);
  }

  /// How often a new counter, or a new origin's share of a known one, found no room.
  std::uint64_t refused_count() const { return refused_count_; }
  std::size_t counters_count() const { return index_.size(); }
  std::size_t components_count() const { return components_.size() - free_components_count_; }
  std::size_t counters_max() const { return options_.counters_max; }
  const WindowRetention& retention() const { return options_.retention; }

 private:
  static constexpr std::uint32_t none = std::numeric_limits<std::uint32_t>::max();

  struct Counter {
    CounterId id;
    Hits sum = 0;
    std::uint32_t own = none;          // this node's component
    std::uint32_t first_other = none;  // list of the other origins' components
    std::uint32_t next = none;         // next counter that expires with this one, or next free row
  };

  struct Row {
    Hits hits = 0;
    OriginIndex origin;
    std::uint32_t counter = none;
    std::uint32_t next = none;  // next component of the counter, or next free row
  };

  // Counters that expire together, by (expiry in ms, window).
  using Bucket = std::pair<std::uint64_t, Window>;

  const Counter* find(const CounterId& id) const;
  const Counter& counter_of(ComponentIndex index) const {
    return counters_[components_[index.value].counter];
  }
  Result<std::uint32_t> find_or_insert(const CounterId& id, WallTime wall);
  std::uint32_t insert_component(std::uint32_t counter, OriginIndex origin);
  bool components_full() const;
  tl::unexpected<Error> refuse() {
    ++refused_count_;
    return fail(ErrorCode::table_full);
  }
  void release(std::uint32_t counter, const std::function<void(ComponentIndex)>& forget);

  Options options_;
  absl::flat_hash_map<CounterId, std::uint32_t> index_;
  std::vector<Counter> counters_;
  std::vector<Row> components_;
  std::uint32_t free_counter_ = none;
  std::uint32_t free_component_ = none;
  std::size_t free_components_count_ = 0;
  std::uint64_t refused_count_ = 0;
  std::map<Bucket, std::uint32_t> buckets_;
};

}  // namespace starling
