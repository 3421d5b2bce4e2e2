/// Versions mix during a rolling upgrade: what older ones wrote is read, and what younger ones add is
/// ignored.
#include <doctest/doctest.h>

#include <fstream>
#include <iterator>

#include "other_versions.hpp"
#include "recorded_messages.hpp"
#include "sealed.hpp"
#include "starling_generated.h"

namespace starling::wire {
namespace {

Packet read_hex(const std::string& name) {
  std::ifstream file(std::string(STARLING_RECORDED_DIR) + "/" + name + ".hex");
  REQUIRE_MESSAGE(file, "cannot read " << name);
  std::string digits{std::istreambuf_iterator<char>(file), {}};
  std::erase(digits, '\n');
  REQUIRE(digits.size() % 2 == 0);
  Packet bytes;
  for (std::size_t i = 0; i < digits.size(); i += 2)
    bytes.push_back(static_cast<std::byte>(std::stoi(digits.substr(i, 2), nullptr, 16)));
  return bytes;
}

/// Messages stand in their variant in the order of their kinds.
Kind kind_of(const Recorded& recorded) {
  return all_kinds[recorded.message.index()];
}

auto read_as(const Delta&, Decoder& decoder) {
  return decoder.delta();
}
auto read_as(const Pull&, Decoder& decoder) {
  return decoder.pull();
}
auto read_as(const Heartbeat&, Decoder& decoder) {
  return decoder.heartbeat();
}
auto read_as(const Inquiry&, Decoder& decoder) {
  return decoder.inquiry();
}
auto read_as(const Witness&, Decoder& decoder) {
  return decoder.witness();
}
auto read_as(const Overrides&, Decoder& decoder) {
  return decoder.overrides();
}
auto read_as(const OverridesQuery&, Decoder& decoder) {
  return decoder.overrides_query();
}
auto read_as(const NamesQuery&, Decoder& decoder) {
  return decoder.names_query();
}
auto read_as(const Names&, Decoder& decoder) {
  return decoder.names();
}

void check_reads_as(Decoder& decoder, const Packet& bytes, const Recorded& recorded) {
  CAPTURE(recorded.name);
  const Kind kind = kind_of(recorded);
  REQUIRE(decoder.open(bytes, port_of(kind)) == kind);
  std::visit(
      [&](const auto& message) {
        const auto read = read_as(message, decoder);
        REQUIRE(read.has_value());
        CHECK(**read == message);
      },
      recorded.message);
}

void check_reads_as(const Packet& bytes, const Recorded& recorded) {
  Decoder decoder(tag);
  check_reads_as(decoder, bytes, recorded);
}

/// The recorded packets that were sealed, in the order in which one node would have sent them.
std::vector<Recorded> recorded_sealed() {
  const auto old = recorded_0_1_0();
  std::vector<Recorded> all;
  for (const std::string_view name : {"delta_mixed", "pull", "heartbeat_small"})
    all.push_back(*std::find_if(old.begin(), old.end(), [&](const auto& one) { return one.name == name; }));
  for (const Recorded& recorded : recorded_0_2_0()) all.push_back(recorded);
  return all;
}
constexpr OriginId sealed_sender{0x1122'3344'5566'7788};

template <class Table>
const Table* verified(std::span<const std::byte> bytes) {
  const auto* body = reinterpret_cast<const std::uint8_t*>(bytes.data() + header_bytes);
  flatbuffers::Verifier verifier(body, bytes.size() - header_bytes);
  return verifier.VerifyBuffer<Table>(nullptr) ? flatbuffers::GetRoot<Table>(body) : nullptr;
}

TEST_SUITE("wire.recorded") {
  TEST_CASE("every packet that 0.1.0 wrote is read, value for value") {
    const auto all = recorded_0_1_0();
    REQUIRE(all.size() == 7);
    for (const Recorded& recorded : all) check_reads_as(read_hex("0.1.0/" + recorded.name), recorded);
  }

  TEST_CASE("every packet of a kind that came later is read, value for value") {
    const auto all = recorded_0_2_0();
    REQUIRE(all.size() == 6);
    for (const Recorded& recorded : all) check_reads_as(read_hex("0.2.0/" + recorded.name), recorded);
  }

  TEST_CASE("packets that another implementation sealed are opened, value for value") {
    Opener opener(our_cluster, ring_of({0}));
    Decoder decoder(KeyedHash(our_cluster).cluster_tag(), &opener);
    const auto all = recorded_sealed();
    REQUIRE(all.size() == kinds_count);
    for (const Recorded& recorded : all) {
      check_reads_as(decoder, read_hex("0.2.0/sealed/" + recorded.name), recorded);
      CHECK(decoder.seal()->sender == sealed_sender);
      CHECK_FALSE(decoder.is_repeated());
    }
    check_reads_as(decoder, read_hex("0.2.0/sealed/pull_late"), all[1]);
    CHECK_FALSE(decoder.is_repeated());
  }

  TEST_CASE("our seal is that of the other implementation, byte for byte") {
    Voice voice(sealed_sender);
    for (const Recorded& recorded : recorded_sealed()) {
      CAPTURE(recorded.name);
      const std::string folder = static_cast<int>(kind_of(recorded)) <= 3 ? "0.1.0/" : "0.2.0/";
      const Packet plain = read_hex(folder + recorded.name);
      Packet sealed(plain.size() + seal_bytes);
      CHECK(voice.sealer.seal(kind_of(recorded), std::span(plain).subspan(header_bytes), sealed) ==
            sealed.size());
      CHECK(sealed == read_hex("0.2.0/sealed/" + recorded.name));
    }
  }

  TEST_CASE("the recordings have what is rarely sent: wide entries, several windows, everything full") {
    const Packet mixed = read_hex("0.1.0/delta_mixed");
    const auto* delta = verified<fb::Delta>(mixed);
    REQUIRE(delta != nullptr);
    REQUIRE(delta->groups()->size() == 1);
    CHECK(delta->groups()->Get(0)->entries()->size() == 2);
    CHECK(delta->groups()->Get(0)->wide()->size() == 2);
    const Packet windows = read_hex("0.1.0/delta_windows");
    CHECK(verified<fb::Delta>(windows)->groups()->size() == 5);
    const Packet full = read_hex("0.1.0/heartbeat_full");
    CHECK(verified<fb::Heartbeat>(full)->peers()->size() == peers_per_heartbeat_max);
    CHECK(verified<fb::Heartbeat>(full)->holdings()->size() == holdings_per_heartbeat_max);
  }

  TEST_CASE("a node of 0.1.0 reads what we write: what it knows is unchanged, the rest it does not see") {
    Encoder encoder(tag);
    Decoder decoder(tag);
    for (std::uint64_t seed = 1; seed <= 200; ++seed) {
      CAPTURE(seed);
      Random random(seed);
      const Packet delta = copy_of(encoder.encode(draw_delta(random, {})));
      REQUIRE(verified<v0_1_0::Delta>(delta) != nullptr);
      const Packet pull = copy_of(encoder.encode(draw_pull(random)));
      REQUIRE(verified<v0_1_0::Pull>(pull) != nullptr);
      const Heartbeat written = draw_heartbeat(random);
      const Packet heartbeat = copy_of(encoder.encode(written));
      const auto* read = verified<v0_1_0::Heartbeat>(heartbeat);
      REQUIRE(read != nullptr);
      REQUIRE(read->sender() == written.sender.value);
      REQUIRE(read->name()->string_view() == written.name);
      REQUIRE(read->sync_port() == written.sync_port);
      REQUIRE(read->ack() == written.ack.value);
      REQUIRE(read->lists_holdings() == written.lists_holdings);
      REQUIRE((read->holdings() == nullptr ? 0 : read->holdings()->size()) == written.holdings.size());
    }
  }

  TEST_CASE("fields of the future, in every table and in the header's reserved byte, are ignored") {
    for (const Recorded& recorded : recorded_0_1_0()) {
      Encoder encoder(tag);
      const auto bytes =
          std::visit([&](const auto& message) { return copy_of(encoder.encode(message)); }, recorded.message);
      Packet future;
      if (std::holds_alternative<Delta>(recorded.message)) future = as_future<future::Delta>(bytes);
      if (std::holds_alternative<Pull>(recorded.message)) future = as_future<future::Pull>(bytes);
      if (std::holds_alternative<Heartbeat>(recorded.message)) future = as_future<future::Heartbeat>(bytes);
      REQUIRE(future.size() > bytes.size() + 60);
      REQUIRE(future.size() <= datagram_bytes_max);
      check_reads_as(future, recorded);
    }
  }

  TEST_CASE("questions for names and answers of the future are read as what is known of them") {
    Encoder encoder(tag);
    Decoder decoder(tag);
    const NamesQuery query{{1}, {2}, {{3}, {4}}};
    const Packet asked = as_future<future::NamesQuery>(copy_of(encoder.encode(query)));
    REQUIRE(decoder.open(asked, Port::sync) == Kind::names_query);
    CHECK(**decoder.names_query() == query);
    const Names names{{1}, {2}, {{{3}, 4, 5, "rule", "user=alice"}}};
    const Packet told = as_future<future::Names>(copy_of(encoder.encode(names)));
    REQUIRE(decoder.open(told, Port::sync) == Kind::names);
    CHECK(**decoder.names() == names);
  }
}

}  // namespace
}  // namespace starling::wire
