/// What a node knows about another.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/endpoint.hpp"
#include "base/ids.hpp"
#include "base/time.hpp"
#include "wire/messages.hpp"

namespace starling {

enum class PeerState : std::uint8_t {
  alive,    ///< answers our heartbeats
  suspect,  ///< has missed some; still sent to and counted
  dead,     ///< silent for too long, or another origin answers at its address
  left,     ///< said goodbye
};

constexpr std::string_view name(PeerState state) {
  switch (state) {
    case PeerState::alive:
      return "alive";
    case PeerState::suspect:
      return "suspect";
    case PeerState::dead:
      return "dead";
    case PeerState::left:
      return "left";
  }
  return "unknown";
}

struct Peer {
  OriginId origin;
  std::string name;
  std::string software;
  Endpoint heartbeat;  ///< where it answers heartbeats
  Endpoint sync;       ///< where it takes deltas
  PeerState state = PeerState::alive;
  wire::NodeState node_state = wire::NodeState::joining;
  Instant first_alive;
  Instant last_heard;
  Instant state_since;
  Version version;                 ///< highest version it says it has published
  std::optional<Duration> rtt;     ///< smoothed
  Duration rtt_deviation{};        ///< smoothed mean deviation
  std::int64_t clock_skew_ms = 0;  ///< its wall clock minus ours, smoothed
  bool skew_reported = false;

  /// Alive or suspect: sent to, and counted in N.
  bool live() const { return state == PeerState::alive || state == PeerState::suspect; }

  /// RFC 6298's estimator, gains 1/8 and 1/4.
  void on_rtt(Duration sample);
};

}  // namespace starling
