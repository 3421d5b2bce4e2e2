#include "gossip/publish_queue.hpp"

#include <algorithm>

#include "base/check.hpp"

namespace starling {

PublishQueue::PublishQueue(Options options, Random& random)
    : options_(options), random_(random), items_(options.components_max) {
  STARLING_CHECK(options_.sync_interval > Duration::zero());
  // Each component stands there once at most.
  lazy_.reserve(options.components_max);
}

void PublishQueue::next_beat(Instant now) {
  if (!has_beat_) {
    has_beat_ = true;
    beat_at_ = now + Duration(static_cast<std::int64_t>(
                         random_.below(static_cast<std::uint64_t>(options_.sync_interval.count()))));
  }
  if (beat_at_ <= now) beat_at_ += options_.sync_interval * ((now - beat_at_) / options_.sync_interval + 1);
}

void PublishQueue::enqueue(Item& item, Queued which, Instant now) {
  if (item.queued == Queued::no) {
    if (queued_count_ == 0) {
      next_beat(now);
      in_beat_ = false;
    }
    ++queued_count_;
  }
  item.queued = which;
}

void PublishQueue::add(ComponentIndex component, Hits limit, bool urgent, Instant now) {
  Item& item = items_[component.value];
  item.limit = limit;
  if (urgent && item.queued != Queued::urgent) {
    enqueue(item, Queued::urgent, now);
    urgent_.push_back(component);
    flush_at_ = std::min(flush_at_, std::max(now, last_flush_ + options_.flush_coalesce));
  } else if (item.queued == Queued::no || item.queued == Queued::late) {
    enqueue(item, Queued::lazy, now);
    if (!item.in_lazy_list) lazy_.push_back(component);
    item.in_lazy_list = true;
  }
}

void PublishQueue::add_late(ComponentIndex component, Hits limit, Instant until, Instant now) {
  Item& item = items_[component.value];
  item.limit = limit;
  if (item.queued != Queued::no) return;
  enqueue(item, Queued::late, now);
  if (item.in_late_list) return;
  item.in_late_list = true;
  std::uint32_t beats = 1;
  for (Instant at = beat_at_; at < until && beats < LateList::beats_max; at += options_.sync_interval)
    ++beats;
  late_.add(component, beats);
}

void PublishQueue::forget(ComponentIndex component) {
  if (component.value >= items_.size()) return;
  Item& item = items_[component.value];
  if (item.queued != Queued::no) --queued_count_;
  // Its place in the list serves whoever gets the row: while nothing may be sent, rows that change hands with
  // every window would take a new place each time.
  item = Item{.in_lazy_list = item.in_lazy_list, .in_late_list = item.in_late_list};
}

void PublishQueue::take(ComponentIndex component, Queued which, std::vector<ComponentIndex>& due) {
  Item& item = items_[component.value];
  if (which == Queued::lazy) item.in_lazy_list = false;
  if (which == Queued::late) item.in_late_list = false;
  if (item.queued != which) return;
  item.queued = Queued::no;
  --queued_count_;
  due.push_back(component);
}

void PublishQueue::begin_beat() {
  if (in_beat_) return;
  in_beat_ = true;
  beat_end_ = lazy_.size();
  late_.begin_beat(options_.late_per_beat_min);
}

bool PublishQueue::take_lazy(std::size_t count_max, std::vector<ComponentIndex>& due) {
  begin_beat();
  std::size_t left = count_max;
  for (; left > 0 && lazy_taken_ < beat_end_; --left) take(lazy_[lazy_taken_++], Queued::lazy, due);
  for (; left > 0 && late_.has_due(); --left) take(late_.take_due(), Queued::late, due);
  if (lazy_taken_ < beat_end_ || late_.has_due()) return false;
  lazy_.erase(lazy_.begin(), lazy_.begin() + static_cast<std::ptrdiff_t>(beat_end_));
  lazy_taken_ = 0;
  in_beat_ = false;
  return true;
}

bool PublishQueue::take_urgent(Instant now, std::vector<ComponentIndex>& due) {
  if (flush_at_ > now) return false;
  for (const ComponentIndex component : urgent_) take(component, Queued::urgent, due);
  urgent_.clear();
  last_flush_ = now;
  flush_at_ = never;
  return true;
}

bool PublishQueue::take_due(Instant now, std::vector<ComponentIndex>& due) {
  const bool urgent = take_urgent(now, due);
  if (!empty() && beat_at_ <= now) {
    if (take_lazy(lazy_per_turn_max, due)) next_beat(now);
  }
  return urgent;
}

void PublishQueue::take_all(Instant now, std::vector<ComponentIndex>& due) {
  for (const ComponentIndex component : urgent_) take(component, Queued::urgent, due);
  urgent_.clear();
  begin_beat();
  beat_end_ = lazy_.size();
  late_.make_all_due();
  take_lazy(lazy_.size() + late_.size(), due);
  last_flush_ = now;
  flush_at_ = never;
}

Instant PublishQueue::next_deadline() const {
  return empty() ? never : std::min(flush_at_, beat_at_);
}

}  // namespace starling
