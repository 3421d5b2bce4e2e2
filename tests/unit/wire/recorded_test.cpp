/// Versions mix during a rolling upgrade: what older ones wrote is read, and what younger ones add is
/// ignored.
#include <doctest/doctest.h>

#include <fstream>
#include <iterator>

#include "other_versions.hpp"
#include "recorded_messages.hpp"
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

constexpr Kind kind_of(const Delta&) {
  return Kind::delta;
}
constexpr Kind kind_of(const Pull&) {
  return Kind::pull;
}
constexpr Kind kind_of(const Heartbeat&) {
  return Kind::heartbeat;
}

void check_reads_as(const Packet& bytes, const Recorded& recorded) {
  CAPTURE(recorded.name);
  Decoder decoder(tag);
  std::visit(
      [&](const auto& message) {
        const Kind kind = kind_of(message);
        REQUIRE(decoder.open(bytes, port_of(kind)) == kind);
        const auto check = [&](const auto& read) {
          REQUIRE(read.has_value());
          CHECK(**read == message);
        };
        if constexpr (std::is_same_v<decltype(message), const Delta&>) check(decoder.delta());
        if constexpr (std::is_same_v<decltype(message), const Pull&>) check(decoder.pull());
        if constexpr (std::is_same_v<decltype(message), const Heartbeat&>) check(decoder.heartbeat());
      },
      recorded.message);
}

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
