/// Our own components with hits that nobody has been told of yet, and when to tell.
///
/// Two queues. Urgent: the flush rule wants it out; all that becomes urgent within `flush_coalesce` of the
/// last flush shares its packets, and the first one after a pause goes at once. Lazy: everything else, at the
/// next beat of a slow clock whose phase differs from node to node.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "base/ids.hpp"
#include "base/random.hpp"
#include "base/time.hpp"
#include "base/zeroed_array.hpp"

namespace starling {

class PublishQueue {
 public:
  struct Options {
    Duration flush_coalesce = std::chrono::microseconds(500);
    Duration sync_interval = std::chrono::milliseconds(500);
    std::size_t components_max = 0;
  };

  /// Of one beat this many are taken at a time, the rest in the next turns: half a second of a flood of new
  /// callers is 50,000 counters, and a request must not wait for them all. What is added meanwhile waits for
  /// the next beat: else a flood would make one beat last as long as itself.
  static constexpr std::size_t lazy_per_turn_max = 2048;

  PublishQueue(Options options, Random& random);

  /// Brings near what `add` will look at.
  void prefetch(ComponentIndex component) const { items_.prefetch(component.value); }

  /// `component` has unpublished hits: publish them now (`urgent`) or with the next beat. `limit` is what its
  /// counter is held to.
  void add(ComponentIndex component, Hits limit, bool urgent, Instant now);

  /// The limit given for a component that waits for the next beat; nothing if it does not.
  std::optional<Hits> limit_of_waiting(ComponentIndex component) const {
    if (component.value >= items_.size() || items_[component.value].queued != Queued::lazy)
      return std::nullopt;
    return items_[component.value].limit;
  }

  Hits published(ComponentIndex component) const {
    return component.value < items_.size() ? items_[component.value].published : 0;
  }
  void set_published(ComponentIndex component, Hits hits) { items_[component.value].published = hits; }

  /// The component is gone; its row may come back as another.
  void forget(ComponentIndex component);

  /// Takes what is due at `now` out of the queues and appends it to `due`, of what waited for the beat at
  /// most `lazy_per_turn_max`; the rest stays due. Returns true if something was urgent.
  bool take_due(Instant now, std::vector<ComponentIndex>& due);
  /// Likewise what is urgent alone.
  bool take_urgent(Instant now, std::vector<ComponentIndex>& due);
  /// Takes everything.
  void take_all(Instant now, std::vector<ComponentIndex>& due);

  /// When urgent and lazy components fall due; `never` if there are none.
  Instant urgent_at() const { return flush_at_; }
  Instant lazy_at() const { return lazy_.empty() ? never : beat_at_; }
  /// There is no room to send them before `until`.
  void postpone_urgent(Instant until) { flush_at_ = until; }
  void postpone_lazy(Instant until) { beat_at_ = until; }

  bool empty() const { return queued_count_ == 0; }
  /// Places in use in both queues, those of components that were forgotten meanwhile included.
  std::size_t places_count() const { return urgent_.size() + lazy_.size() - lazy_taken_; }
  Instant next_deadline() const;

 private:
  enum class Queued : std::uint8_t { no, lazy, urgent };
  struct Item {  // all zeros: nothing was ever published, nothing waits
    Hits published = 0;
    Hits limit = 0;
    Queued queued = Queued::no;
    bool in_lazy_list = false;
  };

  void take(std::span<const ComponentIndex> from, Queued which, std::vector<ComponentIndex>& due);
  /// True if that was the last part of the beat.
  bool take_lazy(std::size_t count_max, std::vector<ComponentIndex>& due);
  void next_beat(Instant now);

  Options options_;
  Random& random_;
  ZeroedArray<Item> items_;
  // May name components that were forgotten or promoted since: `items_` tells.
  std::vector<ComponentIndex> urgent_;
  std::vector<ComponentIndex> lazy_;
  std::size_t lazy_taken_ = 0;  // of the front of `lazy_`, while a beat is being taken
  std::size_t beat_end_ = 0;    // how much of `lazy_` that beat takes; 0: none is being taken
  std::size_t queued_count_ = 0;
  Instant last_flush_{};
  Instant flush_at_ = never;
  Instant beat_at_{};
  bool has_beat_ = false;
};

}  // namespace starling
