#include "counter/counter_table.hpp"

#include <array>

#include "base/check.hpp"

namespace starling {
namespace {

/// Rows of others' components come after those of our own, in what 32 bits can number.
std::uint32_t others_max(const CounterTable::Options& options) {
  return std::min(options.components_max,
                  std::numeric_limits<std::uint32_t>::max() - 1 - options.counters_max);
}

}  // namespace

CounterTable::CounterTable(Options options)
    : options_(options),
      index_(options.counters_max),
      counters_(options.counters_max),
      next_(options.counters_max),
      others_(others_max(options)),
      others_index_(others_max(options)),
      windows_(options.counters_max) {
  STARLING_CHECK(options.counters_max > 0 && options.counters_max < none / 2);
  STARLING_CHECK(options.components_max > 0 && options.components_max < none);
}

std::uint64_t CounterTable::hash_of(const CounterId& id) const {
  __extension__ using Wide = unsigned __int128;
  // The key is a hash already. Both halves of a product by an odd number mix in the window and what only this
  // process knows.
  const std::uint64_t window = (id.window.id.value << 25 | id.window.id.value >> 39) ^ id.window.length_s;
  const Wide product = Wide{(id.key.value ^ options_.seed) + window * 0xd6e8feb86659fd93} *
                       (0x9e3779b97f4a7c15 ^ (options_.seed << 1));
  return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
}

Hits CounterTable::sum_of_clamped(CounterRow row, Hits component_max) const {
  const Counter& counter = counters_[row.value];
  Hits sum = std::min(counter.own, component_max);
  for (std::uint32_t other = counter.first_other; other != none; other = others_[other].next)
    sum = saturating_add(sum, std::min(others_[other].hits, component_max));
  return sum;
}

std::uint32_t CounterTable::window_row(const Window& window) {
  const auto [bucket, fresh] =
      buckets_.try_emplace(Bucket{options_.retention.expires_ms(window), window}, free_window_);
  if (!fresh) return bucket->second;
  // There are never more windows with counters than counters.
  if (free_window_ == none)
    bucket->second = windows_used_++;
  else
    free_window_ = windows_[free_window_].first;
  windows_[bucket->second] = LiveWindow{.window = window, .first = none};
  return bucket->second;
}

Result<std::uint32_t> CounterTable::insert(const CounterId& id, WallTime wall) {
  if (!options_.retention.accepts(id.window, wall)) return fail(ErrorCode::window_out_of_range);
  if (counters_full()) return refuse();
  std::uint32_t row = free_counter_;
  if (row != none)
    free_counter_ = next_[row];
  else
    row = counters_used_++;
  // Nearly every new counter is of the window that the one before it is of.
  if (windows_[newest_window_].window != id.window) newest_window_ = window_row(id.window);
  LiveWindow& window = windows_[newest_window_];
  next_[row] = window.first;
  window.first = row;
  counters_[row] = Counter{.key = id.key.value, .window = newest_window_ & 0x7FFF'FFFF, .first_other = none};
  index_.insert(hash_of(id), row);
  ++counters_count_;
  return row;
}

std::uint32_t CounterTable::insert_other(std::uint32_t counter, OriginIndex origin, std::uint32_t hash) {
  std::uint32_t other = free_other_;
  if (other != none)
    free_other_ = others_[other].next;
  else
    other = others_used_++;
  ++components_count_;
  others_[other] = Other{
      .hits = 0, .origin = origin, .counter = counter, .next = counters_[counter].first_other, .hash = hash};
  counters_[counter].first_other = other;
  others_index_.insert(hash, other, [this](std::uint32_t each) { return others_[each].hash; });
  return other;
}

Result<ComponentIndex> CounterTable::add_first_own(CounterRow row, const CounterId& id, Hits hits,
                                                   WallTime wall) {
  if (!has_room_for_own(row)) return refuse();
  if (row == no_counter_row) {
    const auto inserted = insert(id, wall);
    if (!inserted) return tl::unexpected(inserted.error());
    row = CounterRow{*inserted};
  }
  Counter& counter = counters_[row.value];
  counter.has_own = 1;
  counter.own = hits;
  counter.sum = saturating_add(counter.sum, hits);
  ++components_count_;
  return ComponentIndex{row.value};
}

Result<ComponentIndex> CounterTable::join(OriginIndex origin, const CounterId& id, Hits hits, WallTime wall) {
  STARLING_CHECK(origin != own_origin);
  // Known counters are joined even when the table is full; that takes a component row at most.
  const std::uint64_t counter_hash = hash_of(id);
  const std::uint32_t hash = hash_of_other(counter_hash, origin);
  std::uint32_t row = others_index_.find(hash, [&](std::uint32_t each) {
    return others_[each].origin == origin && is_of(others_[each].counter, id);
  });
  if (row == none) {
    if (components_full() || (free_other_ == none && others_used_ == others_.size())) return refuse();
    std::uint32_t counter = row_of(id, counter_hash);
    if (counter == none) {
      const auto inserted = insert(id, wall);
      if (!inserted) return tl::unexpected(inserted.error());
      counter = *inserted;
    }
    row = insert_other(counter, origin, hash);
  }
  Other& other = others_[row];
  if (hits > other.hits) {
    Hits& sum = counters_[other.counter].sum;
    sum = saturating_add(sum, hits - other.hits);
    other.hits = hits;
  }
  return index_of_other(row);
}

void CounterTable::expect(OriginIndex origin, std::span<const CounterId> ids,
                          std::span<Expected> where) const {
  STARLING_CHECK(ids.size() <= expected_max && ids.size() == where.size());
  std::array<std::uint64_t, expected_max> hashes{};
  std::array<std::uint32_t, expected_max> others{};
  for (std::size_t i = 0; i < ids.size(); ++i) {
    hashes[i] = hash_of(ids[i]);
    others_index_.prefetch(hash_of_other(hashes[i], origin));
  }
  for (std::size_t i = 0; i < ids.size(); ++i) {
    others[i] = others_index_.guess(hash_of_other(hashes[i], origin));
    if (others[i] == none)
      index_.prefetch(hashes[i]);
    else
      others_.prefetch(others[i]);
  }
  std::uint32_t next_other = free_other_ == none ? others_used_ : free_other_;
  for (std::size_t i = 0; i < ids.size(); ++i) {
    const bool is_new = others[i] == none;
    const std::uint32_t counter = is_new ? index_.guess(hashes[i]) : others_[others[i]].counter;
    if (counter != none) counters_.prefetch(counter);
    if (is_new) {
      // Of free rows only the first is known before it is taken.
      others[i] = next_other;
      others_.prefetch(next_other);
      if (free_other_ == none) ++next_other;
    }
    where[i] = {.component = index_of_other(others[i]),
                .own = counter == none ? no_component : own_component_to_be(CounterRow{counter})};
  }
}

void CounterTable::for_each_component(const CounterId& id,
                                      const std::function<void(const Component&)>& visit) const {
  const CounterRow row = find(id);
  if (row == no_counter_row) return;
  const Counter& counter = counters_[row.value];
  if (counter.has_own) visit({id, own_origin, counter.own});
  for (std::uint32_t other = counter.first_other; other != none; other = others_[other].next)
    visit({id, others_[other].origin, others_[other].hits});
}

std::size_t CounterTable::release(std::uint32_t row, const std::function<void(ComponentIndex)>& forget) {
  const std::size_t components_before = components_count_;
  Counter& counter = counters_[row];
  if (counter.has_own) {
    forget(ComponentIndex{row});
    --components_count_;
  }
  for (std::uint32_t other = counter.first_other; other != none;) {
    const std::uint32_t next = others_[other].next;
    forget(index_of_other(other));
    others_index_.erase(others_[other].hash, other);
    others_[other].next = free_other_;
    free_other_ = other;
    --components_count_;
    other = next;
  }
  index_.erase(row, [this](std::uint32_t each) { return hash_of(id_of(each)); });
  counter = Counter{.first_other = none};
  next_[row] = free_counter_;
  free_counter_ = row;
  --counters_count_;
  return components_before - components_count_;
}

std::size_t CounterTable::expire(WallTime wall, std::size_t budget,
                                 const std::function<void(ComponentIndex)>& forget) {
  std::size_t gone = 0;
  std::size_t components_gone = 0;
  while (components_gone < budget && !buckets_.empty() &&
         buckets_.begin()->first.first <= ms_since_epoch(wall)) {
    const std::uint32_t row = buckets_.begin()->second;
    LiveWindow& window = windows_[row];
    const std::uint32_t counter = window.first;
    window.first = next_[counter];
    const bool is_last = window.first == none;
    components_gone += release(counter, forget);
    ++gone;
    if (!is_last) continue;
    buckets_.erase(buckets_.begin());
    window = LiveWindow{.window = {.length_s = 0}, .first = free_window_};  // equal to none that is asked for
    free_window_ = row;
  }
  return gone;
}

std::uint64_t CounterTable::next_expiry_ms() const {
  return buckets_.empty() ? std::numeric_limits<std::uint64_t>::max() : buckets_.begin()->first.first;
}

}  // namespace starling
