/// What an engine tells people who look at it. Copies: valid for as long as you like.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/endpoint.hpp"
#include "base/ids.hpp"
#include "base/result.hpp"
#include "base/time.hpp"
#include "gossip/gossip.hpp"
#include "limiter/live_override.hpp"
#include "live/live_table.hpp"
#include "wire/key_ring.hpp"

namespace starling {

enum class EngineState : std::uint8_t { joining, ready, leaving, left };

constexpr std::string_view name(EngineState state) {
  switch (state) {
    case EngineState::joining:
      return "joining";
    case EngineState::ready:
      return "ready";
    case EngineState::leaving:
      return "leaving";
    case EngineState::left:
      return "left";
  }
  return "unknown";
}

struct PeerView {
  std::string name;  ///< empty for a candidate that nobody has answered at
  Endpoint heartbeat;
  Endpoint sync;            ///< port 0 for a candidate
  OriginId origin;          ///< 0 for a candidate
  std::string_view state;   ///< "candidate", "alive", "suspect", "dead", "left"
  std::int64_t age_ms = 0;  ///< since it became a peer
  std::int64_t heard_ms_ago = 0;
  bool heard = false;  ///< of a candidate: it sends heartbeats, and has not shown yet that it hears ours
  std::optional<std::int64_t> rtt_us;
  std::int64_t lag_ms = 0;  ///< since when we miss something that it has published; 0: we miss nothing
  std::uint64_t missing_versions = 0;
  std::uint64_t unacked_versions = 0;
  std::int64_t clock_skew_ms = 0;  ///< its wall clock minus ours
  std::string software;
  std::optional<wire::KeyId> key;  ///< that its last heartbeat was sealed with; nothing: it came plain
};

/// What this node seals with and opens.
struct KeysView {
  std::vector<wire::KeyId> ids;  ///< of the ring, in its order
  wire::PlainPackets plain = wire::PlainPackets::sent;
  std::uint64_t opened = 0;   ///< sealed datagrams
  std::uint64_t derived = 0;  ///< subkeys, one for each sender and key met
};

/// One counter a request is held to, as merged here.
struct CounterView {
  struct Share {
    OriginId origin;
    Hits hits = 0;
  };
  std::string rule;
  Hits limit = 0;
  std::uint32_t window_s = 0;
  std::uint64_t window_id = 0;
  Hits total = 0;
  std::vector<Share> shares;  ///< by origin
};

/// A live override and its story.
struct LiveView {
  LiveOverride what;
  std::string set_by;  ///< who, as the client said; may be empty
  std::string set_on;  ///< name of the node that took it
  WallTime set_at;
  std::optional<WallTime> expires_at;
};

/// How full the bounded tables and queues are; for checks.
struct EngineSizes {
  std::size_t counters = 0;
  std::size_t components = 0;
  std::size_t origins = 0;
  std::size_t peers = 0;
  std::size_t addresses = 0;
  std::size_t names = 0;            ///< in the name book
  std::size_t names_asked = 0;      ///< keys that peers were asked about
  std::uint64_t names_refused = 0;  ///< so far: names that nobody had asked for
  std::size_t denied = 0;           ///< counters that denials are counted for
  GossipSizes gossip;
  std::size_t overrides = 0;  ///< live ones, tombstones included
};

struct EngineCounts {
  std::uint64_t allowed = 0;
  std::uint64_t denied = 0;
  std::uint64_t learned = 0;    ///< of the allowed: passed only because a limit that denies them learns
  std::uint64_t truncated = 0;  ///< decided by some of their limits only, for there were too many
  std::uint64_t uncounted = 0;  ///< limits not held because the counter table was full
  std::uint64_t datagrams_received = 0;
  std::uint64_t datagrams_accepted = 0;                    ///< taken whole
  std::array<std::uint64_t, error_codes_count> dropped{};  ///< by reason; also datagrams taken in part
  std::array<Traffic, purposes_count> sent{};              ///< by purpose
  TrafficByKind sent_by_kind{};
  TrafficByKind received_by_kind{};  ///< of our cluster and protocol, and opened; whatever became of them
  GossipCounts gossip;
  std::uint64_t counters_expired = 0;  ///< left with their window
  std::uint64_t counters_refused = 0;  ///< times that there was no room for one, or for an origin's share
  std::size_t counters_used = 0;
  std::size_t counters_max = 0;
  std::uint32_t nodes_count = 1;  ///< live nodes, this one included
  std::uint32_t known_count = 1;  ///< nodes of the neighborhood, reachable or not
  bool isolated = false;          ///< DNS lists others, and none is live
  Duration peer_delay{};          ///< D, as the neighborhood has agreed
  LiveCounts live;                ///< overrides that were set while running
  KeysView keys;
};

}  // namespace starling
