/// What the tests of the wire share: random messages, and packets of any bytes.
#pragma once

#include <algorithm>
#include <array>
#include <cstring>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "base/random.hpp"
#include "wire/codec.hpp"
#include "wire/header.hpp"

namespace starling::wire {

inline constexpr std::uint64_t tag = 0x0123'4567'89ab'cdef;

using Packet = std::vector<std::byte>;

inline Packet copy_of(std::span<const std::byte> bytes) {
  return {bytes.begin(), bytes.end()};
}

/// A packet of our cluster with any body.
inline Packet packet(Kind kind, std::span<const std::byte> body) {
  Packet result(header_bytes + body.size());
  Header{.kind = kind, .cluster_tag = tag}.write(
      std::span<std::byte, header_bytes>(result.data(), header_bytes));
  std::copy(body.begin(), body.end(), result.begin() + header_bytes);
  return result;
}

inline constexpr std::array all_kinds{Kind::delta,           Kind::pull,        Kind::heartbeat,
                                      Kind::inquiry,         Kind::witness,     Kind::overrides,
                                      Kind::overrides_query, Kind::names_query, Kind::names};

/// Opens and decodes a packet as whatever it says it is. True if it was taken.
inline Result<Kind> decode(Decoder& decoder, std::span<const std::byte> bytes, Port port) {
  const auto kind = decoder.open(bytes, port);
  if (!kind) return kind;
  const auto outcome = [&](const auto& message) -> Result<Kind> {
    if (!message) return tl::unexpected(message.error());
    return kind;
  };
  switch (*kind) {
    case Kind::delta:
      return outcome(decoder.delta());
    case Kind::pull:
      return outcome(decoder.pull());
    case Kind::heartbeat:
      return outcome(decoder.heartbeat());
    case Kind::inquiry:
      return outcome(decoder.inquiry());
    case Kind::witness:
      return outcome(decoder.witness());
    case Kind::overrides:
      return outcome(decoder.overrides());
    case Kind::overrides_query:
      return outcome(decoder.overrides_query());
    case Kind::names_query:
      return outcome(decoder.names_query());
    case Kind::names:
      return outcome(decoder.names());
  }
  return fail(ErrorCode::unknown_kind);
}

/// Small, large and huge ones: bounds lie between.
inline std::uint64_t draw_u64(Random& random) {
  switch (random.below(4)) {
    case 0:
      return random.below(10);
    case 1:
      return random.below(0x1'0000'0000);
    case 2:
      return 0xFFFF'FFFF - 2 + random.below(5);
    default:
      return random.next();
  }
}

inline OriginId draw_origin(Random& random) {
  return OriginId{std::max<std::uint64_t>(1, draw_u64(random))};
}

struct DeltaShape {
  std::size_t entries_max = 1000;
  std::size_t windows_count = 4;
  double wide_share = 0.1;
};

/// As many entries as fit, by ascending version, in (from, to].
inline Delta draw_delta(Random& random, const DeltaShape& shape) {
  Delta delta;
  delta.sender = draw_origin(random);
  delta.origin = draw_origin(random);
  delta.recipient = OriginId{draw_u64(random)};
  delta.ack = Version{draw_u64(random)};
  delta.partial = random.chance(0.5);
  delta.patient = random.chance(0.5);
  delta.from = Version{draw_u64(random) / 2};
  DeltaSize size(delta.from);
  std::uint64_t version = delta.from.value;
  while (delta.entries.size() < shape.entries_max) {
    version += 1 + (random.chance(shape.wide_share / 4) ? 0x1'0000'0000 : random.below(50));
    DeltaEntry entry{.window_s = static_cast<std::uint32_t>(1 + random.below(shape.windows_count)),
                     .window_id = WindowId{},
                     .key = CounterKey{random.next()},
                     .count = random.chance(shape.wide_share) ? random.next() : random.below(0x1'0000'0000),
                     .version = Version{version}};
    entry.window_id = WindowId{entry.window_s * 1'000'000ULL};
    if (!size.add(entry)) break;
    delta.entries.push_back(entry);
  }
  delta.to =
      delta.entries.empty() ? delta.from : Version{delta.entries.back().version.value + random.below(3)};
  return delta;
}

inline std::string draw_name(Random& random, std::size_t bytes_max) {
  std::string name(random.below(bytes_max + 1), 'n');
  for (char& c : name) c = static_cast<char>('!' + random.below('~' - '!' + 1));
  return name;
}

inline Heartbeat draw_heartbeat(Random& random) {
  Heartbeat heartbeat;
  heartbeat.sender = draw_origin(random);
  heartbeat.recipient = OriginId{draw_u64(random)};
  heartbeat.name = draw_name(random, name_bytes_max);
  heartbeat.software = draw_name(random, software_bytes_max);
  heartbeat.state = static_cast<NodeState>(random.below(4));
  heartbeat.sync_port = static_cast<std::uint16_t>(1 + random.below(65'535));
  heartbeat.version = Version{draw_u64(random)};
  heartbeat.ack = Version{draw_u64(random)};
  heartbeat.wall =
      WallTime(WallClock::duration(static_cast<std::int64_t>(random.below(253'402'300'799'001))));
  heartbeat.sent_ns = draw_u64(random);
  heartbeat.echo_ns = draw_u64(random);
  heartbeat.echo_held_us = static_cast<std::uint32_t>(draw_u64(random));
  for (std::uint64_t i = random.below(peers_per_heartbeat_max + 1); i > 0; --i) {
    Endpoint peer{.address = {}, .port = static_cast<std::uint16_t>(1 + random.below(65'535))};
    for (auto& byte : peer.address.bytes) byte = static_cast<std::uint8_t>(1 + random.below(255));
    heartbeat.peers.push_back(peer);
  }
  for (std::uint64_t i = random.below(holdings_per_heartbeat_max + 1); i > 0; --i)
    heartbeat.holdings.push_back(
        Holding{OriginId{draw_u64(random)}, Version{draw_u64(random)}, draw_u64(random)});
  heartbeat.holdings_count = static_cast<std::uint32_t>(draw_u64(random));
  heartbeat.lists_holdings = random.chance(0.5);
  heartbeat.interval_ms = static_cast<std::uint32_t>(random.below(heartbeat_interval_ms_max + 1));
  heartbeat.wants_answer = random.chance(0.5);
  heartbeat.peer_delay_us = static_cast<std::uint32_t>(random.below(peer_delay_us_max + 1));
  heartbeat.overrides = draw_u64(random);
  return heartbeat;
}

inline Pull draw_pull(Random& random) {
  return Pull{.sender = draw_origin(random),
              .recipient = OriginId{draw_u64(random)},
              .origin = draw_origin(random),
              .from = Version{draw_u64(random)}};
}

inline Inquiry draw_inquiry(Random& random) {
  return Inquiry{.sender = draw_origin(random),
                 .recipient = OriginId{draw_u64(random)},
                 .origin = draw_origin(random),
                 .sent_ns = draw_u64(random)};
}

inline Witness draw_witness(Random& random) {
  return Witness{.sender = draw_origin(random),
                 .recipient = OriginId{draw_u64(random)},
                 .origin = draw_origin(random),
                 .echo_ns = draw_u64(random),
                 .heard_us = static_cast<std::uint32_t>(draw_u64(random))};
}

/// UTF-8 of one to four bytes a character.
inline std::string draw_text(Random& random, std::size_t bytes_max) {
  constexpr std::array<std::string_view, 6> characters{"a", "Z", " ", "\u00e4", "\u20ac", "\U0001f426"};
  std::string text;
  for (std::uint64_t i = random.below(bytes_max / 4 + 1); i > 0; --i)
    text += characters[random.below(characters.size())];
  return text;
}

inline OverrideEntry draw_override(Random& random) {
  OverrideEntry entry;
  entry.kind = static_cast<std::uint8_t>(random.below(override_kinds_count));
  entry.rule = draw_text(random, random.chance(0.1) ? override_name_bytes_max : 30);
  entry.principal = draw_text(random, random.chance(0.1) ? override_text_bytes_max : 30);
  for (std::uint64_t i = random.below(random.chance(0.1) ? 5 : 3); i > 0; --i)
    entry.match.push_back(
        {"key-" + std::to_string(9 - i), static_cast<std::uint8_t>(random.below(3)), draw_text(random, 40)});
  for (std::uint64_t i = random.below(override_limits_max + 1); i > 0; --i)
    entry.limits.push_back(
        {random.below(override_requests_max + 1), static_cast<std::uint32_t>(override_window_s_max - i)});
  entry.unlimited = random.chance(0.5);
  entry.learning = random.chance(0.5);
  entry.deleted = random.chance(0.5);
  entry.wall_ms = random.below(wall_ms_max + 1);
  entry.logical = static_cast<std::uint32_t>(draw_u64(random));
  entry.origin = draw_origin(random);
  entry.expires_ms = random.chance(0.5) ? 0 : random.below(wall_ms_max + 1);
  entry.set_by = draw_text(random, name_bytes_max);
  entry.set_on = draw_text(random, name_bytes_max);
  return entry;
}

/// As many entries as fit.
inline Overrides draw_overrides(Random& random) {
  Overrides overrides;
  overrides.sender = draw_origin(random);
  overrides.recipient = OriginId{draw_u64(random)};
  overrides.question = draw_u64(random);
  overrides.from = draw_u64(random);
  overrides.to = std::max(overrides.from, draw_u64(random));
  overrides.last = random.chance(0.5);
  std::size_t bytes = overrides_fixed_bytes;
  for (std::uint64_t i = random.below(12); i > 0; --i) {
    OverrideEntry entry = draw_override(random);
    const std::size_t more = override_bytes(entry);
    if (more > override_bytes_max || bytes + more > datagram_bytes_max) break;
    bytes += more;
    overrides.entries.push_back(std::move(entry));
  }
  return overrides;
}

inline OverridesQuery draw_overrides_query(Random& random) {
  OverridesQuery query{.sender = draw_origin(random),
                       .recipient = OriginId{draw_u64(random)},
                       .question = draw_u64(random),
                       .after = draw_u64(random)};
  for (std::uint64_t& bucket : query.buckets) bucket = draw_u64(random);
  return query;
}

inline NamesQuery draw_names_query(Random& random) {
  NamesQuery query{.sender = draw_origin(random), .recipient = OriginId{draw_u64(random)}, .keys = {}};
  for (std::uint64_t i = 1 + random.below(keys_per_query_max); i > 0; --i)
    query.keys.push_back(CounterKey{random.next()});
  return query;
}

/// Any bytes: names are what callers call themselves.
inline std::string draw_bytes(Random& random, std::size_t bytes_max) {
  std::string text(random.below(random.chance(0.1) ? bytes_max + 1 : std::min<std::size_t>(bytes_max, 40)),
                   0);
  for (char& c : text) c = static_cast<char>(random.next());
  return text;
}

/// As many names as fit, but at least one.
inline Names draw_names(Random& random) {
  Names names{.sender = draw_origin(random), .recipient = OriginId{draw_u64(random)}, .names = {}};
  NamesSize size;
  for (std::uint64_t i = 1 + random.below(2 * names_per_answer_max); i > 0; --i) {
    CounterName name{.key = CounterKey{random.next()},
                     .limit = draw_u64(random),
                     .window_s = static_cast<std::uint32_t>(1 + random.below(0xFFFF'FFFF)),
                     .rule = draw_bytes(random, rule_name_bytes_max),
                     .principal = draw_bytes(random, principal_bytes_max)};
    if (!size.add(name)) break;
    names.names.push_back(std::move(name));
  }
  return names;
}

}  // namespace starling::wire
