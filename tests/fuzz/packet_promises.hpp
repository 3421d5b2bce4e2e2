/// What holds of every packet that a decoder takes, whoever made it: its message is within the bounds of
/// protocol/README.md, and written again and read again it is the same message.
#pragma once

#include <algorithm>
#include <span>
#include <string>
#include <tuple>
#include <vector>

#include "base/keyed_hash.hpp"
#include "target.hpp"
#include "wire/codec.hpp"

namespace starling::fuzz {

inline std::uint64_t cluster_tag() {
  static const std::uint64_t tag = KeyedHash("starling").cluster_tag();
  return tag;
}

inline void check_bounds(const wire::Delta& delta) {
  REQUIRE_THAT(delta.sender != OriginId{} && delta.origin != OriginId{} && delta.from <= delta.to);
  Version last = delta.from;
  for (const wire::DeltaEntry& entry : delta.entries) {
    REQUIRE_THAT(entry.version > delta.from && entry.version <= delta.to && entry.version >= last);
    REQUIRE_THAT(entry.window_s != 0);
    last = entry.version;
  }
}
inline void check_bounds(const wire::Heartbeat& heartbeat) {
  REQUIRE_THAT(heartbeat.sender != OriginId{} && heartbeat.sync_port != 0);
  REQUIRE_THAT(heartbeat.name.size() <= wire::name_bytes_max);
  REQUIRE_THAT(heartbeat.software.size() <= wire::software_bytes_max);
  REQUIRE_THAT(heartbeat.state <= wire::NodeState::left);
  REQUIRE_THAT(heartbeat.peers.size() <= wire::peers_per_heartbeat_max);
  REQUIRE_THAT(heartbeat.holdings.size() <= wire::holdings_per_heartbeat_max);
  REQUIRE_THAT(heartbeat.interval_ms <= wire::heartbeat_interval_ms_max);
  REQUIRE_THAT(heartbeat.peer_delay_us <= wire::peer_delay_us_max);
  REQUIRE_THAT(ms_since_epoch(heartbeat.wall) <= wire::wall_ms_max);
  for (const Endpoint& peer : heartbeat.peers) REQUIRE_THAT(peer.port != 0 && !peer.address.is_unspecified());
}
inline void check_bounds(const wire::Overrides& overrides) {
  REQUIRE_THAT(overrides.sender != OriginId{} && overrides.from <= overrides.to);
  REQUIRE_THAT(overrides.entries.size() + overrides.unknown_count <= wire::overrides_per_packet_max);
  for (const wire::OverrideEntry& entry : overrides.entries) {
    REQUIRE_THAT(entry.kind < wire::override_kinds_count && entry.origin != OriginId{});
    REQUIRE_THAT(wire::override_bytes(entry) <= wire::override_bytes_max);
    REQUIRE_THAT(entry.match.size() <= wire::override_matches_max);
    REQUIRE_THAT(entry.limits.size() <= wire::override_limits_max);
    REQUIRE_THAT(entry.wall_ms <= wire::wall_ms_max && entry.expires_ms <= wire::wall_ms_max);
  }
}
inline void check_bounds(const wire::NamesQuery& query) {
  REQUIRE_THAT(query.sender != OriginId{} && !query.keys.empty());
  REQUIRE_THAT(query.keys.size() <= wire::keys_per_query_max);
}
inline void check_bounds(const wire::Names& names) {
  REQUIRE_THAT(names.sender != OriginId{} && !names.names.empty());
  REQUIRE_THAT(names.names.size() <= wire::names_per_answer_max);
}
template <class Message>
void check_bounds(const Message& message) {
  REQUIRE_THAT(message.sender != OriginId{});
}

/// Offsets in a buffer may lead to the same bytes many times, so that what was read takes more room than what
/// it came in: then as much is left out as does not fit. What the sizes say fits, the encoder must hold to
/// fit.
inline void leave_out_what_does_not_fit(wire::Delta& delta) {
  wire::DeltaSize size(delta.from);
  std::erase_if(delta.entries, [&](const wire::DeltaEntry& entry) { return !size.add(entry); });
}
inline void leave_out_what_does_not_fit(wire::Names& names) {
  wire::NamesSize size;
  std::erase_if(names.names, [&](const wire::CounterName& name) { return !size.add(name); });
}
inline void leave_out_what_does_not_fit(wire::Overrides& overrides) {
  std::size_t bytes = wire::overrides_fixed_bytes;
  std::erase_if(overrides.entries, [&](const wire::OverrideEntry& entry) {
    const bool fits = bytes + wire::override_bytes(entry) <= wire::datagram_bytes_max;
    if (fits) bytes += wire::override_bytes(entry);
    return !fits;
  });
  overrides.unknown_count = 0;  // they are not kept, so they cannot be handed on
}
template <class Message>
void leave_out_what_does_not_fit(Message&) {}

/// Entries of one version have no order among themselves.
inline void put_in_order(wire::Delta& delta) {
  std::sort(delta.entries.begin(), delta.entries.end(), [](const auto& a, const auto& b) {
    const auto all = [](const wire::DeltaEntry& entry) {
      return std::tuple(entry.version, entry.window_s, entry.window_id, entry.key, entry.count);
    };
    return all(a) < all(b);
  });
}
template <class Message>
void put_in_order(Message&) {}

/// Calls `visit` with the message behind an opened header, or returns why there is none.
template <class Visit>
Result<void> visit_message(wire::Decoder& decoder, wire::Kind kind, Visit&& visit) {
  const auto pass_on = [&](const auto& message) -> Result<void> {
    if (!message) return tl::unexpected(message.error());
    visit(**message);
    return {};
  };
  switch (kind) {
    case wire::Kind::delta:
      return pass_on(decoder.delta());
    case wire::Kind::pull:
      return pass_on(decoder.pull());
    case wire::Kind::heartbeat:
      return pass_on(decoder.heartbeat());
    case wire::Kind::inquiry:
      return pass_on(decoder.inquiry());
    case wire::Kind::witness:
      return pass_on(decoder.witness());
    case wire::Kind::overrides:
      return pass_on(decoder.overrides());
    case wire::Kind::overrides_query:
      return pass_on(decoder.overrides_query());
    case wire::Kind::names_query:
      return pass_on(decoder.names_query());
    case wire::Kind::names:
      break;
  }
  return pass_on(decoder.names());
}

/// Written, read, and compared.
template <class Message>
void check_same_again(Message message) {
  static wire::Encoder encoder(cluster_tag());
  static wire::Decoder decoder(cluster_tag());
  leave_out_what_does_not_fit(message);
  if constexpr (std::is_same_v<Message, wire::Names>) {
    if (message.names.empty()) return;  // of which there is no packet
  }
  const std::span<const std::byte> packet = encoder.encode(message);
  REQUIRE_THAT(packet.size() <= wire::datagram_bytes_max);
  const auto kind = decoder.open(packet, wire::port_of(wire::kind_of(packet)));
  REQUIRE_THAT(kind.has_value());
  const auto read = visit_message(decoder, *kind, [&](const auto& found) {
    if constexpr (std::is_same_v<std::decay_t<decltype(found)>, Message>) {
      Message again = found;
      put_in_order(again);
      put_in_order(message);
      REQUIRE_THAT(again == message);
    } else {
      constexpr bool is_a_kind_of_message = false;
      REQUIRE_THAT(is_a_kind_of_message);
    }
  });
  REQUIRE_THAT(read.has_value());
}

}  // namespace starling::fuzz
