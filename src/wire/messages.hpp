/// The messages of protocol/README.md as plain values, already checked.
#pragma once

#include <array>
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
/// What a sealed packet takes beyond a plain one: more header, and a tag. A plain one leaves as much free, so
/// that one carries what the other does.
inline constexpr std::size_t seal_bytes = 40;
/// Always fits an IPv6 path (1280 - 40 - 8), so nothing is ever fragmented.
inline constexpr std::size_t datagram_bytes_max = 1232;
inline constexpr std::size_t name_bytes_max = 63;
inline constexpr std::size_t software_bytes_max = 31;
inline constexpr std::size_t peers_per_heartbeat_max = 8;
inline constexpr std::size_t holdings_per_heartbeat_max = 24;
inline constexpr std::uint32_t heartbeat_interval_ms_max = 60'000;
inline constexpr std::uint32_t peer_delay_us_max = 64'000;
inline constexpr std::size_t keys_per_query_max = 128;
inline constexpr std::size_t names_per_answer_max = 24;
inline constexpr std::size_t rule_name_bytes_max = 256;
inline constexpr std::size_t principal_bytes_max = 256;

/// Places of live overrides are cut into this many ranges of equal length, each with a digest.
inline constexpr std::size_t override_buckets_count = 64;
inline constexpr std::size_t override_kinds_count = 4;
inline constexpr std::size_t override_bytes_max = 1024;  ///< encoded, by `override_bytes`
inline constexpr std::size_t override_name_bytes_max = 256;
inline constexpr std::size_t override_text_bytes_max = 512;
inline constexpr std::size_t override_matches_max = 16;
inline constexpr std::size_t override_limits_max = 8;
inline constexpr std::uint32_t override_window_s_max = 366 * 86'400;
inline constexpr std::uint64_t override_requests_max = 1'000'000'000'000;
inline constexpr std::size_t overrides_per_packet_max = 32;
inline constexpr std::uint64_t wall_ms_max = 253'402'300'799'000;  ///< the last second of the year 9999

enum class Kind : std::uint8_t {
  delta = 1,
  pull = 2,
  heartbeat = 3,
  inquiry = 4,
  witness = 5,
  overrides = 6,
  overrides_query = 7,
  names_query = 8,
  names = 9,
};

inline constexpr std::size_t kinds_count = 9;
/// Place of a kind in arrays by kind.
constexpr std::size_t index_of(Kind kind) {
  return static_cast<std::size_t>(kind) - 1;
}
constexpr std::string_view name(Kind kind) {
  constexpr std::array<std::string_view, kinds_count> names{"delta",           "pull",        "heartbeat",
                                                            "inquiry",         "witness",     "overrides",
                                                            "overrides_query", "names_query", "names"};
  return names[index_of(kind)];
}

/// The UDP port that a message belongs to.
constexpr Port port_of(Kind kind) {
  switch (kind) {
    case Kind::heartbeat:
    case Kind::inquiry:
    case Kind::witness:
      return Port::heartbeat;
    case Kind::delta:
    case Kind::pull:
    case Kind::overrides:
    case Kind::overrides_query:
    case Kind::names_query:
    case Kind::names:
      break;
  }
  return Port::sync;
}

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
  std::uint64_t overrides = 0;      ///< digest of the sender's live overrides; 0: it has no notion of them

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

struct OverrideMatch {
  std::string key;
  std::uint8_t kind = 0;
  std::string text;

  friend bool operator==(const OverrideMatch&, const OverrideMatch&) = default;
};

struct OverrideLimit {
  std::uint64_t requests = 0;
  std::uint32_t window_s = 0;

  friend bool operator==(const OverrideLimit&, const OverrideLimit&) = default;
};

/// One live override; what its fields mean is for `live` to say.
struct OverrideEntry {
  std::uint8_t kind = 0;
  std::string rule;
  std::string principal;
  std::vector<OverrideMatch> match;
  std::vector<OverrideLimit> limits;
  bool unlimited = false;
  bool learning = false;
  bool deleted = false;
  std::uint64_t wall_ms = 0;
  std::uint32_t logical = 0;
  OriginId origin;
  std::uint64_t expires_ms = 0;  ///< 0: never
  std::string set_by;
  std::string set_on;

  friend bool operator==(const OverrideEntry&, const OverrideEntry&) = default;
};

struct Overrides {
  OriginId sender;
  OriginId recipient;
  std::uint64_t question = 0;  ///< 0: news that nobody asked for
  std::uint64_t from = 0;
  std::uint64_t to = 0;
  bool last = false;
  std::vector<OverrideEntry> entries;
  std::uint32_t unknown_count = 0;  ///< entries of kinds that this version does not know; left out

  friend bool operator==(const Overrides&, const Overrides&) = default;
};

struct OverridesQuery {
  OriginId sender;
  OriginId recipient;
  std::uint64_t question = 0;
  std::uint64_t after = 0;
  std::array<std::uint64_t, override_buckets_count> buckets{};

  friend bool operator==(const OverridesQuery&, const OverridesQuery&) = default;
};

struct NamesQuery {
  OriginId sender;
  OriginId recipient;
  std::vector<CounterKey> keys;

  friend bool operator==(const NamesQuery&, const NamesQuery&) = default;
};

struct CounterName {
  CounterKey key;
  Hits limit = 0;
  std::uint32_t window_s = 0;
  std::string rule;
  std::string principal;

  friend bool operator==(const CounterName&, const CounterName&) = default;
};

struct Names {
  OriginId sender;
  OriginId recipient;
  std::vector<CounterName> names;

  friend bool operator==(const Names&, const Names&) = default;
};

}  // namespace starling::wire
