#include "membership/peer_delay.hpp"

#include <doctest/doctest.h>

#include <deque>
#include <functional>
#include <map>

#include "membership/membership.hpp"
#include "support.hpp"

namespace starling {
namespace {

using std::chrono::microseconds;

/// Memberships that send each other heartbeats over links of given delays.
struct Neighborhood {
  struct Node {
    Random random;
    RecordingEffects effects;
    Membership membership;
    explicit Node(std::uint64_t origin)
        : random(origin),
          membership(Membership::Options{.self = OriginId{origin}, .node_name = "n"}, random) {}
  };
  struct Flying {
    std::size_t from;
    std::size_t to;
    wire::Heartbeat heartbeat;
  };

  std::deque<Node> nodes;
  std::multimap<Instant, Flying> flying;
  Instant now{seconds(1000)};
  /// One way.
  std::function<Duration(std::size_t from, std::size_t to)> delay = [](auto, auto) {
    return microseconds(100);
  };
  /// What a node sends may be altered: an old one, or a liar.
  std::function<void(std::size_t from, wire::Heartbeat&)> alter = [](auto, auto&) {};

  explicit Neighborhood(std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) add();
  }
  void add() {
    nodes.emplace_back(1 + nodes.size());
    std::vector<Endpoint> listed;
    for (std::size_t i = 0; i < nodes.size(); ++i) listed.push_back(at(static_cast<std::uint8_t>(i)));
    for (Node& node : nodes) node.membership.on_resolved(listed, now, node.effects);
  }

  void send(std::size_t from, const Endpoint& to) {
    Flying flight{.from = from, .to = to.address.bytes[15], .heartbeat = {}};
    nodes[from].membership.compose(to, wire::NodeState::ready, now, WallTime{}, flight.heartbeat);
    alter(from, flight.heartbeat);
    flying.emplace(now + delay(from, flight.to), flight);
  }

  void pass(Duration duration) {
    const Instant end = now + duration;
    for (; now < end; now += microseconds(100)) {
      while (!flying.empty() && flying.begin()->first <= now) {
        const Flying flight = flying.begin()->second;
        flying.erase(flying.begin());
        Node& node = nodes[flight.to];
        const auto from = at(static_cast<std::uint8_t>(flight.from));
        const auto heard =
            node.membership.on_heartbeat(from, flight.heartbeat, now, WallTime{}, node.effects);
        if (heard && heard->reply_wanted) send(flight.to, from);
      }
      for (std::size_t i = 0; i < nodes.size(); ++i) {
        if (nodes[i].membership.next_deadline() > now) continue;
        Membership::Due due;
        nodes[i].membership.on_tick(now, nodes[i].effects, due);
        for (const Endpoint& to : due.heartbeats) send(i, to);
      }
    }
  }

  /// What all nodes agree on, in ms; 0 if they do not.
  std::int64_t agreed_ms() const {
    for (const Node& node : nodes)
      if (node.membership.peer_delay() != nodes[0].membership.peer_delay()) return 0;
    return std::chrono::duration_cast<milliseconds>(nodes[0].membership.peer_delay()).count();
  }
};

}  // namespace

TEST_SUITE("membership.peer_delay") {
  TEST_CASE("a delay is rounded up to a power of two from 1 ms to 64 ms") {
    const auto rounded_ms = [](Duration delay) {
      return std::chrono::duration_cast<milliseconds>(rounded_peer_delay(delay)).count();
    };
    CHECK(rounded_ms(Duration{}) == 1);
    CHECK(rounded_ms(milliseconds(-5)) == 1);
    CHECK(rounded_ms(milliseconds(1)) == 1);
    CHECK(rounded_ms(microseconds(1001)) == 2);
    CHECK(rounded_ms(milliseconds(4)) == 4);
    CHECK(rounded_ms(milliseconds(5)) == 8);
    CHECK(rounded_ms(milliseconds(64)) == 64);
    CHECK(rounded_ms(std::chrono::hours(1000)) == 64);
  }

  TEST_CASE("of nine round trips four may be slow and change nothing; the fifth is a new time") {
    RoundTrips trips;
    trips.add(milliseconds(900));
    trips.add(milliseconds(1));
    CHECK_FALSE(trips.typical().has_value());
    for (int i = 0; i < 7; ++i) trips.add(milliseconds(1));
    CHECK(trips.typical() == Duration(milliseconds(1)));
    for (int i = 0; i < 3; ++i) {
      trips.add(milliseconds(50));
      CHECK(trips.typical() == Duration(milliseconds(1)));
    }
    trips.add(milliseconds(50));
    trips.add(milliseconds(50));
    CHECK(trips.typical() == Duration(milliseconds(50)));
    for (int i = 0; i < 5; ++i) trips.add(milliseconds(1));
    CHECK(trips.typical() == Duration(milliseconds(1)));
  }

  TEST_CASE("what a node says goes up at once, down after five seconds well below, and does not swing") {
    MeasuredDelay measured;
    Instant now{seconds(100)};
    const auto ms_after = [&](Duration delay, Duration duration) {
      for (const Instant end = now + duration; now < end; now += milliseconds(250))
        measured.update(delay, now);
      return std::chrono::duration_cast<milliseconds>(measured.value()).count();
    };
    CHECK(ms_after(microseconds(600), seconds(1)) == 1);
    CHECK(ms_after(microseconds(2100), milliseconds(250)) == 4);
    CHECK(ms_after(microseconds(600), milliseconds(4500)) == 4);
    CHECK(ms_after(microseconds(600), seconds(2)) == 1);
    // Around a power of two: up once, and there it stays.
    CHECK(ms_after(microseconds(2100), milliseconds(250)) == 4);
    for (int i = 0; i < 100; ++i) {
      CHECK(ms_after(microseconds(1900), seconds(6)) == 4);
      CHECK(ms_after(microseconds(2050), seconds(6)) == 4);
    }
    CHECK(ms_after(microseconds(1700), seconds(6)) == 2);
    // One step down and back restarts the wait.
    CHECK(ms_after(milliseconds(10), milliseconds(250)) == 16);
    for (int i = 0; i < 10; ++i) {
      CHECK(ms_after(milliseconds(1), seconds(4)) == 16);
      CHECK(ms_after(milliseconds(10), milliseconds(250)) == 16);
    }
  }

  TEST_CASE("a node alone has the smallest") {
    Fixture f;
    f.pass(seconds(1));
    CHECK(f.membership.peer_delay() == peer_delay_min);
    f.meet(other, at(2));
    CHECK(f.compose(at(2)).peer_delay_us == 1000);
  }

  TEST_CASE("one slow link: all agree on its delay, who joins later too, and it goes when the link is gone") {
    Neighborhood net(4);
    net.delay = [](std::size_t from, std::size_t to) -> Duration {
      return from + to == 3 && from * to == 2 ? milliseconds(3) : microseconds(100);  // between 1 and 2
    };
    net.pass(seconds(3));
    CHECK(net.agreed_ms() == 8);  // 2 x 3 ms + 0.5 ms
    net.add();
    net.pass(seconds(1));
    CHECK(net.agreed_ms() == 8);
    net.delay = [](auto, auto) { return microseconds(100); };
    net.pass(seconds(10));
    CHECK(net.agreed_ms() == 1);
  }

  TEST_CASE("it decays although each node hears the large value from the others: nobody passes it on") {
    Neighborhood net(3);
    net.delay = [](std::size_t from, std::size_t to) -> Duration {
      return from == 2 || to == 2 ? milliseconds(12) : microseconds(100);
    };
    net.pass(seconds(3));
    CHECK(net.agreed_ms() == 32);
    // The slow node is gone.
    net.alter = [](std::size_t from, wire::Heartbeat& heartbeat) {
      if (from == 2) heartbeat.sender = heartbeat.recipient = OriginId{99};  // nobody's any more
    };
    const auto both = [&](Duration delay) {
      return net.nodes[0].membership.peer_delay() == delay && net.nodes[1].membership.peer_delay() == delay;
    };
    net.pass(seconds(10));
    CHECK(both(milliseconds(1)));
  }

  TEST_CASE("jitter and single slow packets leave it where it is") {
    Neighborhood net(5);
    Random random(7);
    std::size_t slow = 0;
    net.delay = [&](auto, auto) -> Duration {
      if (random.chance(0.02)) {
        ++slow;
        return milliseconds(30);
      }
      return microseconds(50) + Duration(static_cast<std::int64_t>(random.below(100'000)));
    };
    net.pass(seconds(2));
    for (int second = 0; second < 60; ++second) {
      CHECK(net.agreed_ms() == 1);
      net.pass(seconds(1));
    }
    CHECK(slow > 100);
  }

  TEST_CASE("a liar can make it 64 ms and no more, any number is rounded up, and silence says nothing") {
    Neighborhood net(3);
    std::uint32_t said_us = 3'100;
    net.alter = [&](std::size_t from, wire::Heartbeat& heartbeat) {
      if (from == 2) heartbeat.peer_delay_us = said_us;
    };
    net.pass(seconds(2));
    CHECK(net.nodes[0].membership.peer_delay() == Duration(milliseconds(4)));
    CHECK(net.nodes[1].membership.peer_delay() == Duration(milliseconds(4)));
    said_us = 0xFFFF'FFFF;
    net.pass(seconds(1));
    CHECK(net.nodes[0].membership.peer_delay() == peer_delay_max);
    said_us = 0;  // 0.1.0
    net.pass(seconds(1));
    CHECK(net.nodes[0].membership.peer_delay() == peer_delay_min);
  }
}

}  // namespace starling
