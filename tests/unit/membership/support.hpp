/// An outside world that only remembers what it was asked to do, and one node in it.
#pragma once

#include <string>
#include <vector>

#include "base/effects.hpp"
#include "membership/membership.hpp"

namespace starling {

struct RecordingEffects final : Effects {
  struct Sent {
    Port via{};
    Endpoint to;
    std::vector<std::byte> bytes;
  };
  std::vector<Sent> sent;
  std::vector<Notice::Kind> notices;

  void send(Port via, const Endpoint& to, std::span<const std::byte> datagram) override {
    sent.push_back({via, to, {datagram.begin(), datagram.end()}});
  }
  void notify(const Notice& notice) override { notices.push_back(notice.kind); }

  std::size_t count(Notice::Kind kind) const {
    std::size_t found = 0;
    for (const Notice::Kind seen : notices) found += seen == kind ? 1 : 0;
    return found;
  }
};

using std::chrono::milliseconds;
using std::chrono::seconds;

inline constexpr OriginId self{100};
inline constexpr OriginId other{200};

inline Endpoint at(std::uint8_t last) {
  return Endpoint{Address::v4(10, 0, 0, last), 4291};
}

/// One node under test, and a hand that plays the others.
struct Fixture {
  Random random{1};
  RecordingEffects effects;
  Instant now{seconds(1000)};
  WallTime wall{milliseconds(1'800'000'000'000)};
  Membership membership;
  std::vector<Membership::Due::Question> inquiries;

  explicit Fixture(std::uint32_t window_s = 10)
      : membership(
            Membership::Options{
                .self = self, .node_name = "me", .software = "1", .window_s_smallest = window_s},
            random) {}

  /// What we send to an address now.
  wire::Heartbeat compose(const Endpoint& to) {
    wire::Heartbeat out;
    membership.compose(to, wire::NodeState::ready, now, wall, out);
    return out;
  }

  /// A heartbeat of `sender` that answers `ours`, or none of ours.
  wire::Heartbeat from(OriginId sender, const wire::Heartbeat* ours = nullptr) const {
    wire::Heartbeat heartbeat;
    heartbeat.sender = sender;
    heartbeat.recipient = ours == nullptr ? OriginId{} : self;
    heartbeat.name = "peer";
    heartbeat.state = wire::NodeState::ready;
    heartbeat.sync_port = 4290;
    heartbeat.wall = wall;
    heartbeat.sent_ns = static_cast<std::uint64_t>(now.time_since_epoch().count());
    heartbeat.interval_ms = 200;
    heartbeat.echo_ns = ours == nullptr ? 0 : ours->sent_ns;
    return heartbeat;
  }

  Result<Membership::Heard> hear(const Endpoint& endpoint, const wire::Heartbeat& heartbeat) {
    return membership.on_heartbeat(endpoint, heartbeat, now, wall, effects);
  }

  /// Completes the handshake with `origin` at `endpoint`, the answer coming after `rtt`.
  Membership::Heard meet(OriginId origin, const Endpoint& endpoint, Duration rtt = milliseconds(2)) {
    hear(endpoint, from(origin));
    const wire::Heartbeat ours = compose(endpoint);
    now += rtt;
    return hear(endpoint, from(origin, &ours)).value();
  }

  /// An ordinary heartbeat from a peer that hears us.
  void hear_from(std::uint64_t origin, const Endpoint& endpoint) {
    const wire::Heartbeat ours = compose(endpoint);
    hear(endpoint, from(OriginId{origin}, &ours));
  }

  /// Addresses that are sent a heartbeat now; `inquiries` has the questions.
  std::vector<Endpoint> tick() {
    Membership::Due due;
    membership.on_tick(now, effects, due);
    inquiries = due.inquiries;
    return due.heartbeats;
  }

  /// Ticks every 50 ms, as the clock would.
  void pass(Duration duration) {
    const Instant end = now + duration;
    while (now < end) {
      now += std::min<Duration>(milliseconds(50), end - now);
      tick();
    }
  }

  PeerState state_of(OriginId origin) const { return membership.find(origin)->state; }
};

}  // namespace starling
