#include "counter/counter_table.hpp"

#include <limits>

#include "base/check.hpp"

namespace starling {

CounterTable::CounterTable(Options options) : options_(options) {
  STARLING_CHECK(options.counters_max > 0 && options.counters_max < none);
  STARLING_CHECK(options.components_max > 0 && options.components_max < none);
  // Reserved, not touched: the pages become resident as they are used.
  index_.reserve(options.counters_max);
  counters_.reserve(options.counters_max);
  components_.reserve(options.components_max);
}

const CounterTable::Counter* CounterTable::find(const CounterId& id) const {
  const auto found = index_.find(id);
  return found == index_.end() ? nullptr : &counters_[found->second];
}

Hits CounterTable::value(const CounterId& id) const {
  const Counter* counter = find(id);
  return counter == nullptr ? 0 : counter->sum;
}

Hits CounterTable::value_clamped(const CounterId& id, Hits component_max) const {
  const Counter* counter = find(id);
  if (counter == nullptr) return 0;
  if (counter->sum <= component_max) return counter->sum;  // then no single component exceeds it either
  Hits sum = counter->own == none ? 0 : std::min(components_[counter->own].hits, component_max);
  for (std::uint32_t row = counter->first_other; row != none; row = components_[row].next)
    sum = saturating_add(sum, std::min(components_[row].hits, component_max));
  return sum;
}

bool CounterTable::components_full() const {
  return free_component_ == none && components_.size() >= options_.components_max;
}

ComponentIndex CounterTable::own_component(const CounterId& id) const {
  const Counter* counter = find(id);
  return counter == nullptr ? no_component : ComponentIndex{counter->own};
}

bool CounterTable::has_room_for_own(const CounterId& id) const {
  const Counter* counter = find(id);
  if (counter != nullptr && counter->own != none) return true;
  if (components_full()) return false;
  return counter != nullptr || free_counter_ != none || counters_.size() < options_.counters_max;
}

Result<std::uint32_t> CounterTable::find_or_insert(const CounterId& id, WallTime wall) {
  const auto found = index_.find(id);
  if (found != index_.end()) return found->second;
  if (!options_.retention.accepts(id.window, wall)) return fail(ErrorCode::window_out_of_range);

  std::uint32_t row = free_counter_;
  if (row != none) {
    free_counter_ = counters_[row].next;
    counters_[row] = Counter{};
  } else {
    if (counters_.size() >= options_.counters_max) return refuse();
    row = static_cast<std::uint32_t>(counters_.size());
    counters_.emplace_back();
  }
  Counter& counter = counters_[row];
  counter.id = id;
  const auto [bucket, fresh] =
      buckets_.try_emplace(Bucket{options_.retention.expires_ms(id.window), id.window}, none);
  counter.next = bucket->second;
  bucket->second = row;
  index_.emplace(id, row);
  return row;
}

std::uint32_t CounterTable::insert_component(std::uint32_t counter, OriginIndex origin) {
  std::uint32_t row = free_component_;
  if (row != none) {
    free_component_ = components_[row].next;
    --free_components_count_;
  } else {
    row = static_cast<std::uint32_t>(components_.size());
    components_.emplace_back();
  }
  components_[row] = Row{.hits = 0, .origin = origin, .counter = counter, .next = none};
  Counter& owner = counters_[counter];
  if (origin == own_origin) {
    owner.own = row;
  } else {
    components_[row].next = owner.first_other;
    owner.first_other = row;
  }
  return row;
}

Result<ComponentIndex> CounterTable::add_own(const CounterId& id, Hits hits, WallTime wall) {
  if (!has_room_for_own(id)) return refuse();
  const auto row = find_or_insert(id, wall);
  if (!row) return tl::unexpected(row.error());
  Counter& counter = counters_[*row];
  if (counter.own == none) insert_component(*row, own_origin);
  Row& own = components_[counter.own];
  own.hits = saturating_add(own.hits, hits);
  counter.sum = saturating_add(counter.sum, hits);
  return ComponentIndex{counter.own};
}

Result<ComponentIndex> CounterTable::join(OriginIndex origin, const CounterId& id, Hits hits, WallTime wall) {
  STARLING_CHECK(origin != own_origin);
  // Known counters are joined even when the table is full; that takes a component row at most.
  const Counter* known = find(id);
  std::uint32_t row = known == nullptr ? none : known->first_other;
  while (row != none && components_[row].origin != origin) row = components_[row].next;
  if (row == none) {
    if (components_full()) return refuse();
    const auto counter = find_or_insert(id, wall);
    if (!counter) return tl::unexpected(counter.error());
    row = insert_component(*counter, origin);
  }
  Row& component = components_[row];
  if (hits > component.hits) {
    Counter& counter = counters_[component.counter];
    counter.sum = saturating_add(counter.sum, hits - component.hits);
    component.hits = hits;
  }
  return ComponentIndex{row};
}

Component CounterTable::component(ComponentIndex index) const {
  const Row& row = components_[index.value];
  return Component{.counter = counters_[row.counter].id, .origin = row.origin, .hits = row.hits};
}

void CounterTable::for_each_component(const CounterId& id,
                                      const std::function<void(const Component&)>& visit) const {
  const Counter* counter = find(id);
  if (counter == nullptr) return;
  if (counter->own != none) visit(component(ComponentIndex{counter->own}));
  for (std::uint32_t row = counter->first_other; row != none; row = components_[row].next)
    visit(component(ComponentIndex{row}));
}

void CounterTable::release(std::uint32_t row, const std::function<void(ComponentIndex)>& forget) {
  const auto free_component = [&](std::uint32_t component) {
    forget(ComponentIndex{component});
    components_[component].counter = none;
    components_[component].next = free_component_;
    free_component_ = component;
    ++free_components_count_;
  };
  Counter& counter = counters_[row];
  if (counter.own != none) free_component(counter.own);
  for (std::uint32_t other = counter.first_other; other != none;) {
    const std::uint32_t next = components_[other].next;
    free_component(other);
    other = next;
  }
  index_.erase(counter.id);
  counter = Counter{};
  counter.next = free_counter_;
  free_counter_ = row;
}

std::size_t CounterTable::expire(WallTime wall, std::size_t budget,
                                 const std::function<void(ComponentIndex)>& forget) {
  std::size_t gone = 0;
  while (gone < budget && !buckets_.empty() && buckets_.begin()->first.first <= ms_since_epoch(wall)) {
    std::uint32_t& head = buckets_.begin()->second;
    const std::uint32_t row = head;
    head = counters_[row].next;
    if (head == none) buckets_.erase(buckets_.begin());
    release(row, forget);
    ++gone;
  }
  return gone;
}

std::uint64_t CounterTable::next_expiry_ms() const {
  return buckets_.empty() ? std::numeric_limits<std::uint64_t>::max() : buckets_.begin()->first.first;
}

}  // namespace starling
