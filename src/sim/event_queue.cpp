#include "sim/event_queue.hpp"

#include <algorithm>
#include <utility>

namespace starling::sim {
namespace {

bool is_later(const EventQueue::Event& a, const EventQueue::Event& b) {
  return a.at != b.at ? a.at > b.at : a.sequence > b.sequence;
}

/// A slot nobody uses.
template <class Slots>
std::uint32_t take_slot(Slots& slots, std::vector<std::uint32_t>& free) {
  if (free.empty()) {
    slots.emplace_back();
    return static_cast<std::uint32_t>(slots.size() - 1);
  }
  const std::uint32_t slot = free.back();
  free.pop_back();
  return slot;
}

}  // namespace

void EventQueue::push(Event event) {
  event.sequence = next_sequence_++;
  heap_.push_back(event);
  std::push_heap(heap_.begin(), heap_.end(), is_later);
}

EventQueue::Event EventQueue::pop() {
  std::pop_heap(heap_.begin(), heap_.end(), is_later);
  const Event event = heap_.back();
  heap_.pop_back();
  return event;
}

void EventQueue::add_action(Instant at, std::function<void()> action) {
  const std::uint32_t slot = take_slot(actions_, free_actions_);
  actions_[slot] = std::move(action);
  push(Event{.at = at, .slot = slot, .kind = Kind::action});
}

std::function<void()> EventQueue::take_action(const Event& event) {
  free_actions_.push_back(event.slot);
  return std::exchange(actions_[event.slot], nullptr);
}

void EventQueue::add_tick(Instant at, NodeIndex node, std::uint64_t life) {
  push(Event{.at = at, .life = life, .slot = static_cast<std::uint32_t>(node), .kind = Kind::tick});
}

void EventQueue::add_arrival(Instant at, NodeIndex from, NodeIndex to, Port port,
                             std::span<const std::byte> bytes) {
  const std::uint32_t slot = take_slot(datagrams_, free_datagrams_);
  InTransit& datagram = datagrams_[slot];
  datagram.from = from;
  datagram.to = to;
  datagram.port = port;
  datagram.bytes.assign(bytes.begin(), bytes.end());
  push(Event{.at = at, .slot = slot, .kind = Kind::arrival});
}

}  // namespace starling::sim
