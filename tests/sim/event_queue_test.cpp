#include "sim/event_queue.hpp"

#include <doctest/doctest.h>

#include <array>
#include <cstddef>

namespace starling::sim {
namespace {

constexpr Instant at(int ms) {
  return Instant(std::chrono::milliseconds(ms));
}

}  // namespace

TEST_SUITE("sim.event_queue") {
  TEST_CASE("events come out by time, and those of the same moment in the order they were put in") {
    EventQueue queue;
    for (const NodeIndex node : {5, 1, 4}) queue.add_tick(at(2), node, 7);
    queue.add_tick(at(1), 9, 8);
    queue.add_action(at(2), [] {});
    CHECK(queue.next_at() == at(1));
    EventQueue::Event event = queue.pop();
    CHECK(event.slot == 9);
    CHECK(event.life == 8);
    for (const NodeIndex node : {5, 1, 4}) CHECK(queue.pop().slot == node);
    CHECK(queue.pop().kind == EventQueue::Kind::action);
    CHECK(queue.empty());
  }

  TEST_CASE("a datagram stays as it is while it is handled, and its room is used again afterwards") {
    EventQueue queue;
    const std::array<std::byte, 3> bytes{std::byte{1}, std::byte{2}, std::byte{3}};
    queue.add_arrival(at(1), 2, 3, Port::heartbeat, bytes);
    const EventQueue::Event first = queue.pop();
    const InTransit& datagram = queue.datagram(first);
    for (int i = 0; i < 1000; ++i) queue.add_arrival(at(5), 0, 1, Port::sync, {});
    CHECK(datagram.from == 2);
    CHECK(datagram.to == 3);
    CHECK(datagram.port == Port::heartbeat);
    CHECK(datagram.bytes == std::vector<std::byte>(bytes.begin(), bytes.end()));
    queue.release_datagram(first);
    queue.add_arrival(at(2), 0, 1, Port::sync, {});
    const EventQueue::Event second = queue.pop();
    CHECK(second.slot == first.slot);
    CHECK(queue.datagram(second).bytes.empty());
  }

  TEST_CASE("an action may put in others while it runs") {
    EventQueue queue;
    int ran = 0;
    queue.add_action(at(1), [&] {
      ++ran;
      for (int i = 0; i < 100; ++i) queue.add_action(at(2), [&ran] { ++ran; });
    });
    while (!queue.empty()) queue.take_action(queue.pop())();
    CHECK(ran == 101);
  }
}

}  // namespace starling::sim
