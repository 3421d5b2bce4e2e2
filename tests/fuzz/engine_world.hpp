/// Three engines on a network that a program of steps commands, strangers who forge, and what must hold after
/// every step, whatever was done to whom.
#pragma once

#include <algorithm>
#include <chrono>
#include <deque>
#include <map>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "engine/engine.hpp"
#include "key_rings.hpp"
#include "messages.hpp"
#include "packet_promises.hpp"
#include "target.hpp"

namespace starling::fuzz {

using std::chrono::milliseconds;

inline constexpr std::uint16_t sync_port = 4290;
inline constexpr std::uint16_t heartbeat_port = 4291;
inline constexpr std::size_t sides_count = 3;
inline constexpr std::size_t strangers_count = 3;
inline constexpr std::array<std::string_view, 3> callers{"alice", "bob", "svc-1"};

class World;

/// One engine, as a shell sees it.
struct Side final : Effects {
  void send(Port via, const Endpoint& to, std::span<const std::byte> datagram) override;
  void notify(const Notice& notice) override;

  WallTime wall() const;
  void restart(OriginId origin, const RuleSet& rules);
  void replace_keys(const wire::KeyRing& ring);

  World* world = nullptr;
  std::unique_ptr<Engine> engine;
  Endpoint address;
  wire::KeyRing keys;
  milliseconds clock_ahead{};
  std::uint64_t decided_count = 0;
  EngineCounts before;
  std::size_t bytes_to_sender = 0;  // during on_datagram
  Endpoint sender;
  std::set<Address> proven;                         // where somebody has answered
  std::map<Address, std::set<std::uint64_t>> told;  // clocks in heartbeats sent there
  std::map<std::tuple<std::string, std::string, std::uint32_t, std::uint64_t>, Hits> totals;
};

class World {
 public:
  static constexpr std::size_t in_flight_max = 128;
  static constexpr int ticks_at_once_max = 64;
  static constexpr Duration pause_max = milliseconds(250);
  static constexpr std::size_t amplification_max = 3;
  static constexpr std::uint32_t counters_max = 24;
  static constexpr std::uint32_t components_max = 40;
  static constexpr std::size_t live_max = 6;

  explicit World(const RuleSet& rules) {
    for (std::size_t i = 0; i < sides.size(); ++i) {
      sides[i].world = this;
      sides[i].address = {Address::v4(10, 0, 0, static_cast<std::uint8_t>(i + 1)), heartbeat_port};
      sides[i].restart(OriginId{i + 1}, rules);
    }
  }

  struct Datagram {
    Endpoint from;
    Endpoint to;
    std::vector<std::byte> bytes;
  };

  Side* side_at(const Endpoint& endpoint) {
    for (Side& side : sides)
      if (side.address.address == endpoint.address) return &side;
    return nullptr;
  }

  void deliver() {
    const Datagram datagram = std::move(in_flight.front());
    in_flight.pop_front();
    if (Side* side = side_at(datagram.to))
      hand_over(*side, datagram.from, datagram.to.port == sync_port ? Port::sync : Port::heartbeat,
                datagram.bytes);
  }

  void hand_over(Side& side, const Endpoint& from, Port port, std::span<const std::byte> bytes) {
    // A buffer of just its size, so that reading beyond it is seen.
    const std::vector<std::byte> exact(bytes.begin(), bytes.end());
    note_echo(side, from, exact, port);
    const bool was_proven = side.proven.contains(from.address);
    const EngineSizes sizes_before = side.engine->sizes();
    side.sender = from;
    side.bytes_to_sender = 0;
    const auto taken = side.engine->on_datagram(from, port, exact, now, side.wall(), side);
    if (!was_proven && !side.proven.contains(from.address))
      REQUIRE_THAT(side.bytes_to_sender <= amplification_max * exact.size());
    if (side.keys.plain == wire::PlainPackets::refused && is_plain(exact)) REQUIRE_THAT(!taken);
    if (!taken && taken.error().code != ErrorCode::table_full &&
        taken.error().code != ErrorCode::window_out_of_range)
      REQUIRE_THAT(same(sizes_before, side.engine->sizes()));
  }

  void tick(Side& side) {
    int ticks = 0;
    do {
      REQUIRE_THAT(ticks++ < ticks_at_once_max);  // else the shell would be busy for ever
      side.engine->on_tick(now, side.wall(), side);
    } while (side.engine->next_deadline() <= now);
    REQUIRE_THAT(side.engine->next_deadline() <= now + pause_max);
  }

  /// Time passes as in a shell: everybody is woken at his deadline, and packets arrive at once.
  void run(Duration duration, int wakes_max) {
    const Instant end = now + duration;
    for (int wakes = 0; now < end && wakes < wakes_max; ++wakes) {
      Instant next = end;
      for (const Side& side : sides) next = std::min(next, side.engine->next_deadline());
      now = std::max(now, next);
      for (Side& side : sides) tick(side);
      for (std::size_t left = in_flight.size(); left > 0 && !in_flight.empty(); --left) deliver();
    }
  }

  void check(Side& side);

  std::array<Side, sides_count> sides;
  std::deque<Datagram> in_flight;
  Instant now{std::chrono::hours(1)};
  wire::Encoder encoder{cluster_tag()};
  std::uint64_t question = 0;  // the last that an engine asked about overrides
  std::vector<CounterKey> keys;

 private:
  friend struct Side;

  static bool same(const EngineSizes& a, const EngineSizes& b) {
    return a.counters == b.counters && a.components == b.components && a.origins == b.origins &&
           a.peers == b.peers && a.addresses == b.addresses && a.names == b.names &&
           a.overrides == b.overrides && a.gossip.streams == b.gossip.streams;
  }

  /// Whoever tells an engine's clock back has received what it sent there.
  void note_echo(Side& side, const Endpoint& from, std::span<const std::byte> bytes, Port port) {
    const auto kind = reader_.open(bytes, port, now);
    if (!kind || *kind != wire::Kind::heartbeat) return;
    const auto heartbeat = reader_.heartbeat();
    if (heartbeat && side.told[from.address].contains((*heartbeat)->echo_ns))
      side.proven.insert(from.address);
  }

  void on_sent(Side& by, Port via, const Endpoint& to, std::span<const std::byte> datagram) {
    REQUIRE_THAT(datagram.size() <= wire::datagram_bytes_max);
    if (to == by.sender || to.address == by.sender.address) by.bytes_to_sender += datagram.size();
    REQUIRE_THAT(is_plain(datagram) != by.keys.seals());
    const auto kind = observer_.open(datagram, via, now);
    REQUIRE_THAT(kind.has_value() && !observer_.is_repeated());  // no counter is ever used twice
    const auto sound = visit_message(observer_, *kind, [&](const auto& message) {
      check_bounds(message);
      REQUIRE_THAT(message.sender == by.engine->origin());
      learn(by, to, message);
    });
    REQUIRE_THAT(sound.has_value());
    if (side_at(to) == nullptr) return;
    if (in_flight.size() == in_flight_max) in_flight.pop_front();
    in_flight.push_back({{by.address.address, via == Port::sync ? sync_port : heartbeat_port},
                         to,
                         {datagram.begin(), datagram.end()}});
  }

  void learn(Side& by, const Endpoint& to, const wire::Heartbeat& heartbeat) {
    by.told[to.address].insert(heartbeat.sent_ns);
  }
  void learn(Side&, const Endpoint&, const wire::OverridesQuery& query) { question = query.question; }
  void learn(Side&, const Endpoint&, const wire::NamesQuery& query) { keys = query.keys; }
  void learn(Side&, const Endpoint&, const wire::Delta& delta) {
    if (!delta.entries.empty() && keys.size() < 8) keys.push_back(delta.entries.front().key);
  }
  template <class Message>
  void learn(Side&, const Endpoint&, const Message&) {}

  void check_totals(Side& side);
  static bool is_plain(std::span<const std::byte> packet) {
    const auto header = wire::Header::read(packet);
    return header && header->form == wire::Form::plain;
  }

  // Of what engines send, and of what they are given: forgers may use counters that are not theirs.
  wire::Opener observing_{"starling", every_key()};
  wire::Decoder observer_{cluster_tag(), &observing_};
  wire::Opener reading_{"starling", every_key()};
  wire::Decoder reader_{cluster_tag(), &reading_};
};

inline void Side::send(Port via, const Endpoint& to, std::span<const std::byte> datagram) {
  world->on_sent(*this, via, to, datagram);
}

inline void Side::notify(const Notice& notice) {
  if (notice.kind == Notice::Kind::override_set || notice.kind == Notice::Kind::override_cleared ||
      notice.kind == Notice::Kind::override_expired)
    REQUIRE_THAT(notice.live != nullptr);
}

inline WallTime Side::wall() const {
  return WallTime(std::chrono::hours(500'000)) +
         std::chrono::duration_cast<milliseconds>(world->now.time_since_epoch()) + clock_ahead;
}

inline void Side::restart(OriginId origin, const RuleSet& rules) {
  EngineOptions options;
  options.origin = origin;
  options.seed = origin.value;
  options.has_neighborhood = true;
  options.counters_max = World::counters_max;
  options.components_max = World::components_max;
  options.live_overrides_max = World::live_max;
  options.keys = keys;
  if (origin.value % 3 == 0) options.egress_bytes_per_s = 2'000;  // most of what it would say has to wait
  engine = std::make_unique<Engine>(options, rules, world->now);
  decided_count = 0;
  before = {};
  proven.clear();
  told.clear();
  totals.clear();
}

inline void Side::replace_keys(const wire::KeyRing& ring) {
  keys = ring;
  engine->replace_keys(ring);
}

/// What only grows has grown, what is bounded is within its bounds, and the sums are right.
inline void World::check(Side& side) {
  const EngineCounts counts = side.engine->counts();
  const EngineCounts& before = side.before;
  std::uint64_t dropped_count = 0;
  for (std::size_t i = 0; i < counts.dropped.size(); ++i) {
    REQUIRE_THAT(counts.dropped[i] >= before.dropped[i]);
    dropped_count += counts.dropped[i];
  }
  REQUIRE_THAT(counts.datagrams_received == counts.datagrams_accepted + dropped_count);
  REQUIRE_THAT(counts.datagrams_accepted >= before.datagrams_accepted);
  REQUIRE_THAT(counts.allowed + counts.denied == side.decided_count);
  REQUIRE_THAT(counts.allowed >= before.allowed && counts.denied >= before.denied);
  REQUIRE_THAT(counts.learned <= counts.allowed);
  REQUIRE_THAT(counts.counters_expired >= before.counters_expired);
  REQUIRE_THAT(counts.counters_refused >= before.counters_refused);
  REQUIRE_THAT(counts.gossip.entries_sent >= before.gossip.entries_sent);
  REQUIRE_THAT(counts.gossip.entries_received >= before.gossip.entries_received);
  std::uint64_t packets_by_purpose = 0;
  std::uint64_t packets_by_kind = 0;
  for (const Traffic& traffic : counts.sent) packets_by_purpose += traffic.packets;
  for (const KindTraffic& traffic : counts.sent_by_kind) packets_by_kind += traffic.packets;
  REQUIRE_THAT(packets_by_purpose == packets_by_kind);
  REQUIRE_THAT(counts.nodes_count >= 1 && counts.known_count >= 1);
  REQUIRE_THAT(counts.keys.opened >= before.keys.opened && counts.keys.derived >= before.keys.derived);
  REQUIRE_THAT(counts.keys.ids.size() == side.keys.keys.size() && counts.keys.plain == side.keys.plain);
  side.before = counts;

  const EngineSizes sizes = side.engine->sizes();
  REQUIRE_THAT(sizes.counters <= counters_max && sizes.components <= components_max);
  REQUIRE_THAT(sizes.origins <= origins_max && sizes.peers <= peers_max);
  REQUIRE_THAT(sizes.addresses <= candidates_max && sizes.names <= counters_max);
  REQUIRE_THAT(sizes.names_asked <= NameExchange::asked_max && sizes.denied <= denied_rows_max);
  REQUIRE_THAT(sizes.overrides <= live_max && sizes.gossip.streams <= sizes.peers);
  REQUIRE_THAT(sizes.gossip.in_flight_most <= Gossip::in_flight_packets_max);
  REQUIRE_THAT(sizes.gossip.waiting <= components_max);

  std::size_t live_count = 0;
  for (const PeerView& peer : side.engine->peers(now)) {
    REQUIRE_THAT(peer.origin != side.engine->origin() || peer.state == "candidate");
    if (peer.state == "alive" || peer.state == "suspect") ++live_count;
    if (peer.origin != OriginId{}) side.proven.insert(peer.heartbeat.address);
  }
  REQUIRE_THAT(counts.nodes_count == live_count + 1);
  check_totals(side);
}

/// A counter never shrinks while its window lasts.
inline void World::check_totals(Side& side) {
  const auto now_s = ms_since_epoch(side.wall()) / 1000;
  decltype(side.totals) totals;
  for (const std::string_view caller : callers) {
    const Entry entries[] = {{.key = "principal", .value = caller}, {.key = "path", .value = "/a"}};
    const Descriptor descriptor{.entries = entries};
    for (const CounterView& view :
         side.engine->counters({.descriptors = std::span(&descriptor, 1)}, side.wall())) {
      Hits sum = 0;
      for (const CounterView::Share& share : view.shares) sum = saturating_add(sum, share.hits);
      REQUIRE_THAT(sum == view.total);
      if (view.window_id != now_s / view.window_s) continue;
      const auto key = std::tuple(view.rule, std::string(caller), view.window_s, view.window_id);
      if (const auto known = side.totals.find(key); known != side.totals.end())
        REQUIRE_THAT(view.total >= known->second);
      totals[key] = view.total;
    }
  }
  side.totals = std::move(totals);
}

}  // namespace starling::fuzz
