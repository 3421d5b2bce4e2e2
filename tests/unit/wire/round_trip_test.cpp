#include <doctest/doctest.h>

#include "packets.hpp"

namespace starling::wire {
namespace {

constexpr std::uint64_t seeds_count = 2000;

TEST_SUITE("wire.codec round trip") {
  TEST_CASE("deltas come back as they were, in the order of their versions, narrow and wide entries mixed") {
    Encoder encoder(tag);
    Decoder decoder(tag);
    std::size_t wide_count = 0;
    for (std::uint64_t seed = 1; seed <= seeds_count; ++seed) {
      CAPTURE(seed);
      Random random(seed);
      const Delta written = draw_delta(random, {.entries_max = random.below(90),
                                                .windows_count = 1 + random.below(8),
                                                .wide_share = random.unit()});
      for (const DeltaEntry& entry : written.entries) wide_count += entry.count > 0xFFFF'FFFF;
      const auto bytes = encoder.encode(written);
      REQUIRE(bytes.size() <= datagram_bytes_max);
      REQUIRE(decoder.open(bytes, Port::sync) == Kind::delta);
      const auto read = decoder.delta();
      REQUIRE(read);
      REQUIRE(**read == written);
    }
    CHECK(wide_count > 1000);
  }

  TEST_CASE("the edges of what is narrow come back exactly") {
    Encoder encoder(tag);
    Decoder decoder(tag);
    for (const Hits count :
         {Hits{0}, Hits{1}, Hits{0xFFFF'FFFE}, Hits{0xFFFF'FFFF}, Hits{0x1'0000'0000}, hits_max})
      for (const std::uint64_t offset :
           {1ULL, 0xFFFF'FFFEULL, 0xFFFF'FFFFULL, 0x1'0000'0000ULL, 0x1'0000'0001ULL})
        for (const std::uint64_t from : {std::uint64_t{0}, std::uint64_t{7}, hits_max - 0x1'0000'0001}) {
          Delta written{.sender = OriginId{1},
                        .origin = OriginId{2},
                        .from = Version{from},
                        .to = Version{from + offset},
                        .recipient = {},
                        .ack = {},
                        .entries = {}};
          written.entries.push_back(DeltaEntry{.window_s = 0xFFFF'FFFF,
                                               .window_id = WindowId{hits_max},
                                               .key = CounterKey{hits_max},
                                               .count = count,
                                               .version = written.to});
          REQUIRE(decoder.open(encoder.encode(written), Port::sync));
          const auto read = decoder.delta();
          REQUIRE(read);
          REQUIRE(**read == written);
        }
  }

  TEST_CASE("a delta prepared for many is to each what it would be if it were encoded for it alone") {
    Encoder encoder(tag);
    Encoder other(tag);
    PreparedDelta prepared;
    for (std::uint64_t seed = 1; seed <= 200; ++seed) {
      CAPTURE(seed);
      Random random(seed);
      Delta delta = draw_delta(random, {.entries_max = random.below(90),
                                        .windows_count = 1 + random.below(8),
                                        .wide_share = random.unit()});
      delta.recipient = OriginId{1};
      delta.ack = Version{1};
      encoder.prepare(delta, prepared);
      for (int peer = 0; peer < 3; ++peer) {
        delta.recipient = OriginId{random.next() | 1};
        delta.ack = Version{random.next() | 1};
        const Packet alone = copy_of(other.encode(delta));
        REQUIRE(copy_of(encoder.encode(prepared, delta.recipient, delta.ack)) == alone);
      }
    }
  }

  TEST_CASE("a delta without entries is a delta") {
    Encoder encoder(tag);
    Decoder decoder(tag);
    const Delta written{.sender = OriginId{1},
                        .origin = OriginId{1},
                        .from = Version{9},
                        .to = Version{9},
                        .recipient = OriginId{2},
                        .ack = Version{3},
                        .entries = {}};
    REQUIRE(decoder.open(encoder.encode(written), Port::sync));
    REQUIRE(**decoder.delta() == written);
  }

  TEST_CASE("pulls come back as they were") {
    Encoder encoder(tag);
    Decoder decoder(tag);
    for (std::uint64_t seed = 1; seed <= seeds_count; ++seed) {
      CAPTURE(seed);
      Random random(seed);
      const Pull written = draw_pull(random);
      REQUIRE(decoder.open(encoder.encode(written), Port::sync) == Kind::pull);
      const auto read = decoder.pull();
      REQUIRE(read);
      REQUIRE(**read == written);
    }
  }

  TEST_CASE(
      "inquiries and their answers come back as they were, and an answer is hardly larger than its "
      "question") {
    Encoder encoder(tag);
    Decoder decoder(tag);
    for (std::uint64_t seed = 1; seed <= seeds_count; ++seed) {
      CAPTURE(seed);
      Random random(seed);
      const Inquiry inquiry = draw_inquiry(random);
      REQUIRE(decoder.open(encoder.encode(inquiry), Port::heartbeat) == Kind::inquiry);
      REQUIRE(**decoder.inquiry() == inquiry);
      const Witness witness = draw_witness(random);
      REQUIRE(decoder.open(encoder.encode(witness), Port::heartbeat) == Kind::witness);
      REQUIRE(**decoder.witness() == witness);
    }
    const std::size_t asked = encoder.encode(Inquiry{{1}, {2}, {3}, 4}).size();
    CHECK(asked <= 80);
    CHECK(encoder.encode(Witness{{1}, {2}, {3}, 4, 5}).size() <= asked + 8);
  }

  TEST_CASE("overrides and questions about them come back as they were, and what should fit fits") {
    Encoder encoder(tag);
    Decoder decoder(tag);
    std::size_t entries_count = 0;
    for (std::uint64_t seed = 1; seed <= seeds_count; ++seed) {
      CAPTURE(seed);
      Random random(seed);
      const Overrides written = draw_overrides(random);
      entries_count += written.entries.size();
      const auto bytes = encoder.encode(written);
      std::size_t bound = overrides_fixed_bytes;
      for (const OverrideEntry& entry : written.entries) bound += override_bytes(entry);
      REQUIRE(bytes.size() <= bound);
      REQUIRE(decoder.open(bytes, Port::sync) == Kind::overrides);
      const auto read = decoder.overrides();
      REQUIRE(read);
      REQUIRE(**read == written);
      const OverridesQuery query = draw_overrides_query(random);
      REQUIRE(decoder.open(encoder.encode(query), Port::sync) == Kind::overrides_query);
      REQUIRE(**decoder.overrides_query() == query);
    }
    CHECK(entries_count > 2 * seeds_count);
  }

  TEST_CASE("the largest override that may be fits into a datagram") {
    Encoder encoder(tag);
    Decoder decoder(tag);
    OverrideEntry entry{.rule = std::string(200, 'r'), .principal = "p", .origin = OriginId{hits_max}};
    for (int i = 0; i < 9; ++i) entry.match.push_back({"key-" + std::to_string(i), 1, "t"});
    while (override_bytes(entry) < override_bytes_max) entry.principal += 'p';
    CHECK(override_bytes(entry) == override_bytes_max);
    const Overrides written{.sender = OriginId{1}, .to = hits_max, .last = true, .entries = {entry}};
    REQUIRE(decoder.open(encoder.encode(written), Port::sync));
    const auto read = decoder.overrides();
    REQUIRE(read);
    CHECK(**read == written);
    Overrides larger = written;
    larger.entries[0].principal += 'p';
    REQUIRE(decoder.open(encoder.encode(larger), Port::sync));
    CHECK(decoder.overrides().error() == Error{ErrorCode::bad_field, 22});
  }

  TEST_CASE("questions for names and answers come back as they were, and always fit") {
    Encoder encoder(tag);
    Decoder decoder(tag);
    for (std::uint64_t seed = 1; seed <= seeds_count; ++seed) {
      CAPTURE(seed);
      Random random(seed);
      const NamesQuery query = draw_names_query(random);
      REQUIRE(decoder.open(encoder.encode(query), Port::sync) == Kind::names_query);
      REQUIRE(**decoder.names_query() == query);
      const Names names = draw_names(random);
      const auto bytes = encoder.encode(names);
      REQUIRE(bytes.size() <= datagram_bytes_max);
      REQUIRE(decoder.open(bytes, Port::sync) == Kind::names);
      REQUIRE(**decoder.names() == names);
    }
    NamesQuery many{{1}, {2}, {}};
    many.keys.assign(1000, CounterKey{hits_max});
    CHECK(encoder.encode(many).size() <= datagram_bytes_max);
    REQUIRE(decoder.open(encoder.encode(many), Port::sync));
    CHECK((*decoder.names_query())->keys.size() == keys_per_query_max);
  }

  TEST_CASE("names of every length fit where NamesSize says so, and the longest fits alone") {
    Encoder encoder(tag);
    for (std::size_t rule_bytes = 0; rule_bytes <= rule_name_bytes_max; rule_bytes += 7) {
      for (std::size_t principal_bytes = 0; principal_bytes <= principal_bytes_max; ++principal_bytes) {
        Names names{{hits_max}, {hits_max}, {}};
        NamesSize size;
        // No rule twice, so that none is shared.
        for (char c = 'a'; names.names.size() < names_per_answer_max; ++c) {
          const CounterName name{.key = {hits_max},
                                 .limit = hits_max,
                                 .window_s = 0xFFFF'FFFF,
                                 .rule = std::string(rule_bytes, c),
                                 .principal = std::string(principal_bytes, 'p')};
          if (!size.add(name)) break;
          names.names.push_back(name);
        }
        REQUIRE_FALSE(names.names.empty());
        REQUIRE(encoder.encode(names).size() <= datagram_bytes_max);
      }
    }
  }

  TEST_CASE("heartbeats come back as they were, and always fit") {
    Encoder encoder(tag);
    Decoder decoder(tag);
    for (std::uint64_t seed = 1; seed <= seeds_count; ++seed) {
      CAPTURE(seed);
      Random random(seed);
      const Heartbeat written = draw_heartbeat(random);
      const auto bytes = encoder.encode(written);
      REQUIRE(bytes.size() <= datagram_bytes_max);
      REQUIRE(decoder.open(bytes, Port::heartbeat) == Kind::heartbeat);
      const auto heartbeat = decoder.heartbeat();
      REQUIRE(heartbeat);
      REQUIRE(**heartbeat == written);
    }
  }

  TEST_CASE("names, peers and holdings beyond their bounds are cut, and the heartbeat still fits") {
    Heartbeat written;
    written.sender = OriginId{hits_max};
    written.recipient = OriginId{hits_max};
    written.name = std::string(1000, 'n');
    written.software = std::string(1000, 's');
    written.sync_port = 65'535;
    written.version = written.ack = Version{hits_max};
    written.sent_ns = written.echo_ns = hits_max;
    written.echo_held_us = 0xFFFF'FFFF;
    written.holdings_count = 0xFFFF'FFFF;
    written.lists_holdings = true;
    written.overrides = hits_max;
    written.peers.assign(1000, Endpoint{Address::v4(10, 0, 0, 1), 4291});
    written.holdings.assign(1000, Holding{OriginId{hits_max}, Version{hits_max}, hits_max});
    Encoder encoder(tag);
    Decoder decoder(tag);
    const auto bytes = encoder.encode(written);
    CHECK(bytes.size() <= datagram_bytes_max);
    REQUIRE(decoder.open(bytes, Port::heartbeat));
    const auto read = decoder.heartbeat();
    REQUIRE(read);
    CHECK((*read)->name == std::string(name_bytes_max, 'n'));
    CHECK((*read)->software == std::string(software_bytes_max, 's'));
    CHECK((*read)->peers.size() == peers_per_heartbeat_max);
    CHECK((*read)->holdings.size() == holdings_per_heartbeat_max);
    CHECK((*read)->holdings_count == 0xFFFF'FFFF);
  }

  TEST_CASE("nothing of a message is left in the next one") {
    Encoder encoder(tag);
    Decoder decoder(tag);
    Random random(1);
    Heartbeat full = draw_heartbeat(random);
    while (full.peers.empty() || full.holdings.empty() || full.name.empty()) full = draw_heartbeat(random);
    REQUIRE(decoder.open(encoder.encode(full), Port::heartbeat));
    REQUIRE(decoder.heartbeat());
    Heartbeat bare;
    bare.sender = OriginId{1};
    bare.sync_port = 1;
    REQUIRE(decoder.open(encoder.encode(bare), Port::heartbeat));
    const auto read = decoder.heartbeat();
    CHECK((*read)->peers.empty());
    CHECK((*read)->holdings.empty());
    CHECK((*read)->name.empty());
    REQUIRE(decoder.open(encoder.encode(draw_delta(random, {})), Port::sync));
    REQUIRE_FALSE((*decoder.delta())->entries.empty());
    REQUIRE(decoder.open(encoder.encode(Delta{.sender = OriginId{1},
                                              .origin = OriginId{1},
                                              .from = {},
                                              .to = {},
                                              .recipient = {},
                                              .ack = {},
                                              .entries = {}}),
                         Port::sync));
    CHECK((*decoder.delta())->entries.empty());
  }
}

}  // namespace
}  // namespace starling::wire
