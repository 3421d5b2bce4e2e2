/// What a node knows about another.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/endpoint.hpp"
#include "base/ids.hpp"
#include "base/time.hpp"
#include "membership/peer_delay.hpp"
#include "membership/sent_clocks.hpp"
#include "wire/key_ring.hpp"
#include "wire/messages.hpp"

namespace starling {

enum class PeerState : std::uint8_t {
  alive,    ///< answers our heartbeats
  suspect,  ///< we do not hear it; others may. Still sent to and counted
  dead,     ///< neither we nor others have heard it for too long, or another origin answers at its address
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

/// For how long nothing may be heard of a peer.
struct Patience {
  Duration suspect;  ///< longer: ask it to answer, and others whether they hear it
  Duration dead;
};

/// What to expect of a peer that says it sends us a heartbeat every `interval`. Three may be lost before it
/// is worth asking, and the asking, every 250 ms, gets at least 1.3 s: five rounds. At one second that is 3 s
/// and 4.3 s, so that a death is known everywhere within five.
constexpr Patience patience_at(Duration interval) {
  using std::chrono::milliseconds;
  const Duration suspect = std::max<Duration>(milliseconds(800), 3 * interval);
  return {.suspect = suspect, .dead = std::max<Duration>(milliseconds(2800), suspect + milliseconds(1300))};
}

/// How long a forged goodbye, or clock, counts against what its alleged sender goes on to say.
inline constexpr Duration false_word_lasts = std::chrono::seconds(10);
/// For how long what a peer has written is a sign of life, however late it comes. Deltas, which do not tell
/// when they were written, are one for as long after its last heartbeat.
inline constexpr Duration late_word_lasts = std::chrono::seconds(10);

struct Peer {
  OriginId origin;
  std::string name;
  std::string software;
  Endpoint heartbeat;  ///< where it answers heartbeats
  Endpoint sync;       ///< where it takes deltas
  PeerState state = PeerState::alive;
  wire::NodeState node_state = wire::NodeState::joining;
  Instant first_alive;
  std::uint64_t newest_sent_ns = 0;  ///< the newest clock in its heartbeats
  Instant last_heard;                ///< by ourselves
  Instant last_word;                 ///< when the newest of its heartbeats was written
  Instant vouched_at;                ///< when others are known to have heard it themselves
  Instant last_answer;               ///< when it last proved that it hears us too
  bool hears_us = true;              ///< `last_answer` is not older than a silence that means death
  Duration interval{};               ///< between its heartbeats, as it says; 0: it has not said (0.1.0)
  Instant next_inquiry;              ///< while nothing is heard of it
  SentClocks inquiries;              ///< of our last inquiries about it
  Instant state_since;
  Version version;                 ///< highest version it says it has published
  std::optional<Duration> rtt;     ///< smoothed
  Duration rtt_deviation{};        ///< smoothed mean deviation
  RoundTrips round_trips;          ///< the last ones as they were
  Duration reported_delay{};       ///< the largest peer delay that it says it has measured
  std::optional<wire::KeyId> key;  ///< that its last heartbeat was sealed with; nothing: it came plain
  std::int64_t clock_skew_ms = 0;  ///< its wall clock minus ours, smoothed
  bool skew_reported = false;

  /// Alive or suspect: sent to, and counted in N.
  bool live() const { return state == PeerState::alive || state == PeerState::suspect; }

  /// Most round trips are shorter.
  Duration rtt_bound() const { return rtt.value_or(std::chrono::milliseconds(100)) + 4 * rtt_deviation; }

  /// The last that is known of it.
  Instant last_sign() const { return std::max(last_heard, vouched_at); }

  /// Not one that comes twice, late or from a recording: they would keep the dead alive. The clock of one
  /// life never runs backwards.
  bool is_newer(const wire::Heartbeat& heard) const { return heard.sent_ns > newest_sent_ns; }
  /// Of one that has proven itself. A clock that was never its own may have been believed: after ten seconds
  /// without news whatever proves itself is news, and a recording's echo is too old for that.
  bool is_news(const wire::Heartbeat& heard, Instant now) const {
    return is_newer(heard) || now - last_answer > false_word_lasts;
  }
  /// Takes in what a heartbeat that answers ours says. `written`: when, by our clock.
  void on_heartbeat(const wire::Heartbeat& heard, Instant written, Instant now);

  /// RFC 6298's estimator, gains 1/8 and 1/4.
  void on_rtt(Duration sample);
};

}  // namespace starling
