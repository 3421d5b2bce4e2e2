// A datagram to either UDP port of an engine that has a peer. The first byte says which port and from whom.
// What is answered to somebody unknown must not be larger than three times what came.
#include <chrono>
#include <memory>
#include <span>
#include <vector>

#include "engine/engine.hpp"
#include "target.hpp"
#include "wire/codec.hpp"

using namespace starling;

namespace {

constexpr std::size_t amplification_max = 3;
constexpr std::size_t inputs_per_engine_max = 1000;

struct Network final : Effects {
  void send(Port, const Endpoint& to, std::span<const std::byte> datagram) override {
    if (to.address == stranger.address) bytes_to_stranger += datagram.size();
  }
  void notify(const Notice&) override {}
  Endpoint stranger{.address = Address::v4(192, 0, 2, 66), .port = 4291};
  std::size_t bytes_to_stranger = 0;
};

struct Node {
  Node() : engine(options(), RuleSet::built_in(), now) {
    const Endpoint neighbors[] = {peer};
    engine.on_resolved(neighbors, now, network);
    engine.on_tick(now, wall, network);
    greet();
  }
  /// The peer is there: counts and questions of origin 8 are heard.
  void greet() {
    wire::Heartbeat heartbeat;
    heartbeat.sender = OriginId{8};
    heartbeat.recipient = OriginId{7};
    heartbeat.name = "peer";
    heartbeat.state = wire::NodeState::ready;
    heartbeat.sync_port = 4290;
    heartbeat.wall = wall;
    heartbeat.sent_ns = 1;
    wire::Encoder encoder(KeyedHash("starling").cluster_tag());
    const auto heard =
        engine.on_datagram(peer, Port::heartbeat, encoder.encode(heartbeat), now, wall, network);
    REQUIRE_THAT(heard.has_value() && engine.peers(now).size() == 1);
  }
  static EngineOptions options() {
    EngineOptions made;
    made.origin = OriginId{7};
    made.has_neighborhood = true;
    made.counters_max = 64;
    made.components_max = 128;
    made.live_overrides_max = 16;
    return made;
  }

  Network network;
  Endpoint peer{.address = Address::v4(192, 0, 2, 1), .port = 4291};
  Instant now{std::chrono::hours(1)};
  WallTime wall{std::chrono::hours(500'000)};
  Engine engine;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t bytes_count) {
  static std::unique_ptr<Node> node;
  static std::size_t inputs = 0;
  if (node == nullptr || ++inputs % inputs_per_engine_max == 0) node = std::make_unique<Node>();
  if (bytes_count == 0) return 0;
  const std::vector<std::uint8_t> exact(data + 1, data + bytes_count);
  const bool known = (data[0] & 2U) != 0;
  node->now += std::chrono::milliseconds(3);
  node->wall += std::chrono::milliseconds(3);
  node->network.bytes_to_stranger = 0;
  const Port port = (data[0] & 1U) != 0 ? Port::sync : Port::heartbeat;
  Endpoint from = known ? node->peer : node->network.stranger;
  if (port == Port::sync) from.port = 4290;
  const auto taken = node->engine.on_datagram(from, port, std::as_bytes(std::span(exact)), node->now,
                                              node->wall, node->network);
  static_cast<void>(taken);
  if (!known) REQUIRE_THAT(node->network.bytes_to_stranger <= amplification_max * exact.size());
  node->engine.on_tick(node->now, node->wall, node->network);
  return 0;
}
