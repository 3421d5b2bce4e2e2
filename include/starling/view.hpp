/// What a node or an engine tells about itself and its peers. Copies: valid for as long as you like.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace starling::embed {

/// How far a node is in its life. It only ever goes on to the next.
enum class State : std::uint8_t {
  idle,     ///< not started, or the start failed; decides nothing
  joining,  ///< started; peers' counts are still missing, so more than the limit may pass
  ready,    ///< all peers' counts are in, or `join-timeout` is over
  leaving,  ///< told to drain or stop; still decides and counts
  left,     ///< has said goodbye to its peers; decides nothing
};

/// "idle", "joining", "ready", "leaving", "left".
constexpr std::string_view name(State state) {
  switch (state) {
    case State::idle:
      return "idle";
    case State::joining:
      return "joining";
    case State::ready:
      return "ready";
    case State::leaving:
      return "leaving";
    case State::left:
      return "left";
  }
  return "unknown";
}

/// Another node of the neighborhood, or an address at which there may be one.
struct Peer {
  std::string name;               ///< as it calls itself; empty for a candidate that nobody has answered at
  std::string address;            ///< where it takes heartbeats: "10.0.0.7:4291", "[fd00::7]:4291"
  std::uint64_t origin = 0;       ///< the id of its present life; 0 for a candidate
  std::string state;              ///< "candidate", "alive", "suspect", "dead" or "left"
  std::string version;            ///< of its software; empty for a candidate
  std::int64_t heard_ms_ago = 0;  ///< since it was last heard, in milliseconds
  std::optional<std::int64_t> rtt_us;  ///< round-trip time in microseconds, once there is one
  std::int64_t lag_ms = 0;             ///< for how long we have missed something it has published; 0: nothing
  std::int64_t clock_skew_ms = 0;      ///< its wall clock minus ours, in milliseconds
};

/// Sums since the start, and how full the tables are.
struct Counts {
  std::uint64_t allowed = 0;       ///< decisions that let a request pass
  std::uint64_t denied = 0;        ///< decisions that did not
  std::uint64_t failed = 0;        ///< requests that passed because an error kept them from being decided
  std::uint64_t uncounted = 0;     ///< limits that could not be held because the counter table was full
  std::size_t counters = 0;        ///< counters in use
  std::size_t counters_max = 0;    ///< room for counters: `max-counters`
  std::uint32_t cluster_size = 1;  ///< live nodes, this one included
  std::uint32_t rules = 0;         ///< rules in force
  bool isolated = false;           ///< others are known, and none of them can be reached
};

/// A node as a whole.
struct Status {
  std::string name;                       ///< what peers and people call this node
  std::string cluster;                    ///< nodes of other clusters are ignored
  std::uint64_t origin = 0;               ///< random id of this life of the node
  State state = State::idle;              ///< as `Node::state()`
  std::int64_t uptime_ms = 0;             ///< since `start()`, in milliseconds
  std::string sync_address;               ///< where deltas come in (UDP): "10.0.0.1:4290"
  std::string heartbeat_address;          ///< where heartbeats come in (UDP): "10.0.0.1:4291"
  std::vector<std::string> neighborhood;  ///< addresses that the neighborhood resolved to last
  Counts counts;                          ///< sums since `start()`
  std::vector<std::string> advice;  ///< what a person should do next, most pressing first; empty: all is well
};

}  // namespace starling::embed
