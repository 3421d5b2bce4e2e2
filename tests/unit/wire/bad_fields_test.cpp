/// Packets that are good FlatBuffers and yet say what must not be said: each is refused with the number of
/// the field, as in protocol/README.md.
#include <doctest/doctest.h>

#include <tuple>

#include "packets.hpp"
#include "starling_generated.h"

namespace starling::wire {
namespace {

using flatbuffers::FlatBufferBuilder;

/// The table that `build` writes, as a packet.
template <class Build>
Packet built(Kind kind, const Build& build) {
  FlatBufferBuilder builder;
  builder.Finish(build(builder));
  const std::span bytes(reinterpret_cast<const std::byte*>(builder.GetBufferPointer()), builder.GetSize());
  return packet(kind, bytes);
}

Error refusal(const Packet& bytes, Kind kind) {
  Decoder decoder(tag);
  const auto outcome = decode(decoder, bytes, port_of(kind));
  return outcome ? Error{} : outcome.error();
}

Error field(std::uint32_t number) {
  return Error{ErrorCode::bad_field, number};
}
const Error none{};

struct DeltaFields {
  std::uint64_t sender = 1;
  std::uint64_t origin = 2;
  std::uint64_t from = 10;
  std::uint64_t to = 20;
  std::uint32_t window_s = 1;
  std::vector<fb::Entry> entries{fb::Entry(1, 1, 1)};
  std::vector<fb::WideEntry> wide;
  std::size_t groups_count = 1;
};

Error refusal(const DeltaFields& fields) {
  return refusal(
      built(Kind::delta,
            [&](FlatBufferBuilder& builder) {
              std::vector<flatbuffers::Offset<fb::Group>> groups;
              for (std::size_t i = 0; i < fields.groups_count; ++i)
                groups.push_back(fb::CreateGroupDirect(builder, 1000 + i, fields.window_s,
                                                       fields.entries.empty() ? nullptr : &fields.entries,
                                                       fields.wide.empty() ? nullptr : &fields.wide));
              return fb::CreateDeltaDirect(builder, fields.sender, fields.origin, fields.from, fields.to,
                                           &groups);
            }),
      Kind::delta);
}

struct HeartbeatFields {
  std::uint64_t sender = 1;
  std::string name = "node-1";
  std::string software = "0.1.0";
  int state = 1;
  std::uint16_t sync_port = 4290;
  std::size_t peers_count = 0;
  std::size_t holdings_count = 0;
};

Packet heartbeat_packet(const HeartbeatFields& fields) {
  return built(Kind::heartbeat, [&](FlatBufferBuilder& builder) {
    const std::vector<fb::PeerAddress> peers(fields.peers_count);
    const std::vector<fb::Holding> holdings(fields.holdings_count);
    const auto name = builder.CreateString(fields.name);
    const auto software = builder.CreateString(fields.software);
    const auto peers_at = builder.CreateVectorOfStructs(peers);
    const auto holdings_at = builder.CreateVectorOfStructs(holdings);
    return fb::CreateHeartbeat(builder, fields.sender, 0, name, software,
                               static_cast<fb::NodeState>(fields.state), fields.sync_port, 0, 0, 0, 0, 0, 0,
                               peers_at, holdings_at);
  });
}

Error refusal(const HeartbeatFields& fields) {
  return refusal(heartbeat_packet(fields), Kind::heartbeat);
}

TEST_SUITE("wire.decoder bad_field") {
  TEST_CASE("a sound delta is taken") {
    CHECK(refusal(DeltaFields{}) == none);
  }

  TEST_CASE("1, 2: no message without a sender, no delta or pull without an origin") {
    CHECK(refusal(DeltaFields{.sender = 0}) == field(1));
    CHECK(refusal(DeltaFields{.origin = 0}) == field(2));
    CHECK(refusal(HeartbeatFields{.sender = 0}) == field(1));
    const auto pull = [](std::uint64_t sender, std::uint64_t origin) {
      return refusal(
          built(Kind::pull,
                [&](FlatBufferBuilder& builder) { return fb::CreatePull(builder, sender, 5, origin, 6); }),
          Kind::pull);
    };
    CHECK(pull(1, 2) == none);
    CHECK(pull(0, 2) == field(1));
    CHECK(pull(1, 0) == field(2));
  }

  TEST_CASE("1, 2: no inquiry and no witness without a sender and somebody that it is about") {
    for (const auto& [sender, origin, expected] :
         {std::tuple{1U, 2U, none}, std::tuple{0U, 2U, field(1)}, std::tuple{1U, 0U, field(2)}}) {
      CHECK(refusal(built(Kind::inquiry,
                          [sender = sender, origin = origin](FlatBufferBuilder& builder) {
                            return fb::CreateInquiry(builder, sender, 5, origin, 6);
                          }),
                    Kind::inquiry) == expected);
      CHECK(refusal(built(Kind::witness,
                          [sender = sender, origin = origin](FlatBufferBuilder& builder) {
                            return fb::CreateWitness(builder, sender, 5, origin, 6, 7);
                          }),
                    Kind::witness) == expected);
    }
  }

  TEST_CASE("an interval and a delay above their bounds are brought down to them") {
    Decoder decoder(tag);
    const Packet bytes = built(Kind::heartbeat, [&](FlatBufferBuilder& builder) {
      return fb::CreateHeartbeat(builder, 1, 0, 0, 0, fb::NodeState::ready, 4290, 0, 0, 0, 0, 0, 0, 0, 0, 0,
                                 false, 0xFFFF'FFFF, false, 0xFFFF'FFFF);
    });
    REQUIRE(decoder.open(bytes, Port::heartbeat));
    CHECK((*decoder.heartbeat())->interval_ms == heartbeat_interval_ms_max);
    CHECK((*decoder.heartbeat())->peer_delay_us == peer_delay_us_max);
  }

  TEST_CASE("an empty table lacks its sender") {
    CHECK(refusal(built(Kind::delta, [](auto& builder) { return fb::CreateDelta(builder); }), Kind::delta) ==
          field(1));
    CHECK(refusal(built(Kind::pull, [](auto& builder) { return fb::CreatePull(builder); }), Kind::pull) ==
          field(1));
    CHECK(refusal(built(Kind::heartbeat, [](auto& builder) { return fb::CreateHeartbeat(builder); }),
                  Kind::heartbeat) == field(1));
  }

  TEST_CASE("3: versions do not run backwards") {
    CHECK(refusal(DeltaFields{.from = 20, .to = 20, .entries = {}, .groups_count = 0}) == none);
    CHECK(refusal(DeltaFields{.from = 21, .to = 20, .entries = {}, .groups_count = 0}) == field(3));
    CHECK(refusal(DeltaFields{.from = hits_max, .to = 0}) == field(3));
  }

  TEST_CASE("4: a window has a length") {
    CHECK(refusal(DeltaFields{.window_s = 0}) == field(4));
  }

  TEST_CASE("5: every entry's version is in (from, to], even where the sum overflows") {
    CHECK(refusal(DeltaFields{.entries = {fb::Entry(1, 1, 10)}}) == none);
    CHECK(refusal(DeltaFields{.entries = {fb::Entry(1, 1, 0)}}) == field(5));
    CHECK(refusal(DeltaFields{.entries = {fb::Entry(1, 1, 11)}}) == field(5));
    CHECK(refusal(DeltaFields{.entries = {fb::Entry(1, 1, 1), fb::Entry(2, 1, 11), fb::Entry(3, 1, 2)}}) ==
          field(5));
    CHECK(refusal(DeltaFields{.from = hits_max - 1, .to = hits_max, .entries = {fb::Entry(1, 1, 1)}}) ==
          none);
    CHECK(refusal(DeltaFields{.from = hits_max - 1, .to = hits_max, .entries = {fb::Entry(1, 1, 2)}}) ==
          field(5));
    CHECK(refusal(DeltaFields{
              .from = hits_max - 1, .to = hits_max, .entries = {fb::Entry(1, 1, 0xFFFF'FFFF)}}) == field(5));
    CHECK(refusal(DeltaFields{.entries = {}, .wide = {fb::WideEntry(1, 1, 11)}}) == none);
    CHECK(refusal(DeltaFields{.entries = {}, .wide = {fb::WideEntry(1, 1, 10)}}) == field(5));
    CHECK(refusal(DeltaFields{.entries = {}, .wide = {fb::WideEntry(1, 1, 21)}}) == field(5));
  }

  TEST_CASE("6: a group has entries") {
    CHECK(refusal(DeltaFields{.entries = {}}) == field(6));
    CHECK(refusal(DeltaFields{.entries = {}, .groups_count = 0}) == none);
  }

  TEST_CASE("6: offsets that lead to one large vector again and again are not walked each time") {
    const Packet bytes = built(Kind::delta, [](FlatBufferBuilder& builder) {
      const std::vector<fb::Entry> entries(40, fb::Entry(1, 1, 1));
      const auto shared = builder.CreateVectorOfStructs(entries);
      const auto group = fb::CreateGroup(builder, 1, 1, shared);
      const std::vector<flatbuffers::Offset<fb::Group>> groups(100, group);
      return fb::CreateDelta(builder, 1, 2, 0, 1, builder.CreateVector(groups));
    });
    REQUIRE(bytes.size() <= datagram_bytes_max);
    CHECK(refusal(bytes, Kind::delta) == field(6));
  }

  TEST_CASE("a message that nests more tables than any of ours is malformed") {
    const Packet bytes = built(Kind::delta, [](FlatBufferBuilder& builder) {
      const auto group = fb::CreateGroup(builder, 1, 1);
      const std::vector<flatbuffers::Offset<fb::Group>> groups(270, group);
      return fb::CreateDelta(builder, 1, 2, 0, 1, builder.CreateVector(groups));
    });
    REQUIRE(bytes.size() <= datagram_bytes_max);
    CHECK(refusal(bytes, Kind::delta) == Error{ErrorCode::malformed});
  }

  TEST_CASE("a list that does not lie where its numbers can be read is malformed") {
    // The vector is moved to the end and to a multiple of 8: its length is aligned there, as the verifier
    // wants it, the elements behind it are not.
    const auto moved_vector = [](Packet bytes, std::span<const std::byte> marker) {
      const auto at = std::search(bytes.begin() + header_bytes, bytes.end(), marker.begin(), marker.end());
      REQUIRE(at != bytes.end());
      const auto vector_at = at - 4;
      Packet moved(vector_at, at + static_cast<std::ptrdiff_t>(marker.size()));
      for (auto offset_at = bytes.begin() + header_bytes; offset_at + 4 <= vector_at; offset_at += 4) {
        std::uint32_t offset = 0;
        std::memcpy(&offset, &*offset_at, 4);
        if (offset != static_cast<std::uint32_t>(vector_at - offset_at)) continue;
        const auto offset_index = static_cast<std::size_t>(offset_at - bytes.begin());
        bytes.resize((bytes.size() + 7) / 8 * 8);  // the header's 16 bytes do not matter to that
        offset = static_cast<std::uint32_t>(bytes.size() - offset_index);
        std::memcpy(bytes.data() + offset_index, &offset, 4);
        bytes.insert(bytes.end(), moved.begin(), moved.end());
        return bytes;
      }
      FAIL("no offset leads to the vector");
      return bytes;
    };
    const auto entry = fb::Entry(0x1122'3344'5566'7788, 0x99AA'BBCC, 1);
    const auto delta = built(Kind::delta, [&](FlatBufferBuilder& builder) {
      const std::vector<fb::Entry> entries{entry};
      const std::vector<flatbuffers::Offset<fb::Group>> groups{
          fb::CreateGroupDirect(builder, 1, 1, &entries)};
      return fb::CreateDeltaDirect(builder, 1, 2, 0, 5, &groups);
    });
    REQUIRE(refusal(delta, Kind::delta) == none);
    CHECK(refusal(moved_vector(delta, std::as_bytes(std::span(&entry, 1))), Kind::delta) ==
          Error{ErrorCode::malformed});

    const auto holding = fb::Holding(0x1122'3344'5566'7788, 0x99AA'BBCC'DDEE'FF00, 7);
    const auto heartbeat = built(Kind::heartbeat, [&](FlatBufferBuilder& builder) {
      const std::vector<fb::Holding> holdings{holding};
      const auto holdings_at = builder.CreateVectorOfStructs(holdings);
      return fb::CreateHeartbeat(builder, 1, 0, 0, 0, fb::NodeState::ready, 4290, 0, 0, 0, 0, 0, 0, 0,
                                 holdings_at);
    });
    REQUIRE(refusal(heartbeat, Kind::heartbeat) == none);
    CHECK(refusal(moved_vector(heartbeat, std::as_bytes(std::span(&holding, 1))), Kind::heartbeat) ==
          Error{ErrorCode::malformed});
  }

  TEST_CASE("7: names are printable ASCII without spaces, within their bounds") {
    CHECK(refusal(HeartbeatFields{}) == none);
    CHECK(refusal(HeartbeatFields{.name = "", .software = ""}) == none);
    CHECK(refusal(HeartbeatFields{.name = std::string(name_bytes_max, 'n')}) == none);
    CHECK(refusal(HeartbeatFields{.name = std::string(name_bytes_max + 1, 'n')}) == field(7));
    CHECK(refusal(HeartbeatFields{.software = std::string(software_bytes_max, 's')}) == none);
    CHECK(refusal(HeartbeatFields{.software = std::string(software_bytes_max + 1, 's')}) == field(7));
    for (int c = 0; c < 256; ++c) {
      CAPTURE(c);
      const std::string text{'a', static_cast<char>(c), 'b'};
      const Error expected = c > 0x20 && c < 0x7F ? none : field(7);
      CHECK(refusal(HeartbeatFields{.name = text}) == expected);
      CHECK(refusal(HeartbeatFields{.software = text}) == expected);
    }
  }

  TEST_CASE("8: a state is one of four") {
    for (int state = 0; state < 256; ++state)
      CHECK(refusal(HeartbeatFields{.state = state}) == (state <= 3 ? none : field(8)));
  }

  TEST_CASE("9: a peer has a sync port") {
    CHECK(refusal(HeartbeatFields{.sync_port = 0}) == field(9));
  }

  TEST_CASE("10, 11: lists are no longer than they may be") {
    CHECK(refusal(HeartbeatFields{.peers_count = peers_per_heartbeat_max}) == none);
    CHECK(refusal(HeartbeatFields{.peers_count = peers_per_heartbeat_max + 1}) == field(10));
    CHECK(refusal(HeartbeatFields{.holdings_count = holdings_per_heartbeat_max}) == none);
    CHECK(refusal(HeartbeatFields{.holdings_count = holdings_per_heartbeat_max + 1}) == field(11));
  }

  TEST_CASE("peers that nobody can be reached at are left out") {
    Decoder decoder(tag);
    REQUIRE(decoder.open(heartbeat_packet({.peers_count = 3}), Port::heartbeat));  // all are [::]:0
    const auto read = decoder.heartbeat();
    REQUIRE(read);
    CHECK((*read)->peers.empty());
  }

  TEST_CASE("clocks beyond all calendars are brought to their ends") {
    for (const auto& [sent, expected] : std::vector<std::pair<std::int64_t, std::int64_t>>{
             {std::numeric_limits<std::int64_t>::min(), 0},
             {-1, 0},
             {0, 0},
             {1'700'000'000'000, 1'700'000'000'000},
             {253'402'300'799'000, 253'402'300'799'000},
             {std::numeric_limits<std::int64_t>::max(), 253'402'300'799'000}}) {
      Decoder decoder(tag);
      const Packet bytes = built(Kind::heartbeat, [sent = sent](FlatBufferBuilder& builder) {
        return fb::CreateHeartbeat(builder, 1, 0, 0, 0, fb::NodeState::ready, 4290, 0, 0, sent);
      });
      REQUIRE(decoder.open(bytes, Port::heartbeat));
      CHECK((*decoder.heartbeat())->wall.time_since_epoch().count() == expected);
    }
  }

  TEST_CASE("1, 20, 21, 27: overrides and questions about them as a whole") {
    using Entries = std::vector<flatbuffers::Offset<fb::Override>>;
    const auto overrides = [](std::uint64_t sender, std::uint64_t from, std::uint64_t to, std::size_t count) {
      return refusal(built(Kind::overrides,
                           [&](FlatBufferBuilder& builder) {
                             Entries entries;
                             for (std::size_t i = 0; i < count; ++i) {
                               fb::OverrideBuilder entry(builder);
                               entry.add_origin(1);
                               entries.push_back(entry.Finish());
                             }
                             return fb::CreateOverridesDirect(builder, sender, 2, 0, from, to, true,
                                                              &entries);
                           }),
                     Kind::overrides);
    };
    CHECK(overrides(1, 5, 5, overrides_per_packet_max) == none);
    CHECK(overrides(0, 5, 5, 1) == field(1));
    CHECK(overrides(1, 6, 5, 1) == field(20));
    CHECK(overrides(1, 5, 5, overrides_per_packet_max + 1) == field(21));
    const auto query = [](std::uint64_t sender, std::size_t count) {
      return refusal(built(Kind::overrides_query,
                           [&](FlatBufferBuilder& builder) {
                             const std::vector<std::uint64_t> buckets(count);
                             return fb::CreateOverridesQueryDirect(builder, sender, 2, 1, 0, &buckets);
                           }),
                     Kind::overrides_query);
    };
    CHECK(query(1, override_buckets_count) == none);
    CHECK(query(0, override_buckets_count) == field(1));
    CHECK(query(1, override_buckets_count - 1) == field(27));
    CHECK(query(1, override_buckets_count + 1) == field(27));
    CHECK(query(1, 0) == field(27));
  }

  TEST_CASE("22 to 26: one override whose fields are outside their bounds") {
    Encoder encoder(tag);
    const auto refused = [&](const OverrideEntry& entry) {
      return refusal(copy_of(encoder.encode(Overrides{.sender = OriginId{1}, .entries = {entry}})),
                     Kind::overrides);
    };
    const OverrideEntry sound{.rule = "login",
                              .match = {{"a", 0, "1"}, {"b", 2, ""}},
                              .limits = {{5, 1}, {0, override_window_s_max}},
                              .wall_ms = wall_ms_max,
                              .origin = OriginId{1},
                              .expires_ms = wall_ms_max,
                              .set_by = "alice on call"};
    CHECK(refused(sound) == none);
    const auto with = [&](const auto& change) {
      OverrideEntry entry = sound;
      change(entry);
      return refused(entry);
    };
    CHECK(with([](auto& entry) { entry.rule = std::string(override_name_bytes_max, 'r'); }) == none);
    CHECK(with([](auto& entry) { entry.rule = std::string(override_name_bytes_max + 1, 'r'); }) == field(22));
    CHECK(with([](auto& entry) { entry.principal = std::string(override_text_bytes_max + 1, 'p'); }) ==
          field(22));
    CHECK(with([](auto& entry) { entry.set_by = std::string(name_bytes_max + 1, 'p'); }) == field(22));
    CHECK(with([](auto& entry) { entry.set_on = "a\nb"; }) == field(22));
    CHECK(with([](auto& entry) { entry.match[0].text = "\xff"; }) == field(22));
    CHECK(with([](auto& entry) { entry.match[0].key = "b"; }) == field(23));
    CHECK(with([](auto& entry) { entry.match[0].key = "c"; }) == field(23));
    CHECK(with([](auto& entry) { entry.match[0].key = ""; }) == field(23));
    CHECK(with([](auto& entry) {
            entry.match.clear();
            for (char key = 'a'; key <= 'q'; ++key) entry.match.push_back({std::string(1, key), 1, ""});
          }) == field(23));
    CHECK(with([](auto& entry) { entry.limits[0].window_s = 0; }) == field(24));
    CHECK(with([](auto& entry) { entry.limits[0].window_s = override_window_s_max + 1; }) == field(24));
    CHECK(with([](auto& entry) { entry.limits[0].window_s = override_window_s_max; }) == field(24));
    CHECK(with([](auto& entry) { entry.limits[0].requests = override_requests_max + 1; }) == field(24));
    CHECK(with([](auto& entry) {
            for (std::uint32_t i = 0; i < 7; ++i) entry.limits.push_back({1, 10 + i});
          }) == field(24));
    CHECK(with([](auto& entry) { entry.origin = {}; }) == field(25));
    CHECK(with([](auto& entry) { entry.wall_ms = wall_ms_max + 1; }) == field(25));
    CHECK(with([](auto& entry) { entry.expires_ms = wall_ms_max + 1; }) == field(26));
  }

  TEST_CASE("an override of a kind that a later version knows is left out, whatever is in it, and counted") {
    Encoder encoder(tag);
    Decoder decoder(tag);
    const OverrideEntry known{.rule = "login", .origin = OriginId{1}};
    OverrideEntry later{.kind = override_kinds_count, .rule = "a\nb"};
    OverrideEntry later_matcher = known;
    later_matcher.match = {{"a", 3, ""}};
    const Packet bytes =
        copy_of(encoder.encode(Overrides{.sender = OriginId{1}, .entries = {later, known, later_matcher}}));
    REQUIRE(decoder.open(bytes, Port::sync));
    const auto read = decoder.overrides();
    REQUIRE(read);
    CHECK((*read)->unknown_count == 2);
    REQUIRE((*read)->entries.size() == 1);
    CHECK((*read)->entries[0] == known);
  }

  TEST_CASE("1, 31: a question for names has a sender and 1 to 128 keys") {
    const auto query = [](std::uint64_t sender, std::size_t keys_count, bool has_keys = true) {
      return refusal(built(Kind::names_query,
                           [&](FlatBufferBuilder& builder) {
                             const std::vector<std::uint64_t> keys(keys_count, 7);
                             return fb::CreateNamesQueryDirect(builder, sender, 2,
                                                               has_keys ? &keys : nullptr);
                           }),
                     Kind::names_query);
    };
    CHECK(query(1, 1) == none);
    CHECK(query(1, keys_per_query_max) == none);
    CHECK(query(0, 1) == field(1));
    CHECK(query(1, 0) == field(31));
    CHECK(query(1, 0, false) == field(31));
    CHECK(query(1, keys_per_query_max + 1) == field(31));
  }

  TEST_CASE("1, 4, 32, 33, 34: an answer has a sender, 1 to 24 names, windows, and texts of bounded length") {
    struct Fields {
      std::uint64_t sender = 1;
      std::size_t names_count = 1;
      std::uint32_t window_s = 10;
      std::size_t rule_bytes = 4;
      std::size_t principal_bytes = 4;
    };
    const auto names = [](const Fields& fields) {
      return refusal(
          built(Kind::names,
                [&](FlatBufferBuilder& builder) {
                  std::vector<flatbuffers::Offset<fb::CounterName>> all;
                  const auto rule = builder.CreateString(std::string(fields.rule_bytes, 'r'));
                  const auto principal = builder.CreateString(std::string(fields.principal_bytes, 'p'));
                  for (std::size_t i = 0; i < fields.names_count; ++i)
                    all.push_back(fb::CreateCounterName(builder, i, 5, fields.window_s, rule, principal));
                  return fb::CreateNamesDirect(builder, fields.sender, 2, &all);
                }),
          Kind::names);
    };
    CHECK(names({}) == none);
    CHECK(names({.names_count = names_per_answer_max}) == none);
    CHECK(names({.rule_bytes = rule_name_bytes_max, .principal_bytes = principal_bytes_max}) == none);
    CHECK(names({.sender = 0}) == field(1));
    CHECK(names({.window_s = 0}) == field(4));
    CHECK(names({.names_count = 0}) == field(32));
    CHECK(names({.names_count = names_per_answer_max + 1}) == field(32));
    CHECK(names({.rule_bytes = rule_name_bytes_max + 1}) == field(33));
    CHECK(names({.principal_bytes = principal_bytes_max + 1}) == field(34));
    // Texts that are not there are empty.
    CHECK(refusal(built(Kind::names,
                        [](FlatBufferBuilder& builder) {
                          const std::vector<flatbuffers::Offset<fb::CounterName>> all{
                              fb::CreateCounterName(builder, 1, 5, 10)};
                          return fb::CreateNamesDirect(builder, 1, 2, &all);
                        }),
                  Kind::names) == none);
  }
}

}  // namespace
}  // namespace starling::wire
