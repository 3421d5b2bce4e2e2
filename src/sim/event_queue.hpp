/// What happens next in a simulation, and when.
///
/// Nearly all events are datagrams on their way and nodes' timers, by the million; so an event is a few words
/// in a heap, and what it refers to (bytes, actions) lies in slots that are used again. Events of the same
/// moment happen in the order in which they were put in: a run is repeated bit for bit by its seed.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <span>
#include <vector>

#include "base/effects.hpp"
#include "base/time.hpp"

namespace starling::sim {

using NodeIndex = std::size_t;

/// A datagram on its way.
struct InTransit {
  NodeIndex from = 0;
  NodeIndex to = 0;
  Port port = Port::sync;
  std::vector<std::byte> bytes;
};

class EventQueue {
 public:
  enum class Kind : std::uint8_t { action, tick, arrival };
  struct Event {
    Instant at;
    std::uint64_t sequence = 0;
    std::uint64_t life = 0;  ///< tick: of the node that armed it
    std::uint32_t slot = 0;  ///< tick: the node
    Kind kind = Kind::action;
  };

  void add_action(Instant at, std::function<void()> action);
  void add_tick(Instant at, NodeIndex node, std::uint64_t life);
  void add_arrival(Instant at, NodeIndex from, NodeIndex to, Port port, std::span<const std::byte> bytes);

  bool empty() const { return heap_.empty(); }
  /// Of the event that `pop` would take; the queue must not be empty.
  Instant next_at() const { return heap_.front().at; }
  Event pop();

  /// What an event that was popped refers to. A datagram stays where it is until it is released, whatever is
  /// added meanwhile.
  std::function<void()> take_action(const Event& event);
  const InTransit& datagram(const Event& event) const { return datagrams_[event.slot]; }
  void release_datagram(const Event& event) { free_datagrams_.push_back(event.slot); }

 private:
  void push(Event event);

  std::vector<Event> heap_;
  std::uint64_t next_sequence_ = 0;
  std::deque<InTransit> datagrams_;
  std::vector<std::uint32_t> free_datagrams_;
  std::deque<std::function<void()>> actions_;
  std::vector<std::uint32_t> free_actions_;
};

}  // namespace starling::sim
