/// Our own components with hits that nobody has been told of yet, and when to tell.
///
/// Three queues. Urgent: the flush rule wants it out; all that becomes urgent within `flush_coalesce` of the
/// last flush shares its packets, and the first one after a pause goes at once. Lazy: everything else, at the
/// next beat of a slow clock whose phase differs from node to node. Late: what is so far from its limit that
/// it makes no difference to anybody's decision. A beat takes two thousand of these, so that where little
/// happens everything is told with the next beat; of more each waits for up to eight beats, or until its
/// window ends, and callers who come again and again are told of once in that time instead of eight times.
/// After the end they must not wait: others take in what is at most a window old.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "base/ids.hpp"
#include "base/random.hpp"
#include "base/time.hpp"
#include "base/zeroed_array.hpp"
#include "gossip/late_list.hpp"

namespace starling {

class PublishQueue {
 public:
  static constexpr std::size_t late_per_beat_min_default = 2048;

  struct Options {
    Duration flush_coalesce = std::chrono::microseconds(500);
    Duration sync_interval = std::chrono::milliseconds(500);
    std::size_t late_per_beat_min = late_per_beat_min_default;  ///< that a beat takes, if there are as many
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
  /// The same for one that makes no difference yet, and may wait for the first beat after `until`; if it
  /// waits for the next beat already, it still does.
  void add_late(ComponentIndex component, Hits limit, Instant until, Instant now);

  /// The limit given for a component that waits for a beat; nothing if it does not.
  std::optional<Hits> limit_of_waiting(ComponentIndex component) const {
    if (component.value >= items_.size()) return std::nullopt;
    const Item& item = items_[component.value];
    if (item.queued != Queued::lazy && item.queued != Queued::late) return std::nullopt;
    return item.limit;
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
  Instant lazy_at() const { return lazy_.empty() && late_.empty() ? never : beat_at_; }
  /// There is no room to send them before `until`.
  void postpone_urgent(Instant until) { flush_at_ = until; }
  void postpone_lazy(Instant until) { beat_at_ = until; }

  bool empty() const { return queued_count_ == 0; }
  /// Places in use in all queues, those of components that were forgotten meanwhile included.
  std::size_t places_count() const { return urgent_.size() + lazy_.size() - lazy_taken_ + late_.size(); }
  Instant next_deadline() const;

 private:
  enum class Queued : std::uint8_t { no, late, lazy, urgent };
  struct Item {  // all zeros: nothing was ever published, nothing waits
    Hits published = 0;
    Hits limit = 0;
    Queued queued = Queued::no;
    bool in_lazy_list = false;
    bool in_late_list = false;
  };

  void enqueue(Item& item, Queued which, Instant now);
  void take(ComponentIndex component, Queued which, std::vector<ComponentIndex>& due);
  void begin_beat();
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
  std::size_t beat_end_ = 0;    // how much of `lazy_` that beat takes
  LateList late_;
  bool in_beat_ = false;  // one is being taken
  std::size_t queued_count_ = 0;
  Instant last_flush_{};
  Instant flush_at_ = never;
  Instant beat_at_{};
  bool has_beat_ = false;
};

}  // namespace starling
