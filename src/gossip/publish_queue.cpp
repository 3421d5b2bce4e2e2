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

void PublishQueue::add(ComponentIndex component, Hits limit, bool urgent, Instant now) {
  Item& item = items_[component.value];
  item.limit = limit;
  if (item.queued == Queued::no) {
    if (queued_count_ == 0) {
      next_beat(now);
      beat_end_ = 0;
    }
    ++queued_count_;
    if (!urgent) {
      item.queued = Queued::lazy;
      if (!item.in_lazy_list) lazy_.push_back(component);
      item.in_lazy_list = true;
    }
  }
  if (!urgent || item.queued == Queued::urgent) return;
  item.queued = Queued::urgent;
  urgent_.push_back(component);
  flush_at_ = std::min(flush_at_, std::max(now, last_flush_ + options_.flush_coalesce));
}

void PublishQueue::forget(ComponentIndex component) {
  if (component.value >= items_.size()) return;
  Item& item = items_[component.value];
  if (item.queued != Queued::no) --queued_count_;
  // Its place in the list serves whoever gets the row: while nothing may be sent, rows that change hands with
  // every window would take a new place each time.
  const bool in_lazy_list = item.in_lazy_list;
  item = Item{};
  item.in_lazy_list = in_lazy_list;
}

void PublishQueue::take(std::span<const ComponentIndex> from, Queued which,
                        std::vector<ComponentIndex>& due) {
  for (const ComponentIndex component : from) {
    Item& item = items_[component.value];
    if (which == Queued::lazy) item.in_lazy_list = false;
    if (item.queued != which) continue;
    item.queued = Queued::no;
    --queued_count_;
    due.push_back(component);
  }
}

bool PublishQueue::take_lazy(std::size_t count_max, std::vector<ComponentIndex>& due) {
  if (beat_end_ == 0) beat_end_ = lazy_.size();
  const std::size_t count = std::min(count_max, beat_end_ - lazy_taken_);
  take(std::span(lazy_).subspan(lazy_taken_, count), Queued::lazy, due);
  lazy_taken_ += count;
  if (lazy_taken_ < beat_end_) return false;
  lazy_.erase(lazy_.begin(), lazy_.begin() + static_cast<std::ptrdiff_t>(beat_end_));
  lazy_taken_ = beat_end_ = 0;
  return true;
}

bool PublishQueue::take_urgent(Instant now, std::vector<ComponentIndex>& due) {
  if (flush_at_ > now) return false;
  take(urgent_, Queued::urgent, due);
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
  take(urgent_, Queued::urgent, due);
  urgent_.clear();
  beat_end_ = lazy_.size();
  take_lazy(lazy_.size(), due);
  last_flush_ = now;
  flush_at_ = never;
}

Instant PublishQueue::next_deadline() const {
  return empty() ? never : std::min(flush_at_, beat_at_);
}

}  // namespace starling
