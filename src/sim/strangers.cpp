#include "sim/strangers.hpp"

#include <array>

#include "counter/window.hpp"

namespace starling::sim {
namespace {

using std::chrono::milliseconds;

constexpr std::uint64_t strangers_count = 50;
constexpr std::size_t voices_max = 100;
constexpr std::uint64_t ahead_max = 8;
constexpr milliseconds pause_max{40};
constexpr Version version_max{~std::uint64_t{0}};

class Sender {
 public:
  Sender(Simulation& simulation, std::uint64_t our_cluster, std::uint64_t other_cluster, Voices* voices)
      : simulation_(simulation),
        random_(simulation.random()),
        our_cluster_(our_cluster),
        plain_(our_cluster),
        others_(other_cluster),
        voices_(voices) {}

  void send_strange() {
    const NodeIndex to = node();
    switch (random_.below(7)) {
      case 0:
        return garbage(to);
      case 1:
        return sync(to, ours(overrides(to)), stranger(4290));
      case 2:
        return sync(to, ours(overrides_query(to)), stranger(4290));
      case 3:
        return heartbeat(to, &others_, random_.chance(0.5) ? stranger(4291) : node_address(4291));
      case 4:
        return sync(to, others_.encode(delta(to)), random_.chance(0.5) ? stranger(4290) : node_address(4290));
      case 5:
        return heartbeat(to, nullptr, stranger(4291));
      default:
        return sync(to, ours(pull(to)), stranger(4290));
    }
  }

  void forge() {
    const NodeIndex to = node();
    switch (random_.below(6)) {
      case 4:
        return sync(to, ours(overrides(to)), node_address(4290));
      case 5:
        return sync(to, ours(overrides_query(to)), node_address(4290));
      case 0:
      case 1:
        return sync(to, ours(delta(to)), random_.chance(0.5) ? stranger(4290) : node_address(4290));
      case 2:
        return sync(to, ours(pull(to)), node_address(4290));
      default:
        return changed_heartbeat();
    }
  }

 private:
  template <class Message>
  std::span<const std::byte> ours(const Message& message) {
    const wire::KeyRing& ring = simulation_.reader().ring();
    if (voices_ == nullptr || ring.keys.empty()) return plain_.encode(message);
    if (voices_->size() >= voices_max) voices_->clear();
    OriginId speaker = message.sender;
    // One that seals for itself and signs for another.
    is_crooked_ = random_.chance(0.1);
    while (is_crooked_ && speaker == message.sender) speaker = origin();
    std::unique_ptr<Voice>& voice = (*voices_)[speaker];
    const wire::KeyRing newest{.keys = {ring.keys.back()}, .plain = wire::PlainPackets::refused};
    const std::array<std::uint64_t, 2> highest = counters_of(speaker);
    if (voice == nullptr || is_far_ahead(*voice, highest))
      voice = std::make_unique<Voice>(speaker, "starling", newest, our_cluster_);
    voice->sealer.replace(newest);
    keep_up(*voice, highest);
    return voice->encoder.encode(message);
  }

  /// As far as is remembered; 0: it has said nothing to that port.
  std::array<std::uint64_t, 2> counters_of(OriginId origin) {
    std::array<std::uint64_t, 2> highest{};
    for (const Simulation::Datagram& old : simulation_.history()) {
      const auto header = sealed_header(old.bytes);
      if (!header || header->sender != origin) continue;
      std::uint64_t& most = highest[static_cast<std::size_t>(old.port)];
      most = std::max(most, header->counter);
    }
    return highest;
  }

  /// Counters that are used up for whoever is spoken for silence it until it has come as far: of that, no
  /// more than what heals with the faults (protocol/README.md says what a key-holder can do).
  static bool is_far_ahead(const Voice& voice, const std::array<std::uint64_t, 2>& highest) {
    for (std::size_t port = 0; port < highest.size(); ++port)
      if (highest[port] != 0 && voice.counters[port] > highest[port] + ahead_max) return true;
    return false;
  }

  /// Whoever is spoken for goes on counting, and what it has said before it would not be believed again.
  void keep_up(Voice& voice, const std::array<std::uint64_t, 2>& highest) {
    std::array<std::byte, wire::header_bytes + wire::seal_bytes> unsent{};
    for (const wire::Kind kind : {wire::Kind::delta, wire::Kind::heartbeat}) {
      const auto port = static_cast<std::size_t>(wire::port_of(kind));
      for (; voice.counters[port] < highest[port]; ++voice.counters[port])
        voice.sealer.seal(kind, {}, unsent);
      ++voice.counters[port];  // at most one behind: what is encoded next takes one
    }
  }

  NodeIndex node() { return random_.below(simulation_.nodes_count()); }
  Endpoint stranger(std::uint16_t port) {
    return Endpoint{Address::v4(192, 0, 2, static_cast<std::uint8_t>(1 + random_.below(strangers_count))),
                    port};
  }
  Endpoint node_address(std::uint16_t port) {
    return Endpoint{simulation_.heartbeat_endpoint(node()).address, port};
  }
  /// Of a node that is up, or invented.
  OriginId origin() {
    const NodeIndex index = node();
    if (simulation_.is_up(index) && random_.chance(0.7)) return simulation_.engine(index).origin();
    return OriginId{random_.chance(0.5) ? 1 + random_.below(20) : random_.next() | 1};
  }
  OriginId origin_of(NodeIndex index) {
    return simulation_.is_up(index) ? simulation_.engine(index).origin() : origin();
  }
  Version version() {
    return random_.chance(0.3) ? version_max : Version{random_.below(random_.chance(0.5) ? 100 : 1'000'000)};
  }

  void garbage(NodeIndex to) {
    std::vector<std::byte> bytes(random_.below(1300));
    for (std::byte& byte : bytes) byte = static_cast<std::byte>(random_.next());
    const bool is_sync = random_.chance(0.5);
    simulation_.arrive(to, stranger(is_sync ? 4290 : 4291), is_sync ? Port::sync : Port::heartbeat, bytes);
  }

  void arrive(NodeIndex to, const Endpoint& from, Port port, std::span<const std::byte> bytes) {
    using Nature = Simulation::Datagram::Nature;
    simulation_.arrive(Simulation::Datagram{.from = from,
                                            .to = to,
                                            .port = port,
                                            .nature = is_crooked_ ? Nature::crooked : Nature::made,
                                            .sent_at = simulation_.now(),
                                            .bytes = {bytes.begin(), bytes.end()}});
    is_crooked_ = false;
  }

  void sync(NodeIndex to, std::span<const std::byte> bytes, const Endpoint& from) {
    arrive(to, from, Port::sync, bytes);
  }

  /// `encoder`: null: ours.
  void heartbeat(NodeIndex to, wire::Encoder* encoder, const Endpoint& from) {
    wire::Heartbeat heartbeat{.sender = origin(), .name = "stranger", .software = "0", .sync_port = 4290};
    heartbeat.recipient = random_.chance(0.5) ? origin_of(to) : OriginId{};
    heartbeat.state = static_cast<wire::NodeState>(random_.below(4));
    heartbeat.version = version();
    heartbeat.ack = version();
    heartbeat.wall = simulation_.wall(to) + milliseconds(random_.below(100'000));
    heartbeat.sent_ns = random_.next();
    heartbeat.echo_ns = random_.chance(0.5) ? random_.next() : 0;
    for (std::uint64_t i = random_.below(9); i > 0; --i) heartbeat.peers.push_back(stranger(4291));
    for (std::uint64_t i = random_.below(25); i > 0; --i)
      heartbeat.holdings.push_back({origin(), version(), 1});
    heartbeat.lists_holdings = random_.chance(0.5);
    arrive(to, from, Port::heartbeat, encoder == nullptr ? ours(heartbeat) : encoder->encode(heartbeat));
  }

  wire::Delta delta(NodeIndex to) {
    wire::Delta delta{.sender = origin(), .origin = origin(), .from = version(), .to = version()};
    if (delta.from > delta.to) std::swap(delta.from, delta.to);
    delta.recipient = origin_of(to);
    delta.ack = version();
    delta.partial = random_.chance(0.2);
    const std::uint64_t span = delta.to.value - delta.from.value;
    const auto& counters = simulation_.ledger().counters();
    for (std::uint64_t i = std::min<std::uint64_t>(random_.below(20), span); i > 0; --i) {
      wire::DeltaEntry entry{
          .window_s = 1, .window_id = {}, .key = {random_.next()}, .count = 1 + random_.below(100)};
      entry.window_id = Window::at(simulation_.wall(to), entry.window_s).id;
      if (!counters.empty() && random_.chance(0.8)) {
        // One of the newest: their windows live.
        const CounterId& id =
            counters[counters.size() - 1 - random_.below(std::min<std::size_t>(counters.size(), 8))].id;
        entry.window_s = id.window.length_s;
        entry.window_id = WindowId{id.window.id.value + random_.below(3)};
        entry.key = id.key;
      }
      if (random_.chance(0.3)) entry.count = hits_max - random_.below(3);
      entry.version = Version{delta.to.value - i + 1};
      delta.entries.push_back(entry);
    }
    return delta;
  }

  wire::Pull pull(NodeIndex to) {
    return wire::Pull{.sender = origin(), .recipient = origin_of(to), .origin = origin(), .from = version()};
  }

  /// News of overrides that nobody set.
  wire::Overrides overrides(NodeIndex to) {
    wire::Overrides overrides{
        .sender = origin(), .recipient = origin_of(to), .question = random_.below(4), .last = true};
    overrides.to = random_.chance(0.5) ? ~std::uint64_t{0} : random_.next();
    for (std::uint64_t i = random_.below(6); i > 0; --i) {
      wire::OverrideEntry entry{.kind = static_cast<std::uint8_t>(random_.below(6)), .rule = "rule-0"};
      if (entry.kind < 2) entry.limits = {{random_.below(100), 1}};
      entry.principal = entry.kind >= 2 ? "user-1" : "";
      entry.deleted = random_.chance(0.3);
      entry.wall_ms = ms_since_epoch(simulation_.wall(to)) + random_.below(100'000'000);
      entry.logical = static_cast<std::uint32_t>(random_.next());
      entry.origin = origin();
      entry.set_by = "forger";
      overrides.entries.push_back(std::move(entry));
    }
    return overrides;
  }

  wire::OverridesQuery overrides_query(NodeIndex to) {
    wire::OverridesQuery query{.sender = origin(),
                               .recipient = origin_of(to),
                               .question = random_.below(4),
                               .after = random_.next()};
    for (std::uint64_t& bucket : query.buckets) bucket = random_.next();
    return query;
  }

  /// The echo in it may still prove its address.
  void changed_heartbeat() {
    const Simulation::Datagram* old = simulation_.remembered();
    Reader& reader = simulation_.reader();
    if (old == nullptr || old->port != Port::heartbeat ||
        !reader.open(old->bytes, Port::heartbeat, simulation_.now()))
      return;
    const auto decoded = reader.message().heartbeat();
    if (!decoded) return;
    wire::Heartbeat heartbeat = **decoded;
    switch (random_.below(8)) {
      case 7:
        heartbeat.overrides = random_.next();
        break;
      case 0:
        heartbeat.version = version();
        break;
      case 1:
        heartbeat.ack = version();
        break;
      case 2:
        heartbeat.sender = origin();
        break;
      case 3:
        heartbeat.state = static_cast<wire::NodeState>(random_.below(4));
        break;
      case 4:
        heartbeat.sync_port = static_cast<std::uint16_t>(1 + random_.below(65'535));
        break;
      case 5:
        heartbeat.holdings.clear();
        for (std::uint64_t i = random_.below(25); i > 0; --i)
          heartbeat.holdings.push_back({origin(), version(), random_.below(2)});
        break;
      default:
        heartbeat.peers.clear();
        for (std::uint64_t i = random_.below(9); i > 0; --i) heartbeat.peers.push_back(stranger(4291));
    }
    arrive(old->to, old->from, Port::heartbeat, ours(heartbeat));
  }

  Simulation& simulation_;
  Random& random_;
  std::uint64_t our_cluster_;
  wire::Encoder plain_;
  wire::Encoder others_;
  Voices* voices_;  // null: no key
  bool is_crooked_ = false;
};

}  // namespace

std::string Strangers::begin(Simulation& simulation) {
  again(simulation, forge_, state_);
  return forge_ ? "forgers send" : "strangers send";
}

void Strangers::again(Simulation& simulation, bool forge, const std::shared_ptr<State>& state) {
  if (state->over) return;
  Sender sender(simulation, state->our_cluster, state->other_cluster,
                state->has_key ? &state->voices : nullptr);
  for (std::uint64_t count = 1 + simulation.random().below(4); count > 0; --count)
    forge ? sender.forge() : sender.send_strange();
  const auto next = simulation.now() + milliseconds(1 + simulation.random().below(pause_max.count()));
  simulation.at(next, [&simulation, forge, state] { again(simulation, forge, state); });
}

}  // namespace starling::sim
