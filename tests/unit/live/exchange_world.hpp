/// Bare exchanges, each with its table and its view of who is there, on a wire whose every datagram a test
/// may lose, reorder or look at. Heartbeats are handed over by hand: nothing happens but what a test does.
#pragma once

#include <algorithm>
#include <deque>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "live/live_exchange.hpp"
#include "support.hpp"

namespace starling {

struct ExchangeWorld {
  struct Node final : Effects {
    ExchangeWorld& world;
    OriginId origin;
    Endpoint at;
    Random random;
    Membership membership;
    LiveTable table;
    Egress egress;
    wire::Encoder encoder{hash.cluster_tag()};
    LiveExchange exchange;
    wire::NodeState state = wire::NodeState::ready;

    Node(ExchangeWorld& in, std::uint64_t number, std::uint64_t egress_bytes_per_s)
        : world(in),
          origin{number},
          at{Address::v4(10, 0, 0, static_cast<std::uint8_t>(number)), 4291},
          random(number),
          membership({.self = origin, .node_name = "node", .software = "1"}, random),
          table(LiveTable::Options{.self = origin}, hash),
          egress(egress_bytes_per_s),
          exchange(origin, table, membership, egress, encoder) {}

    void send(Port, const Endpoint& to, std::span<const std::byte> bytes) override {
      world.wire.push_back({origin, to.address, {bytes.begin(), bytes.end()}});
    }
    void notify(const Notice&) override {}

    LiveTable::Place set(const LiveOverride& what) {
      REQUIRE(table.set(entry_of(what), world.wall()));
      return table.place(what);
    }
  };
  struct Datagram {
    OriginId from;
    Address to;
    std::vector<std::byte> bytes;
  };

  Instant now{seconds(1000)};
  std::deque<std::unique_ptr<Node>> nodes;
  std::deque<Datagram> wire;

  WallTime wall() const {
    return noon + std::chrono::duration_cast<milliseconds>(now.time_since_epoch() - seconds(1000));
  }

  Node& add(std::uint64_t egress_bytes_per_s = egress_bytes_per_s_default) {
    return *nodes.emplace_back(std::make_unique<Node>(*this, nodes.size() + 1, egress_bytes_per_s));
  }

  /// `from` says to `to` what it holds, or `digest`. With `to_exchange` false only membership hears it.
  void beat(Node& from, Node& to, bool to_exchange = true, std::optional<std::uint64_t> digest = {}) {
    wire::Heartbeat said;
    from.membership.compose(to.at, from.state, now, wall(), said);
    from.exchange.compose(said);
    if (digest) said.overrides = *digest;
    const auto heard = to.membership.on_heartbeat(from.at, said, now, wall(), to);
    REQUIRE(heard);
    if (to_exchange) to.exchange.on_heartbeat(*heard, said, now, to);
    now += std::chrono::microseconds(10);  // clocks of heartbeats only grow
  }

  /// Everybody is everybody's live peer; no digest was heard yet.
  void meet() {
    for (int round = 0; round < 3; ++round)
      for (const auto& from : nodes)
        for (const auto& to : nodes)
          if (from != to) beat(*from, *to, false);
    for (const auto& node : nodes) REQUIRE(node->membership.nodes_count() == nodes.size());
  }

  Node* at(const Address& address) {
    const auto found = std::find_if(nodes.begin(), nodes.end(),
                                    [&](const auto& node) { return node->at.address == address; });
    return found == nodes.end() ? nullptr : found->get();
  }

  wire::Kind kind_of(const Datagram& datagram) {
    return static_cast<wire::Kind>(std::to_integer<std::uint8_t>(datagram.bytes[5]));
  }
  std::size_t count(wire::Kind kind) {
    return static_cast<std::size_t>(std::count_if(
        wire.begin(), wire.end(), [&](const Datagram& datagram) { return kind_of(datagram) == kind; }));
  }
  wire::OverridesQuery query(const Datagram& datagram) {
    wire::Decoder decoder(hash.cluster_tag());
    REQUIRE(decoder.open(datagram.bytes, Port::sync) == wire::Kind::overrides_query);
    return **decoder.overrides_query();
  }
  wire::Overrides answer(const Datagram& datagram) {
    wire::Decoder decoder(hash.cluster_tag());
    REQUIRE(decoder.open(datagram.bytes, Port::sync) == wire::Kind::overrides);
    return **decoder.overrides();
  }

  void hand_over(const Datagram& datagram) {
    Node* to = at(datagram.to);
    const Address from = Address::v4(10, 0, 0, static_cast<std::uint8_t>(datagram.from.value));
    if (to == nullptr) return;
    if (kind_of(datagram) == wire::Kind::overrides_query)
      (void)to->exchange.on_query(query(datagram), from, now, *to);
    else
      (void)to->exchange.on_overrides(answer(datagram), from, now, wall(), *to);
  }
  /// Hands over what is on the wire now, and not what that gives rise to.
  void deliver_once() {
    std::deque<Datagram> current;
    current.swap(wire);
    for (const Datagram& datagram : current) hand_over(datagram);
  }
  /// Until nothing is on its way.
  void deliver() {
    while (!wire.empty()) deliver_once();
  }
  void tick_at(Instant then) {
    now = then;
    for (const auto& node : nodes) node->exchange.on_tick(now, *node);
  }
};

}  // namespace starling
