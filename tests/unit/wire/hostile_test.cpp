/// Whatever comes in, the decoder gives a result, and what it lets through keeps the promises of
/// messages.hpp.
#include <doctest/doctest.h>

#include <array>

#include "base/plain_text.hpp"
#include "packets.hpp"

namespace starling::wire {
namespace {

constexpr int packets_count = 100'000;

bool plain(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c > 0x20 && c < 0x7F; });
}

void check_override(const OverrideEntry& entry) {
  REQUIRE(entry.kind < override_kinds_count);
  REQUIRE(override_bytes(entry) <= override_bytes_max);
  for (const std::string* text : {&entry.rule, &entry.principal, &entry.set_by, &entry.set_on})
    REQUIRE(is_plain_text(*text));
  REQUIRE(entry.set_by.size() <= name_bytes_max);
  REQUIRE(entry.match.size() <= override_matches_max);
  std::string previous;
  for (const OverrideMatch& match : entry.match) {
    REQUIRE(match.key > previous);
    REQUIRE(match.kind < 3);
    REQUIRE(is_plain_text(match.text));
    previous = match.key;
  }
  REQUIRE(entry.limits.size() <= override_limits_max);
  std::set<std::uint32_t> windows;
  for (const OverrideLimit& limit : entry.limits) {
    REQUIRE(limit.window_s >= 1);
    REQUIRE(limit.window_s <= override_window_s_max);
    REQUIRE(limit.requests <= override_requests_max);
    REQUIRE(windows.insert(limit.window_s).second);
  }
  REQUIRE(entry.origin.value != 0);
  REQUIRE(entry.wall_ms <= wall_ms_max);
  REQUIRE(entry.expires_ms <= wall_ms_max);
}

/// Decodes, and checks what was let through. True if it was.
bool take(Decoder& decoder, std::span<const std::byte> bytes, Port port) {
  const auto kind = decode(decoder, bytes, port);
  if (!kind) return false;
  if (*kind == Kind::delta) {
    const Delta& delta = **decoder.delta();
    REQUIRE(delta.sender.value != 0);
    REQUIRE(delta.origin.value != 0);
    REQUIRE(delta.from <= delta.to);
    REQUIRE(delta.entries.size() <= datagram_bytes_max / 16);
    Version previous = delta.from;
    for (const DeltaEntry& entry : delta.entries) {
      REQUIRE(entry.window_s != 0);
      REQUIRE(entry.version > delta.from);
      REQUIRE(entry.version <= delta.to);
      REQUIRE(entry.version >= previous);
      previous = entry.version;
    }
  } else if (*kind == Kind::heartbeat) {
    const Heartbeat& heartbeat = **decoder.heartbeat();
    REQUIRE(heartbeat.name.size() <= name_bytes_max);
    REQUIRE(heartbeat.software.size() <= software_bytes_max);
    REQUIRE(plain(heartbeat.name));
    REQUIRE(plain(heartbeat.software));
    REQUIRE(heartbeat.peers.size() <= peers_per_heartbeat_max);
    REQUIRE(heartbeat.holdings.size() <= holdings_per_heartbeat_max);
    REQUIRE(heartbeat.state <= NodeState::left);
    REQUIRE(ms_since_epoch(heartbeat.wall) <= 253'402'300'799'000);
    REQUIRE(heartbeat.interval_ms <= heartbeat_interval_ms_max);
    REQUIRE(heartbeat.peer_delay_us <= peer_delay_us_max);
  } else if (*kind == Kind::overrides) {
    const Overrides& overrides = **decoder.overrides();
    REQUIRE(overrides.sender.value != 0);
    REQUIRE(overrides.from <= overrides.to);
    REQUIRE(overrides.entries.size() + overrides.unknown_count <= overrides_per_packet_max);
    for (const OverrideEntry& entry : overrides.entries) check_override(entry);
  } else if (*kind == Kind::names_query) {
    const NamesQuery& query = **decoder.names_query();
    REQUIRE(query.sender.value != 0);
    REQUIRE_FALSE(query.keys.empty());
    REQUIRE(query.keys.size() <= keys_per_query_max);
  } else if (*kind == Kind::names) {
    const Names& names = **decoder.names();
    REQUIRE(names.sender.value != 0);
    REQUIRE_FALSE(names.names.empty());
    REQUIRE(names.names.size() <= names_per_answer_max);
    for (const CounterName& name : names.names) {
      REQUIRE(name.window_s != 0);
      REQUIRE(name.rule.size() <= rule_name_bytes_max);
      REQUIRE(name.principal.size() <= principal_bytes_max);
    }
  }
  return true;
}

std::vector<std::pair<Kind, Packet>> samples() {
  Encoder encoder(tag);
  std::vector<std::pair<Kind, Packet>> result;
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    Random random(seed);
    result.emplace_back(Kind::delta,
                        copy_of(encoder.encode(draw_delta(random, {.entries_max = random.below(80),
                                                                   .windows_count = 1 + random.below(6),
                                                                   .wide_share = random.unit()}))));
    result.emplace_back(Kind::heartbeat, copy_of(encoder.encode(draw_heartbeat(random))));
    result.emplace_back(Kind::pull, copy_of(encoder.encode(draw_pull(random))));
    result.emplace_back(Kind::inquiry, copy_of(encoder.encode(draw_inquiry(random))));
    result.emplace_back(Kind::witness, copy_of(encoder.encode(draw_witness(random))));
    result.emplace_back(Kind::overrides, copy_of(encoder.encode(draw_overrides(random))));
    result.emplace_back(Kind::overrides_query, copy_of(encoder.encode(draw_overrides_query(random))));
    result.emplace_back(Kind::names_query, copy_of(encoder.encode(draw_names_query(random))));
    result.emplace_back(Kind::names, copy_of(encoder.encode(draw_names(random))));
  }
  return result;
}

TEST_SUITE("wire.decoder hostile") {
  TEST_CASE("random bytes of any length") {
    Decoder decoder(tag);
    Random random(1);
    Packet bytes;
    std::size_t taken = 0;
    for (int i = 0; i < packets_count; ++i) {
      bytes.resize(random.below(random.chance(0.9) ? 100 : datagram_bytes_max + 10));
      for (std::byte& byte : bytes) byte = static_cast<std::byte>(random.next());
      taken += take(decoder, bytes, random.chance(0.5) ? Port::sync : Port::heartbeat);
    }
    CHECK(taken == 0);
  }

  TEST_CASE("random bodies behind a sound header, mostly of small numbers as offsets are") {
    Decoder decoder(tag);
    Random random(2);
    Packet body;
    for (int i = 0; i < packets_count; ++i) {
      body.resize(random.below(random.chance(0.9) ? 120 : datagram_bytes_max - header_bytes + 1));
      for (std::byte& byte : body)
        byte = static_cast<std::byte>(random.chance(0.7) ? random.below(40) : random.next());
      const auto kind = all_kinds[random.below(all_kinds.size())];
      take(decoder, packet(kind, body), port_of(kind));
    }
  }

  TEST_CASE("valid packets with bytes changed, words swapped, cut, grown or glued together") {
    Decoder decoder(tag);
    Random random(3);
    const auto valid = samples();
    std::array<std::size_t, 10> taken{};  // by kind
    for (int i = 0; i < 3 * packets_count; ++i) {
      const auto& [kind, whole] = valid[random.below(valid.size())];
      Packet bytes = whole;
      const std::size_t body_bytes = bytes.size() - header_bytes;
      switch (random.below(4)) {
        case 0:
          bytes.resize(random.below(bytes.size() + 1));
          break;
        case 1:
          bytes.resize(bytes.size() + random.below(200), static_cast<std::byte>(random.next()));
          break;
        case 2: {
          const auto& other = valid[random.below(valid.size())].second;
          bytes.resize(header_bytes + random.below(body_bytes));
          bytes.insert(bytes.end(), other.begin() + header_bytes, other.end());
          break;
        }
        default:
          break;
      }
      for (std::uint64_t flaws = random.below(6); flaws > 0 && bytes.size() > header_bytes; --flaws) {
        const std::size_t at = header_bytes + random.below(bytes.size() - header_bytes);
        switch (random.below(3)) {
          case 0:
            bytes[at] = static_cast<std::byte>(random.next());
            break;
          case 1:
            bytes[at] ^= static_cast<std::byte>(1U << random.below(8));
            break;
          default:
            std::swap(bytes[at], bytes[header_bytes + random.below(bytes.size() - header_bytes)]);
        }
      }
      taken[static_cast<std::size_t>(kind)] += take(decoder, bytes, port_of(kind));
    }
    for (const Kind kind : all_kinds)
      CHECK(taken[static_cast<std::size_t>(kind)] > 1000);  // so the checks in `take` have been at work
  }

  TEST_CASE("every single byte of a packet changed to every value") {
    Decoder decoder(tag);
    Random random(4);
    Encoder encoder(tag);
    const std::vector<std::pair<Kind, Packet>> small{
        {Kind::delta, copy_of(encoder.encode(draw_delta(random, {.entries_max = 3, .windows_count = 2})))},
        {Kind::pull, copy_of(encoder.encode(draw_pull(random)))},
        {Kind::heartbeat, copy_of(encoder.encode(draw_heartbeat(random)))},
        {Kind::inquiry, copy_of(encoder.encode(draw_inquiry(random)))},
        {Kind::witness, copy_of(encoder.encode(draw_witness(random)))},
        {Kind::overrides, copy_of(encoder.encode(draw_overrides(random)))},
        {Kind::overrides_query, copy_of(encoder.encode(draw_overrides_query(random)))},
        {Kind::names_query, copy_of(encoder.encode(NamesQuery{{1}, {2}, {{3}, {4}}}))},
        {Kind::names,
         copy_of(encoder.encode(Names{{1}, {2}, {{{3}, 4, 5, "r", "u=a"}, {{6}, 7, 8, "r", "u=b"}}}))}};
    for (const auto& [kind, whole] : small)
      for (std::size_t at = 0; at < whole.size(); ++at)
        for (int value = 0; value < 256; ++value) {
          Packet bytes = whole;
          bytes[at] = static_cast<std::byte>(value);
          take(decoder, bytes, port_of(kind));
        }
  }
}

}  // namespace
}  // namespace starling::wire
