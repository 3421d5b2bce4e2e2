#include <doctest/doctest.h>

#include "packets.hpp"

namespace starling::wire {
namespace {

Packet some_pull(std::uint64_t cluster_tag = tag) {
  Encoder encoder(cluster_tag);
  return copy_of(encoder.encode(
      Pull{.sender = OriginId{1}, .recipient = OriginId{2}, .origin = OriginId{3}, .from = Version{4}}));
}

TEST_SUITE("wire.decoder") {
  TEST_CASE("a packet of another cluster is told apart, whatever is in it") {
    Decoder decoder(tag);
    CHECK(decoder.open(some_pull(tag + 1), Port::sync).error() == Error{ErrorCode::wrong_cluster});
    CHECK(decoder.open(some_pull(0), Port::sync).error().code == ErrorCode::wrong_cluster);
    CHECK(decoder.open(some_pull(), Port::sync) == Kind::pull);
  }

  TEST_CASE("each kind belongs to one port") {
    Decoder decoder(tag);
    for (const Kind kind : all_kinds) {
      const Port right = port_of(kind);
      const Port wrong = right == Port::sync ? Port::heartbeat : Port::sync;
      CHECK(decoder.open(packet(kind, {}), right) == kind);
      CHECK(decoder.open(packet(kind, {}), wrong).error() == Error{ErrorCode::wrong_port});
    }
  }

  TEST_CASE("the header's errors come through") {
    Decoder decoder(tag);
    Packet bytes = some_pull();
    CHECK(decoder.open(std::span(bytes).first(15), Port::sync).error().code == ErrorCode::too_short);
    CHECK(decoder.open({}, Port::sync).error().code == ErrorCode::too_short);
    bytes[5] = std::byte{99};
    CHECK(decoder.open(bytes, Port::sync).error() == Error{ErrorCode::unknown_kind, 99});
    bytes[4] = std::byte{2};
    CHECK(decoder.open(bytes, Port::sync).error() == Error{ErrorCode::wrong_protocol, 2});
    bytes[0] = std::byte{0};
    CHECK(decoder.open(bytes, Port::sync).error().code == ErrorCode::bad_magic);
  }

  TEST_CASE("more bytes than a datagram may have are refused before anything else") {
    Decoder decoder(tag);
    const Packet body(datagram_bytes_max - header_bytes + 1);
    CHECK(decoder.open(packet(Kind::pull, body), Port::sync).error() == Error{ErrorCode::too_long});
    CHECK(decoder.open(packet(Kind::pull, std::span(body).first(body.size() - 1)), Port::sync));
    CHECK(decoder.open(Packet(100'000), Port::sync).error().code == ErrorCode::too_long);
  }

  TEST_CASE("a body that is no FlatBuffer is malformed, from none at all to a full one") {
    Decoder decoder(tag);
    for (const std::size_t bytes : {0U, 1U, 3U, 4U, 5U, 7U, 8U, 100U, 1216U})
      for (const int fill : {0x00, 0x01, 0x7f, 0x80, 0xff})
        for (const Kind kind : all_kinds) {
          CAPTURE(bytes);
          CAPTURE(fill);
          const Packet body(bytes, static_cast<std::byte>(fill));
          const auto outcome = decode(decoder, packet(kind, body), port_of(kind));
          REQUIRE_FALSE(outcome.has_value());
          CHECK(outcome.error() == Error{ErrorCode::malformed});
        }
  }

  TEST_CASE("a packet that is refused leaves nothing that could be taken for a message") {
    Decoder decoder(tag);
    REQUIRE(decoder.open(some_pull(), Port::sync));
    CHECK_FALSE(decoder.open(some_pull(1), Port::sync).has_value());
    CHECK(decoder.pull().error().code == ErrorCode::malformed);
    CHECK(decoder.delta().error().code == ErrorCode::malformed);
    CHECK(decoder.heartbeat().error().code == ErrorCode::malformed);
    CHECK(decoder.inquiry().error().code == ErrorCode::malformed);
    CHECK(decoder.witness().error().code == ErrorCode::malformed);
    CHECK(decoder.overrides().error().code == ErrorCode::malformed);
    CHECK(decoder.overrides_query().error().code == ErrorCode::malformed);
  }

  TEST_CASE("bytes behind the message are ignored, bytes missing from it are not") {
    Decoder decoder(tag);
    Packet bytes = some_pull();
    bytes.resize(bytes.size() + 40, std::byte{0xAA});
    REQUIRE(decoder.open(bytes, Port::sync));
    const auto read = decoder.pull();
    REQUIRE(read);
    CHECK((*read)->from == Version{4});
    const Packet whole = some_pull();
    for (std::size_t size = header_bytes; size < whole.size(); ++size) {
      CAPTURE(size);
      CHECK(decode(decoder, std::span(whole).first(size), Port::sync).error() == Error{ErrorCode::malformed});
    }
  }

  TEST_CASE("a datagram may lie at any address") {
    Decoder decoder(tag);
    Random random(1);
    Encoder encoder(tag);
    const Packet whole = copy_of(encoder.encode(draw_delta(random, {})));
    for (std::size_t shift = 0; shift < 16; ++shift) {
      Packet moved(whole.size() + shift);
      std::copy(whole.begin(), whole.end(), moved.begin() + static_cast<std::ptrdiff_t>(shift));
      CHECK(decode(decoder, std::span(moved).subspan(shift), Port::sync) == Kind::delta);
    }
  }
}

}  // namespace
}  // namespace starling::wire
