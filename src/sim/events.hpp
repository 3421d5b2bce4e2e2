/// What will happen, in the order in which it will.
///
/// Events are small and plain; what they carry (a datagram, a load, an action) waits in a `Slots` and is used
/// again, so that a run of millions of events hardly allocates.
#pragma once

#include <cstdint>
#include <deque>
#include <queue>
#include <utility>
#include <vector>

#include "base/time.hpp"

namespace starling::sim {

struct Event {
  enum class Kind : std::uint8_t { tick, deliver, arrival, resolve, resume, action };
  Instant at;
  std::uint64_t sequence = 0;  ///< first come, first served among those at one instant
  Kind kind{};
  std::uint32_t node = 0;
  std::uint32_t slot = 0;  ///< deliver, arrival, action
  std::uint64_t life = 0;  ///< tick, resolve, resume: void if the node has died since
};

class EventQueue {
 public:
  void push(Event event) {
    event.sequence = next_sequence_++;
    queue_.push(event);
  }
  bool empty() const { return queue_.empty(); }
  Instant next_at() const { return queue_.empty() ? never : queue_.top().at; }
  Event pop() {
    const Event event = queue_.top();
    queue_.pop();
    return event;
  }

 private:
  struct Later {
    bool operator()(const Event& a, const Event& b) const {
      return a.at != b.at ? a.at > b.at : a.sequence > b.sequence;
    }
  };
  std::priority_queue<Event, std::vector<Event>, Later> queue_;
  std::uint64_t next_sequence_ = 0;
};

/// A pool. References stay good while others are taken and freed.
template <class T>
class Slots {
 public:
  /// A place whose content is whatever was left there.
  std::uint32_t take() {
    if (free_.empty()) {
      rows_.emplace_back();
      return static_cast<std::uint32_t>(rows_.size() - 1);
    }
    const std::uint32_t slot = free_.back();
    free_.pop_back();
    return slot;
  }
  void free(std::uint32_t slot) { free_.push_back(slot); }
  T& operator[](std::uint32_t slot) { return rows_[slot]; }
  std::size_t used_count() const { return rows_.size() - free_.size(); }

 private:
  std::deque<T> rows_;
  std::vector<std::uint32_t> free_;
};

}  // namespace starling::sim
