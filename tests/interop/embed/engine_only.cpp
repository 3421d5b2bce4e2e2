// Two engines, no socket, no clock: datagrams are copied in memory, time is a number. Both hold one limit
// together.
#include <starling/engine.hpp>

#include <cstdio>
#include <deque>
#include <vector>

using namespace starling::embed;

namespace {

const char* rules =
    "rules:\n  - name: each\n    match: {principal: '*'}\n    limits: [{requests: 100, per: 1h}]\n";

/// What is on its way; whoever sends is known by the index of its engine.
struct Wire final : Effects {
  struct Datagram {
    std::size_t from;
    Endpoint to;
    Port port;
    std::vector<std::byte> bytes;
  };
  std::deque<Datagram> under_way;
  std::size_t sender = 0;

  void send(Port via, const Endpoint& to, std::span<const std::byte> datagram) override {
    under_way.push_back({sender, to, via, {datagram.begin(), datagram.end()}});
  }
};

}  // namespace

int main() {
  Time now{.monotonic_ns = 1, .wall_ms = 1'700'000'000'000};
  const std::vector<Endpoint> addresses{*Endpoint::parse("10.0.0.1", 4291),
                                        *Endpoint::parse("10.0.0.2", 4291)};
  Engine engines[] = {Engine({.origin = 101, .seed = 1, .node_name = "a", .rules = rules}),
                      Engine({.origin = 202, .seed = 2, .node_name = "b", .rules = rules})};
  Wire wire;
  for (wire.sender = 0; wire.sender < 2; ++wire.sender) {
    if (Error error = engines[wire.sender].start(now)) return std::puts(error.message().c_str()), 1;
    engines[wire.sender].on_resolved(addresses, now, wire);
  }
  const starling::Entry entries[] = {{"principal", "alice"}};
  const starling::Descriptor descriptors[] = {{.entries = entries}};
  int admitted = 0;
  for (int ms = 0; ms < 3000; ++ms, now.monotonic_ns += 1'000'000, ++now.wall_ms) {
    for (wire.sender = 0; wire.sender < 2; ++wire.sender) {
      Engine& engine = engines[wire.sender];
      if (engine.state() == State::ready)
        admitted += engine.decide({.descriptors = descriptors}, now).allowed;
      if (engine.next_deadline_ns() <= now.monotonic_ns) engine.on_tick(now, wire);
    }
    while (!wire.under_way.empty()) {
      const Wire::Datagram datagram = std::move(wire.under_way.front());
      wire.under_way.pop_front();
      wire.sender = datagram.to.address == addresses[0].address ? 0 : 1;  // who receives it may answer
      Endpoint from = addresses[datagram.from];
      if (datagram.port == Port::sync) from.port = 4290;
      engines[wire.sender].on_datagram(from, datagram.port, datagram.bytes, now, wire);
    }
  }
  std::printf("admitted %d of 100, %s knows %zu peer(s)\n", admitted, "a", engines[0].peers(now).size());
  return admitted >= 100 && admitted <= 102 ? 0 : 1;
}
