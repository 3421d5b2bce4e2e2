/// Messages of every kind, made of a fuzzer's choices: in the form that the wire wants, with contents that it
/// may not. And what holds of a message that was decoded: written again it says the same.
#pragma once

#include <algorithm>
#include <array>
#include <optional>
#include <span>
#include <string>
#include <tuple>
#include <vector>

#include "input.hpp"
#include "target.hpp"
#include "wire/codec.hpp"

namespace starling::fuzz {

inline constexpr std::array wire_kinds{
    wire::Kind::delta,           wire::Kind::pull,        wire::Kind::heartbeat,
    wire::Kind::inquiry,         wire::Kind::witness,     wire::Kind::overrides,
    wire::Kind::overrides_query, wire::Kind::names_query, wire::Kind::names};

/// Few origins, so that messages have to do with each other; and what engines told an address, to be told
/// back.
struct Scene {
  static constexpr std::uint64_t origins_count = 8;

  WallTime wall{std::chrono::hours(500'000)};
  std::uint64_t echo_ns = 0;
  OriginId sender;  // who seals; 0: anybody
  OriginId recipient;
  std::uint64_t question = 0;
  std::vector<CounterKey> keys;

  OriginId origin(Input& input) const {
    const std::uint64_t value = input.number();
    return value < 200 ? OriginId{value % origins_count + 1} : OriginId{value};
  }
  OriginId from(Input& input) const { return sender == OriginId{} ? origin(input) : sender; }
  OriginId to(Input& input) const { return input.flag() ? recipient : origin(input); }
  CounterKey key(Input& input) const {
    const std::uint64_t value = input.number();
    return keys.empty() || value >= 200 ? CounterKey{value} : keys[value % keys.size()];
  }
};

inline wire::Delta make_delta(Input& input, const Scene& scene) {
  constexpr std::array<std::uint32_t, 6> windows{1, 10, 60, 3600, 86'400, 366 * 86'400};
  wire::Delta delta;
  const std::uint8_t form = input.byte();
  delta.sender = scene.from(input);
  delta.origin = (form & 1U) != 0 ? scene.origin(input) : delta.sender;
  delta.recipient = scene.to(input);
  delta.ack = Version{input.number()};
  delta.partial = (form & 2U) != 0;
  delta.patient = (form & 4U) != 0;
  delta.from = Version{input.number()};
  wire::DeltaSize size(delta.from);
  std::uint64_t version = delta.from.value;
  const std::uint64_t now_s = ms_since_epoch(scene.wall) / 1000;
  for (std::size_t left = input.below(80); left > 0 && !input.done(); --left) {
    version += (form & 8U) != 0 ? input.number() : 1;
    const std::uint32_t window_s = windows[input.below(windows.size())];
    const wire::DeltaEntry entry{.window_s = window_s,
                                 .window_id = WindowId{now_s / window_s + input.below(4) - 1},
                                 .key = scene.key(input),
                                 .count = input.number(),
                                 .version = Version{version}};
    if (!size.add(entry)) break;
    delta.entries.push_back(entry);
  }
  delta.to = Version{(form & 16U) != 0 ? input.number() : version};
  return delta;
}

inline wire::Heartbeat make_heartbeat(Input& input, const Scene& scene) {
  wire::Heartbeat heartbeat;
  const std::uint8_t form = input.byte();
  heartbeat.sender = scene.from(input);
  heartbeat.recipient = scene.to(input);
  heartbeat.name = "n" + std::to_string(heartbeat.sender.value % 100);
  heartbeat.state = static_cast<wire::NodeState>(input.below(5));
  heartbeat.sync_port = 4290;
  heartbeat.version = Version{input.number()};
  heartbeat.ack = Version{input.number()};
  heartbeat.wall = (form & 1U) != 0 ? WallTime(std::chrono::milliseconds(input.number32())) : scene.wall;
  heartbeat.sent_ns = input.number() + 1;
  heartbeat.echo_ns = (form & 2U) != 0 ? scene.echo_ns : input.number();
  heartbeat.echo_held_us = (form & 4U) != 0 ? input.number32() : 0;
  for (std::size_t left = input.below(wire::peers_per_heartbeat_max + 1); left > 0 && !input.done(); --left)
    heartbeat.peers.push_back({.address = Address::v4(10, input.byte(), 0, input.byte()),
                               .port = input.flag() ? std::uint16_t{4291} : std::uint16_t{0}});
  for (std::size_t left = input.below(wire::holdings_per_heartbeat_max + 1); left > 0 && !input.done();
       --left)
    heartbeat.holdings.push_back({scene.origin(input), Version{input.number()}, input.number()});
  heartbeat.holdings_count =
      (form & 8U) != 0 ? input.number32() : static_cast<std::uint32_t>(heartbeat.holdings.size());
  heartbeat.lists_holdings = (form & 16U) != 0;
  heartbeat.interval_ms = (form & 32U) != 0 ? input.number32() : 200;
  heartbeat.wants_answer = (form & 64U) != 0;
  heartbeat.peer_delay_us = input.number32();
  heartbeat.overrides = (form & 128U) != 0 ? input.number() : 0;
  return heartbeat;
}

inline wire::OverrideEntry make_override(Input& input, const Scene& scene) {
  constexpr std::array rules{"per-principal", "path", "absent", ""};
  constexpr std::array principals{"", "alice", "bob", "svc-1"};
  wire::OverrideEntry entry;
  const std::uint8_t form = input.byte();
  entry.kind = static_cast<std::uint8_t>(input.below(wire::override_kinds_count + 1));
  entry.rule = rules[input.below(rules.size())];
  if (entry.kind >= 2) entry.principal = principals[input.below(principals.size())];
  if ((form & 1U) != 0)
    for (std::size_t left = input.below(3) + 1; left > 0; --left)
      entry.match.push_back({input.flag() ? "principal" : input.text(8),
                             static_cast<std::uint8_t>(input.below(4)),
                             input.flag() ? "alice" : input.text(20)});
  if (entry.kind == 0 && (form & 2U) == 0)
    for (std::size_t left = input.below(wire::override_limits_max) + 1; left > 0 && !input.done(); --left)
      entry.limits.push_back({input.number(), input.number32()});
  entry.unlimited = (form & 4U) != 0;
  entry.learning = (form & 8U) != 0;
  entry.deleted = (form & 16U) != 0;
  const auto now_ms = ms_since_epoch(scene.wall);
  entry.wall_ms = (form & 32U) != 0 ? input.number() : now_ms + input.byte();
  entry.logical = input.number32();
  entry.origin = scene.origin(input);
  if ((form & 64U) != 0) entry.expires_ms = now_ms + input.number32();
  if ((form & 128U) != 0) entry.set_by = input.text(wire::name_bytes_max);
  return entry;
}

inline wire::Overrides make_overrides(Input& input, const Scene& scene) {
  wire::Overrides overrides;
  overrides.sender = scene.from(input);
  overrides.recipient = scene.to(input);
  overrides.question = input.flag() ? scene.question : input.number();
  overrides.from = input.number();
  overrides.to = input.flag() ? ~std::uint64_t{0} : input.number();
  overrides.last = input.flag();
  std::size_t bytes = wire::overrides_fixed_bytes;
  for (std::size_t left = input.below(wire::overrides_per_packet_max + 2); left > 0 && !input.done();
       --left) {
    wire::OverrideEntry entry = make_override(input, scene);
    bytes += wire::override_bytes(entry);
    if (bytes > wire::datagram_bytes_max) break;
    overrides.entries.push_back(std::move(entry));
  }
  return overrides;
}

inline wire::OverridesQuery make_overrides_query(Input& input, const Scene& scene) {
  wire::OverridesQuery query;
  query.sender = scene.from(input);
  query.recipient = scene.to(input);
  query.question = input.number();
  query.after = input.number();
  const std::uint64_t every = input.number();
  for (std::uint64_t& bucket : query.buckets) bucket = input.done() ? every : input.number();
  return query;
}

inline wire::NamesQuery make_names_query(Input& input, const Scene& scene) {
  wire::NamesQuery query;
  query.sender = scene.from(input);
  query.recipient = scene.to(input);
  for (std::size_t left = input.below(wire::keys_per_query_max + 1); left > 0 && !input.done(); --left)
    query.keys.push_back(scene.key(input));
  return query;
}

inline wire::Names make_names(Input& input, const Scene& scene) {
  wire::Names names;
  names.sender = scene.from(input);
  names.recipient = scene.to(input);
  wire::NamesSize size;
  for (std::size_t left = input.below(wire::names_per_answer_max + 1); left > 0 && !input.done(); --left) {
    wire::CounterName name{.key = scene.key(input),
                           .limit = input.number(),
                           .window_s = input.number32(),
                           .rule = input.text(40),
                           .principal = input.text(255)};
    if (!size.add(name)) break;
    names.names.push_back(std::move(name));
  }
  return names;
}

/// A datagram of that kind; the span is the encoder's.
inline std::span<const std::byte> encode_made(wire::Encoder& encoder, wire::Kind kind, Input& input,
                                              const Scene& scene) {
  switch (kind) {
    case wire::Kind::delta:
      return encoder.encode(make_delta(input, scene));
    case wire::Kind::pull:
      return encoder.encode(wire::Pull{.sender = scene.from(input),
                                       .recipient = scene.to(input),
                                       .origin = scene.origin(input),
                                       .from = Version{input.number()}});
    case wire::Kind::heartbeat:
      return encoder.encode(make_heartbeat(input, scene));
    case wire::Kind::inquiry:
      return encoder.encode(wire::Inquiry{.sender = scene.from(input),
                                          .recipient = scene.to(input),
                                          .origin = scene.origin(input),
                                          .sent_ns = input.number()});
    case wire::Kind::witness:
      return encoder.encode(wire::Witness{.sender = scene.from(input),
                                          .recipient = scene.to(input),
                                          .origin = scene.origin(input),
                                          .echo_ns = input.flag() ? scene.echo_ns : input.number(),
                                          .heard_us = input.number32()});
    case wire::Kind::overrides:
      return encoder.encode(make_overrides(input, scene));
    case wire::Kind::overrides_query:
      return encoder.encode(make_overrides_query(input, scene));
    case wire::Kind::names_query:
      return encoder.encode(make_names_query(input, scene));
    case wire::Kind::names:
      break;
  }
  return encoder.encode(make_names(input, scene));
}

}  // namespace starling::fuzz
