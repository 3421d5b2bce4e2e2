/// The messages of protocol/README.md as plain values, already checked.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/endpoint.hpp"
#include "base/ids.hpp"
#include "base/time.hpp"

namespace starling::wire {

inline constexpr std::uint8_t protocol_version = 1;
inline constexpr std::size_t header_bytes = 16;
/// Always fits an IPv6 path (1280 - 40 - 8), so nothing is ever fragmented.
inline constexpr std::size_t datagram_bytes_max = 1232;
inline constexpr std::size_t name_bytes_max = 63;
inline constexpr std::size_t software_bytes_max = 31;
inline constexpr std::size_t peers_per_heartbeat_max = 8;
inline constexpr std::size_t holdings_per_heartbeat_max = 24;
inline constexpr std::uint32_t heartbeat_interval_ms_max = 60'000;
inline constexpr std::uint32_t peer_delay_us_max = 64'000;

enum class Kind : std::uint8_t { delta = 1, pull = 2, heartbeat = 3, inquiry = 4, witness = 5 };

struct DeltaEntry {
  std::uint32_t window_s = 0;
  WindowId window_id;
  CounterKey key;
  Hits count = 0;
  Version version;  ///< at the origin, in (from, to]

  friend bool operator==(const DeltaEntry&, const DeltaEntry&) = default;
};

struct Delta {
  OriginId sender;
  OriginId origin;
  Version from;
  Version to;
  OriginId recipient;
  Version ack;
  bool partial = false;             ///< entries are missing from (from, to]: nothing is claimed
  bool patient = false;             ///< the ack may wait for the next heartbeat
  std::vector<DeltaEntry> entries;  ///< by version, ascending

  friend bool operator==(const Delta&, const Delta&) = default;
};

struct Pull {
  OriginId sender;
  OriginId recipient;
  OriginId origin;
  Version from;

  friend bool operator==(const Pull&, const Pull&) = default;
};

struct Holding {
  OriginId origin;
  Version watermark;
  std::uint64_t beyond = 0;  ///< hash of what is held above the watermark, past a hole; 0: nothing

  friend bool operator==(const Holding&, const Holding&) = default;
};

enum class NodeState : std::uint8_t { joining, ready, leaving, left };

struct Heartbeat {
  OriginId sender;
  OriginId recipient;
  std::string name;
  std::string software;
  NodeState state = NodeState::joining;
  std::uint16_t sync_port = 0;
  Version version;
  Version ack;
  WallTime wall;
  std::uint64_t sent_ns = 0;
  std::uint64_t echo_ns = 0;
  std::uint32_t echo_held_us = 0;
  std::vector<Endpoint> peers;  ///< heartbeat endpoints
  std::vector<Holding> holdings;
  std::uint32_t holdings_count = 0;
  bool lists_holdings = false;      ///< the two above are meant for `recipient`, and complete
  std::uint32_t interval_ms = 0;    ///< between heartbeats to `recipient`; 0: not said
  bool wants_answer = false;        ///< the sender misses us
  std::uint32_t peer_delay_us = 0;  ///< the largest the sender has measured itself; 0: not said

  friend bool operator==(const Heartbeat&, const Heartbeat&) = default;
};

struct Inquiry {
  OriginId sender;
  OriginId recipient;
  OriginId origin;  ///< who is missed
  std::uint64_t sent_ns = 0;

  friend bool operator==(const Inquiry&, const Inquiry&) = default;
};

struct Witness {
  OriginId sender;
  OriginId recipient;
  OriginId origin;
  std::uint64_t echo_ns = 0;
  std::uint32_t heard_us = 0;  ///< how long ago `sender` heard `origin` itself

  friend bool operator==(const Witness&, const Witness&) = default;
};

}  // namespace starling::wire
