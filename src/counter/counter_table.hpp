/// Windowed G-counters: the CRDT at the heart of Starling.
///
/// A counter belongs to one (key, window). It is a map from origin to the hits admitted there, in which every
/// component only ever grows; joining two replicas takes the larger component of each origin, so joins may
/// come in any order, twice, or late, and all replicas that have seen the same components agree. The value is
/// the sum. Because the window is part of the identity nothing is ever reset, and a late packet about an old
/// window cannot touch a new one; because components belong to origins (lives of nodes) a restart can neither
/// lower nor reuse a count. Nothing is pruned inside a window; windows leave by the clock.
///
/// Intuition for the layout: a request reads one sum and bumps this node's own count, so both stand in the
/// counter's row, half a cache line found through one line of the index; components of others hang off in a
/// list. A row is also the number of this node's component there. All memory is reserved at construction and
/// becomes resident as it is used, since growing a table of millions would stall requests for a quarter of a
/// second. With two other origins a live counter takes 84 bytes and 5 to 11 in the index.
///
/// Source: Shapiro et al., "A comprehensive study of CRDTs" (2011), G-Counter; `design.md` section 3.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <span>
#include <utility>

#include "base/ids.hpp"
#include "base/result.hpp"
#include "base/zeroed_array.hpp"
#include "counter/counter_index.hpp"
#include "counter/growing_index.hpp"
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

/// Where a counter stands, for whoever has more than one thing to do there. Right until the next `expire`.
using CounterRow = StrongId<struct CounterRowTag, std::uint32_t>;
inline constexpr CounterRow no_counter_row{std::numeric_limits<std::uint32_t>::max()};

class CounterTable {
 public:
  struct Options {
    std::uint32_t counters_max = 1'000'000;
    std::uint32_t components_max = 4'000'000;  ///< (counter, origin) pairs
    WindowRetention retention;
    std::uint64_t seed = 0;  ///< of the index: who does not know it cannot crowd one part of it
  };

  explicit CounterTable(Options options);

  /// Where the counter stands; `no_counter_row` if nobody has counted in it. O(1); all that takes a row takes
  /// `no_counter_row` too, as a counter without hits.
  CounterRow find(const CounterId& id) const { return CounterRow{row_of(id, hash_of(id))}; }

  /// The merged value: the sum over all origins. 0 for a counter nobody has counted in. O(1).
  Hits value(CounterRow row) const { return row == no_counter_row ? 0 : counters_[row.value].sum; }
  Hits value(const CounterId& id) const { return value(find(id)); }

  /// The merged value with each component cut to `component_max`, so that a poisoned count can use up one
  /// counter and nothing more. O(1) unless the plain sum exceeds `component_max`, then O(origins).
  Hits value_clamped(CounterRow row, Hits component_max) const {
    // Below it no single component exceeds it either.
    const Hits sum = value(row);
    return sum <= component_max ? sum : sum_of_clamped(row, component_max);
  }
  Hits value_clamped(const CounterId& id, Hits component_max) const {
    return value_clamped(find(id), component_max);
  }

  /// Counts `hits` under this node's own origin. O(1), no allocation for a known counter.
  /// Errors (state unchanged): table_full, window_out_of_range.
  Result<ComponentIndex> add_own(const CounterId& id, Hits hits, WallTime wall) {
    return add_own(find(id), id, hits, wall);
  }
  /// The same; `row` is what `find(id)` says.
  Result<ComponentIndex> add_own(CounterRow row, const CounterId& id, Hits hits, WallTime wall) {
    if (row == no_counter_row || !counters_[row.value].has_own) return add_first_own(row, id, hits, wall);
    Counter& counter = counters_[row.value];
    counter.own = saturating_add(counter.own, hits);
    counter.sum = saturating_add(counter.sum, hits);
    return ComponentIndex{row.value};
  }

  /// Raises the component of `origin` to at least `hits`.
  /// Errors (state unchanged): table_full, window_out_of_range.
  Result<ComponentIndex> join(OriginIndex origin, const CounterId& id, Hits hits, WallTime wall);

  /// A component that will probably be raised, or made, and this node's own of the same counter, now or once
  /// it counts there. `no_component`: nobody knows yet.
  struct Expected {
    ComponentIndex component = no_component;
    ComponentIndex own = no_component;
  };
  static constexpr std::size_t expected_max = 32;
  /// Brings near what `join` of each of these will look at: a join waits for memory three times, one place
  /// naming the next, and here all of them wait together. `where` is as long as `ids`, and at most
  /// `expected_max`.
  void expect(OriginIndex origin, std::span<const CounterId> ids, std::span<Expected> where) const;

  /// This node's own component of a counter, or none. O(1).
  ComponentIndex own_component(CounterRow row) const {
    return row != no_counter_row && counters_[row.value].has_own ? ComponentIndex{row.value} : no_component;
  }
  ComponentIndex own_component(const CounterId& id) const { return own_component(find(id)); }
  /// What `own_component` will be as soon as this node counts there. Does not look at the row.
  static ComponentIndex own_component_to_be(CounterRow row) { return ComponentIndex{row.value}; }
  /// True if `add_own` would find room.
  bool has_room_for_own(CounterRow row) const {
    if (own_component(row) != no_component) return true;
    return !components_full() && (row != no_counter_row || !counters_full());
  }
  bool has_room_for_own(const CounterId& id) const { return has_room_for_own(find(id)); }

  /// `index` must name a live component.
  Component component(ComponentIndex index) const {
    if (is_own(index)) return {id_of(index.value), own_origin, counters_[index.value].own};
    const Other& other = other_at(index);
    return {id_of(other.counter), other.origin, other.hits};
  }
  Hits hits(ComponentIndex index) const {
    return is_own(index) ? counters_[index.value].own : other_at(index).hits;
  }

  /// This node's own component of the same counter, or none; and the counter's merged value.
  ComponentIndex own_beside(ComponentIndex index) const { return own_component(row_beside(index)); }
  Hits value_beside(ComponentIndex index) const { return value(row_beside(index)); }

  /// Calls `visit` with each component of a counter.
  void for_each_component(const CounterId& id, const std::function<void(const Component&)>& visit) const;

  /// Calls `visit(id, value)` for each counter in the rows [from, from + count), in no order that means
  /// anything. Between two such calls counters may come and go: one that is there all the time is visited
  /// once, others once or not at all.
  template <class Visit>
  void for_each_counter(std::size_t from, std::size_t count, const Visit& visit) const {
    const std::size_t end = std::min<std::size_t>(counters_used_, from + std::min(count, rows_count()));
    for (std::size_t row = from; row < end; ++row) {
      const Counter& counter = counters_[row];
      if (counter.has_own || counter.first_other != none)
        visit(id_of(static_cast<std::uint32_t>(row)), counter.sum);
    }
  }
  /// Rows there are, free ones included.
  std::size_t rows_count() const { return counters_used_; }

  /// Drops counters whose time is over, one after the other until they had `budget` components or more;
  /// `forget` is called for each component before its index is free for reuse. Returns how many counters
  /// went.
  std::size_t expire(WallTime wall, std::size_t budget, const std::function<void(ComponentIndex)>& forget);

  /// When the next counter's time is over, in ms since the epoch; the maximum if there is none.
  std::uint64_t next_expiry_ms() const;

  /// True if a new counter, or a new origin's share of a known one, would be refused.
  bool full() const { return components_full() || counters_full(); }

  /// How often a new counter, or a new origin's share of a known one, found no room.
  std::uint64_t refused_count() const { return refused_count_; }
  std::size_t counters_count() const { return counters_count_; }
  std::size_t components_count() const { return components_count_; }
  std::size_t counters_max() const { return options_.counters_max; }
  /// All component indices are below: first this node's, one for each counter, then those of others.
  std::size_t component_rows_max() const { return options_.counters_max + others_.size(); }
  const WindowRetention& retention() const { return options_.retention; }

 private:
  static constexpr std::uint32_t none = std::numeric_limits<std::uint32_t>::max();

  struct Counter {
    std::uint64_t key = 0;
    Hits sum = 0;
    Hits own = 0;                   // this node's component
    std::uint32_t window : 31 = 0;  // in `windows_`
    std::uint32_t has_own : 1 = 0;
    std::uint32_t first_other = 0;  // list of the other origins' components
  };
  static_assert(sizeof(Counter) == 32);

  /// Another origin's component; a free one is in the list of free ones by `next`.
  struct Other {
    Hits hits = 0;
    OriginIndex origin;
    std::uint32_t counter = 0;
    std::uint32_t next = 0;  // of the same counter
    std::uint32_t hash = 0;  // in `others_index_`
  };
  static_assert(sizeof(Other) == 24);

  /// A window with counters: those that expire together.
  struct LiveWindow {
    Window window;
    std::uint32_t first = 0;  // list of its counters by `next_`; of a free row: the next free one
  };

  // By (expiry in ms, window).
  using Bucket = std::pair<std::uint64_t, Window>;

  std::uint64_t hash_of(const CounterId& id) const;
  /// Of another origin's component in the counter of this hash.
  static std::uint32_t hash_of_other(std::uint64_t counter_hash, OriginIndex origin) {
    return static_cast<std::uint32_t>((counter_hash + origin.value) * 0xd6e8feb86659fd93 >> 32);
  }
  CounterId id_of(std::uint32_t row) const {
    const Counter& counter = counters_[row];
    return {CounterKey{counter.key}, windows_[counter.window].window};
  }
  std::uint32_t row_of(const CounterId& id, std::uint64_t hash) const {
    return index_.find(hash, [&](std::uint32_t row) { return is_of(row, id); });
  }
  bool is_of(std::uint32_t row, const CounterId& id) const {
    const Counter& counter = counters_[row];
    return counter.key == id.key.value && windows_[counter.window].window == id.window;
  }

  bool is_own(ComponentIndex index) const { return index.value < options_.counters_max; }
  const Other& other_at(ComponentIndex index) const { return others_[index.value - options_.counters_max]; }
  ComponentIndex index_of_other(std::uint32_t other) const {
    return ComponentIndex{options_.counters_max + other};
  }
  CounterRow row_beside(ComponentIndex index) const {
    return CounterRow{is_own(index) ? index.value : other_at(index).counter};
  }

  Hits sum_of_clamped(CounterRow row, Hits component_max) const;
  Result<ComponentIndex> add_first_own(CounterRow row, const CounterId& id, Hits hits, WallTime wall);
  Result<std::uint32_t> insert(const CounterId& id, WallTime wall);
  std::uint32_t window_row(const Window& window);
  std::uint32_t insert_other(std::uint32_t counter, OriginIndex origin, std::uint32_t hash);
  bool components_full() const { return components_count_ >= options_.components_max; }
  bool counters_full() const { return counters_count_ >= options_.counters_max; }
  tl::unexpected<Error> refuse() {
    ++refused_count_;
    return fail(ErrorCode::table_full);
  }
  /// Returns how many components went.
  std::size_t release(std::uint32_t counter, const std::function<void(ComponentIndex)>& forget);

  Options options_;
  CounterIndex index_;
  ZeroedArray<Counter> counters_;
  ZeroedArray<std::uint32_t> next_;  // by counter: the next one of its window, or the next free row
  ZeroedArray<Other> others_;
  GrowingIndex others_index_;  // by counter and origin
  ZeroedArray<LiveWindow> windows_;
  std::map<Bucket, std::uint32_t> buckets_;  // rows of `windows_`
  std::uint32_t newest_window_ = 0;          // row of the window that got a counter last
  std::uint32_t counters_used_ = 0;          // rows that were ever used, free ones included
  std::uint32_t others_used_ = 0;
  std::uint32_t windows_used_ = 0;
  std::uint32_t free_counter_ = none;
  std::uint32_t free_other_ = none;
  std::uint32_t free_window_ = none;
  std::size_t counters_count_ = 0;
  std::size_t components_count_ = 0;
  std::uint64_t refused_count_ = 0;
};

}  // namespace starling
