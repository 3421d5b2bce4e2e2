/// What the recorded packets say. `record_packets` wrote these messages with the encoder of the release that
/// the function names; every later decoder must read the same values from the recordings.
///
/// A release that changes the schema gets a function and a folder of its own (`recorded/README.md`). What is
/// here is never edited: fields that are added to a message later are expected at their defaults.
#pragma once

#include <string>
#include <variant>
#include <vector>

#include "wire/messages.hpp"

namespace starling::wire {

struct Recorded {
  std::string name;  ///< of the file, without `.hex`
  std::variant<Delta, Pull, Heartbeat, Inquiry, Witness, Overrides, OverridesQuery, NamesQuery, Names>
      message;
};

inline DeltaEntry recorded_entry(std::uint32_t window_s, std::uint64_t window_id, std::uint64_t key,
                                 Hits count, std::uint64_t version) {
  return DeltaEntry{.window_s = window_s,
                    .window_id = WindowId{window_id},
                    .key = CounterKey{key},
                    .count = count,
                    .version = Version{version}};
}

inline std::vector<Recorded> recorded_0_1_0() {
  std::vector<Recorded> all;

  // Narrow entries and, because of the count or because of the version, wide ones, in one window.
  Delta mixed{.sender = {0x1122'3344'5566'7788}, .origin = {0x1122'3344'5566'7788}, .from = {100}};
  mixed.to = Version{0x2'0000'0000};
  mixed.recipient = OriginId{0x99AA'BBCC'DDEE'FF01};
  mixed.ack = Version{0x0102'0304'0506'0708};
  mixed.entries = {recorded_entry(10, 180'000'000, 0xA1A2'A3A4'A5A6'A7A8, 1, 101),
                   recorded_entry(10, 180'000'000, 0xB1B2'B3B4'B5B6'B7B8, 0xFFFF'FFFF, 102),
                   recorded_entry(10, 180'000'000, 0xC1C2'C3C4'C5C6'C7C8, 0x1'0000'0000, 110),
                   recorded_entry(10, 180'000'000, 0xD1D2'D3D4'D5D6'D7D8, 500, 0x1'FFFF'FFFF)};
  all.push_back({"delta_mixed", mixed});

  // Handed on by another than its origin, about windows of several lengths, longest and shortest among them.
  Delta windows{.sender = {3}, .origin = {0xFFFF'FFFF'FFFF'FFFF}, .from = {0}, .to = {9}};
  windows.entries = {
      recorded_entry(1, 1'800'000'000, 11, 5, 1), recorded_entry(60, 30'000'000, 12, 600, 2),
      recorded_entry(1, 1'800'000'001, 11, 7, 3), recorded_entry(31'622'400, 56, 13, 0x7777'7777'77, 4),
      recorded_entry(3600, 500'000, 14, 0, 6),    recorded_entry(60, 30'000'000, 15, 601, 8),
      recorded_entry(1, 1'800'000'000, 16, 8, 9)};
  all.push_back({"delta_windows", windows});

  Delta partial{.sender = {5}, .origin = {6}, .from = {40}, .to = {50}, .recipient = {7}, .ack = {8}};
  partial.partial = true;
  partial.entries = {recorded_entry(10, 180'000'000, 17, 21, 45)};
  all.push_back({"delta_partial", partial});

  all.push_back(
      {"delta_ack", Delta{.sender = {5}, .origin = {5}, .recipient = {7}, .ack = {0xFFFF'FFFF'FFFF'FFFF}}});

  all.push_back({"pull", Pull{.sender = {0x1122'3344'5566'7788},
                              .recipient = {0x99AA'BBCC'DDEE'FF01},
                              .origin = {0x0102'0304'0506'0708},
                              .from = {77}}});

  // The first to an address of which nothing is known.
  Heartbeat small;
  small.sender = OriginId{0x1122'3344'5566'7788};
  small.sync_port = 4290;
  small.wall = WallTime(std::chrono::milliseconds(1'800'000'000'123));
  small.sent_ns = 3'600'000'000'001;
  all.push_back({"heartbeat_small", small});

  Heartbeat full;
  full.sender = OriginId{0x1122'3344'5566'7788};
  full.recipient = OriginId{0x99AA'BBCC'DDEE'FF01};
  full.name = std::string(name_bytes_max - 1, 'n') + "!";
  full.software = "0.1.0+recorded";
  full.state = NodeState::leaving;
  full.sync_port = 65'535;
  full.version = Version{0x2'0000'0000};
  full.ack = Version{0x1'0000'0001};
  full.wall = WallTime(std::chrono::milliseconds(253'402'300'799'000));
  full.sent_ns = 0xFFFF'FFFF'FFFF'FFFE;
  full.echo_ns = 0x8000'0000'0000'0001;
  full.echo_held_us = 0xFFFF'FFFF;
  for (std::uint8_t i = 1; i <= peers_per_heartbeat_max; ++i) {
    Endpoint peer{.address = Address::v4(10, 0, 1, i), .port = static_cast<std::uint16_t>(4290 + i)};
    if (i % 2 == 0) peer.address.bytes = {0xFD, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, i};
    full.peers.push_back(peer);
  }
  for (std::uint64_t i = 1; i <= holdings_per_heartbeat_max; ++i)
    full.holdings.push_back(Holding{OriginId{i << 40}, Version{i}, i % 3 == 0 ? 0 : ~i});
  full.holdings_count = 300;
  full.lists_holdings = true;
  all.push_back({"heartbeat_full", full});
  return all;
}

/// The kinds of messages that 0.1.0 had no notion of.
inline std::vector<Recorded> recorded_0_2_0() {
  constexpr OriginId sender{0x1122'3344'5566'7788};
  constexpr OriginId recipient{0x99AA'BBCC'DDEE'FF01};
  std::vector<Recorded> all;
  all.push_back({"inquiry", Inquiry{sender, recipient, {0x0102'0304'0506'0708}, 0xFFFF'FFFF'FFFF'FFFE}});
  all.push_back(
      {"witness", Witness{sender, recipient, {0x0102'0304'0506'0708}, 0xFFFF'FFFF'FFFF'FFFE, 1'234'567}});

  OverrideEntry limits{.kind = 0, .rule = "per-principal", .principal = "principal=alice@example.com"};
  limits.limits = {{500, 10}, {override_requests_max, override_window_s_max}};
  limits.wall_ms = 1'800'000'000'123;
  limits.logical = 7;
  limits.origin = OriginId{0x0102'0304'0506'0708};
  limits.expires_ms = 1'800'003'600'000;
  limits.set_by = "J\u00e9r\u00f4me";
  limits.set_on = "node-1";
  OverrideEntry match{
      .kind = 1, .rule = "login", .match = {{"client_ip", 1, "10.0."}, {"path", 0, "/login"}}};
  match.unlimited = match.learning = true;
  match.wall_ms = wall_ms_max;
  match.origin = OriginId{0xFFFF'FFFF'FFFF'FFFF};
  OverrideEntry gone{.kind = 3, .rule = "x", .deleted = true, .wall_ms = 1, .origin = {1}};
  all.push_back({"overrides", Overrides{.sender = sender,
                                        .recipient = recipient,
                                        .question = 0x8000'0000'0000'0001,
                                        .from = 5,
                                        .to = 0xFFFF'FFFF'FFFF'FFFF,
                                        .last = true,
                                        .entries = {limits, match, gone}}});

  OverridesQuery query{.sender = sender, .recipient = recipient, .question = 99, .after = 1ULL << 58};
  for (std::size_t i = 0; i < query.buckets.size(); ++i) query.buckets[i] = ~(i << 32);
  all.push_back({"overrides_query", query});

  NamesQuery asked{.sender = sender, .recipient = recipient, .keys = {}};
  for (std::uint64_t i = 0; i < keys_per_query_max; ++i) asked.keys.push_back(CounterKey{i << 56 | i});
  all.push_back({"names_query", asked});

  all.push_back(
      {"names", Names{.sender = sender,
                      .recipient = recipient,
                      .names = {{{0xA1A2'A3A4'A5A6'A7A8}, 500, 10, "per-principal", "principal=alice"},
                                {{1}, hits_max, 31'622'400, "", std::string("\x00\xff\n", 3)}}}});
  return all;
}

}  // namespace starling::wire
