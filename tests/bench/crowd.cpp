#include "crowd.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace starling::bench {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr Duration settle_step = milliseconds(5);
constexpr Duration step = milliseconds(20);
constexpr Duration resolve_interval = seconds(5);
constexpr std::uint16_t sync_port = 4290;
constexpr std::uint16_t heartbeat_port = 4291;
constexpr std::size_t many_nodes = 50;
constexpr OriginId self{0x5357'4152'4d00'0001};

}  // namespace

Address Crowd::address_of(std::size_t index) {
  return Address::v4(10, 1, static_cast<std::uint8_t>(index >> 8), static_cast<std::uint8_t>(index));
}

Endpoint Crowd::endpoint(std::size_t index, Port port) const {
  return Endpoint{address_of(index), port == Port::sync ? sync_port : heartbeat_port};
}

Crowd::Crowd(Options options)
    : cluster_tag_(KeyedHash(options.engine.cluster).cluster_tag()),
      encoder_(cluster_tag_),
      decoder_(cluster_tag_) {
  EngineOptions engine = options.engine;
  engine.origin = self;
  engine.seed = 11;
  engine.has_neighborhood = options.peers > 0;
  engine_ = std::make_unique<Engine>(engine, std::move(options.rules), now_);
  for (std::size_t i = 0; i < options.peers; ++i) {
    peers_.push_back(
        Peer{.origin = OriginId{random_.next() | 1},
             .name = fmt::format("node-{}", i),
             .address = address_of(i),
             .next_heartbeat = now_ + Duration(static_cast<std::int64_t>(random_.below(1'000'000'000))),
             .version = {},
             .ack = {},
             .heard_at = {}});
    listed_.push_back(endpoint(i, Port::heartbeat));
  }
}

Duration Crowd::interval() const {
  return peers_.size() + 1 < many_nodes ? milliseconds(200) : milliseconds(1000);
}

void Crowd::send(Port via, const Endpoint& to, std::span<const std::byte> datagram) {
  ++datagrams_sent_;
  bytes_sent_ += datagram.size();
  const auto& bytes = to.address.bytes;
  const std::size_t peer = (std::size_t{bytes[14]} << 8) | bytes[15];
  if (sent_count_ == sent_.size()) sent_.emplace_back().bytes.reserve(wire::datagram_bytes_max);
  Sent& sent = sent_[sent_count_++];
  sent.via = via;
  sent.peer = peer;
  sent.bytes.assign(datagram.begin(), datagram.end());
}

void Crowd::read_sent() {
  for (std::size_t i = 0; i < sent_count_; ++i) {
    const Sent& sent = sent_[i];
    Peer& peer = peers_[sent.peer];
    const auto kind = decoder_.open(sent.bytes, sent.via, now_);
    STARLING_CHECK(kind.has_value());
    if (*kind == wire::Kind::heartbeat) {
      const auto heartbeat = decoder_.heartbeat();
      STARLING_CHECK(heartbeat.has_value());
      if (peer.heard_sent_ns == 0) peer.next_heartbeat = now_;  // answers a newcomer at once
      peer.heard_sent_ns = (*heartbeat)->sent_ns;
      peer.heard_at = now_;
    } else if (*kind == wire::Kind::delta) {
      const auto delta = decoder_.delta();
      STARLING_CHECK(delta.has_value());
      if ((*delta)->origin == self && (*delta)->from <= peer.ack && (*delta)->to > peer.ack) {
        peer.ack = (*delta)->to;
        peer.owes_ack = true;
      }
    }
  }
  sent_count_ = 0;
}

/// All peers hold all that any of them has told: a slice of it, as a real one says it.
void Crowd::list_holdings(wire::Heartbeat& out) {
  const auto told = [](const Peer& peer) { return peer.version != Version{}; };
  out.holdings_count = static_cast<std::uint32_t>(std::count_if(peers_.begin(), peers_.end(), told));
  const std::size_t first = random_.below(peers_.size());
  for (std::size_t i = 0; i < peers_.size() && out.holdings.size() < wire::holdings_per_heartbeat_max; ++i) {
    const Peer& other = peers_[(first + i) % peers_.size()];
    if (told(other)) out.holdings.push_back(wire::Holding{other.origin, other.version});
  }
}

std::vector<std::byte> Crowd::heartbeat(Peer& peer, Instant at) {
  wire::Heartbeat out;
  out.sender = peer.origin;
  out.recipient = peer.heard_sent_ns == 0 ? OriginId{} : self;
  out.name = peer.name;
  out.software = "0.1.0";
  out.state = wire::NodeState::ready;
  out.sync_port = sync_port;
  out.version = peer.version;
  out.ack = peer.ack;
  out.wall = wall();
  out.sent_ns = static_cast<std::uint64_t>(at.time_since_epoch().count());
  out.interval_ms = static_cast<std::uint32_t>(interval() / milliseconds(1));
  out.peer_delay_us = 1000;
  if (peer.heard_sent_ns != 0) {
    out.echo_ns = peer.heard_sent_ns;
    out.echo_held_us = static_cast<std::uint32_t>((at - peer.heard_at) / std::chrono::microseconds(1));
    out.lists_holdings = true;
    for (std::size_t i = 0; i < std::min(peers_.size(), wire::peers_per_heartbeat_max); ++i)
      out.peers.push_back(endpoint(random_.below(peers_.size()), Port::heartbeat));
    list_holdings(out);
  }
  const std::span<const std::byte> bytes = encoder_.encode(out);
  return {bytes.begin(), bytes.end()};
}

void Crowd::pass(Duration by, Stopwatch& engine_time) {
  live_through(by, engine_time, nullptr);
}

void Crowd::pass_beat(Stopwatch& beat_time) {
  const std::uint64_t told = engine_->counts().gossip.lazy_flushes;
  Stopwatch others;
  while (engine_->counts().gossip.lazy_flushes == told) live_through(milliseconds(1), others, &beat_time);
}

void Crowd::on_deadline(Stopwatch* beat_time) {
  if (beat_time == nullptr) return engine_->on_tick(now_, wall(), *this);
  const Stopwatch before = *beat_time;
  const std::uint64_t told = engine_->counts().gossip.lazy_flushes;
  beat_time->begin();
  engine_->on_tick(now_, wall(), *this);
  beat_time->end();
  if (engine_->counts().gossip.lazy_flushes == told) *beat_time = before;
}

void Crowd::live_through(Duration by, Stopwatch& engine_time, Stopwatch* beat_time) {
  read_sent();
  const Instant end = now_ + by;
  arrivals_.clear();
  for (std::size_t i = 0; i < peers_.size(); ++i) {
    Peer& peer = peers_[i];
    while (peer.next_heartbeat < end) {
      const Instant at = std::max(peer.next_heartbeat, now_);
      arrivals_.push_back(Arrival{at, i, heartbeat(peer, at)});
      peer.next_heartbeat = at + random_.jittered(interval(), 0.1);
    }
  }
  std::sort(arrivals_.begin(), arrivals_.end(),
            [](const Arrival& a, const Arrival& b) { return a.at < b.at; });

  engine_time.begin();
  if (next_resolve_ < end) {
    next_resolve_ = end + resolve_interval;
    engine_->on_resolved(listed_, now_, *this);
  }
  auto arrival = arrivals_.begin();
  for (;;) {
    const Instant deadline = std::max(engine_->next_deadline(), now_);
    const bool arrives = arrival != arrivals_.end() && arrival->at <= deadline;
    if (!arrives && deadline >= end) break;
    now_ = arrives ? arrival->at : deadline;
    if (arrives) {
      const auto taken = engine_->on_datagram(endpoint(arrival->peer, Port::heartbeat), Port::heartbeat,
                                              arrival->bytes, now_, wall(), *this);
      STARLING_CHECK(taken.has_value());
      ++arrival;
    } else {
      on_deadline(beat_time);
    }
  }
  engine_time.end();
  now_ = end;
}

void Crowd::pass_s(int count, Stopwatch& engine_time) {
  const Instant end = now_ + seconds(count);
  while (now_ < end) pass(step, engine_time);
}

void Crowd::settle() {
  Stopwatch ignored;
  const Instant deadline = now_ + seconds(30);
  while (engine_->counts().nodes_count != peers_.size() + 1 || engine_->state() != EngineState::ready) {
    STARLING_CHECK(now_ < deadline);
    pass(settle_step, ignored);
    ack_all(ignored);
  }
  pass_s(5, ignored);
}

void Crowd::tick(Stopwatch& engine_time) {
  engine_time.begin();
  if (engine_->next_deadline() <= now_) engine_->on_tick(now_, wall(), *this);
  engine_time.end();
}

std::size_t Crowd::ack_all(Stopwatch& engine_time) {
  read_sent();
  arrivals_.clear();
  for (std::size_t i = 0; i < peers_.size(); ++i) {
    if (!peers_[i].owes_ack) continue;
    peers_[i].owes_ack = false;
    const wire::Delta ack{.sender = peers_[i].origin,
                          .origin = peers_[i].origin,
                          .from = {},
                          .to = {},
                          .recipient = self,
                          .ack = peers_[i].ack,
                          .entries = {}};
    const std::span<const std::byte> bytes = encoder_.encode(ack);
    arrivals_.push_back(Arrival{now_, i, {bytes.begin(), bytes.end()}});
  }
  engine_time.begin();
  for (const Arrival& arrival : arrivals_) {
    const auto taken = hand_over(arrival.peer, Port::sync, arrival.bytes);
    STARLING_CHECK(taken.has_value());
  }
  engine_time.end();
  return arrivals_.size();
}

Decision Crowd::decide(std::string_view principal, Hits hits) {
  const Entry entry{.key = "principal", .value = principal};
  const Descriptor descriptor{.entries = std::span(&entry, 1)};
  return engine_->decide(Request{.descriptors = std::span(&descriptor, 1), .hits = hits}, now_, wall());
}

std::vector<std::byte> Crowd::delta(std::size_t index, const std::vector<wire::DeltaEntry>& entries) {
  Peer& peer = peers_[index];
  const Version from = peer.version;
  peer.version = Version{from.value + entries.size()};
  wire::Delta delta{.sender = peer.origin,
                    .origin = peer.origin,
                    .from = from,
                    .to = peer.version,
                    .recipient = self,
                    .ack = peer.ack,
                    .patient = true,
                    .entries = entries};
  for (std::size_t i = 0; i < entries.size(); ++i) delta.entries[i].version = Version{from.value + 1 + i};
  const std::span<const std::byte> bytes = encoder_.encode(delta);
  return {bytes.begin(), bytes.end()};
}

Result<void> Crowd::hand_over(std::size_t index, Port port, std::span<const std::byte> bytes) {
  return engine_->on_datagram(endpoint(index, port), port, bytes, now_, wall(), *this);
}

}  // namespace starling::bench
