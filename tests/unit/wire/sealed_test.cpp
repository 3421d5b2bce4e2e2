/// Sealed packets through encoder and decoder.
#include <doctest/doctest.h>

#include "sealed.hpp"

namespace starling::wire {
namespace {

const std::uint64_t our_tag = KeyedHash(our_cluster).cluster_tag();

TEST_SUITE("wire.sealed") {
  TEST_CASE("every kind of message comes out as it went in, and as the plain one would") {
    for (std::uint64_t seed = 1; seed <= 200; ++seed) {
      CAPTURE(seed);
      const OriginId self{seed};
      Voice voice(self);
      Encoder plain_encoder(our_tag);
      Opener opener(our_cluster, ring_of({0}, PlainPackets::accepted));
      Decoder decoder(our_tag, &opener);
      Random random(seed);
      Random again(seed);
      const auto sealed = draw_all(random, voice.encoder, self);
      const auto plain = draw_all(again, plain_encoder, self);
      REQUIRE(sealed.size() == kinds_count);
      for (std::size_t i = 0; i < sealed.size(); ++i) {
        REQUIRE(sealed[i].size() == plain[i].size() + seal_bytes);
        REQUIRE(sealed[i].size() <= datagram_bytes_max);
        const Kind kind = all_kinds[i];
        REQUIRE(kind_of(sealed[i]) == kind);
        REQUIRE(decode(decoder, sealed[i], port_of(kind)) == kind);
        CHECK(decoder.seal()->sender == self);
        CHECK_FALSE(decoder.is_repeated());
        REQUIRE(decode(decoder, plain[i], port_of(kind)) == kind);
        CHECK_FALSE(decoder.seal());
        REQUIRE(decode(decoder, sealed[i], port_of(kind)) == kind);
        CHECK(decoder.is_repeated());
      }
    }
  }

  TEST_CASE("values survive: deltas and heartbeats are compared, member by member") {
    Voice voice(OriginId{9});
    Opener opener(our_cluster, ring_of({0}));
    Decoder decoder(our_tag, &opener);
    for (std::uint64_t seed = 1; seed <= 500; ++seed) {
      CAPTURE(seed);
      Random random(seed);
      Delta delta = draw_delta(random, {});
      delta.sender = OriginId{9};
      REQUIRE(decoder.open(voice.encoder.encode(delta), Port::sync));
      REQUIRE(**decoder.delta() == delta);
      Heartbeat heartbeat = draw_heartbeat(random);
      heartbeat.sender = OriginId{9};
      REQUIRE(decoder.open(voice.encoder.encode(heartbeat), Port::heartbeat));
      REQUIRE(**decoder.heartbeat() == heartbeat);
    }
  }

  TEST_CASE("a message in another's name is a bad field, whatever its kind") {
    Voice voice(OriginId{2});
    Opener opener(our_cluster, ring_of({0}));
    Decoder decoder(our_tag, &opener);
    Random random(1);
    for (const Packet& packet : draw_all(random, voice.encoder, OriginId{1})) {
      const Kind kind = kind_of(packet);
      CAPTURE(name(kind));
      const auto decoded = decode(decoder, packet, port_of(kind));
      REQUIRE_FALSE(decoded);
      CHECK(decoded.error() == Error{ErrorCode::bad_field, 1});
    }
  }

  TEST_CASE("plain packets: refused, accepted, sent; and a node without keys takes nothing sealed") {
    Encoder plain(our_tag);
    Voice voice(OriginId{1});
    const Packet pull = copy_of(plain.encode(Pull{{1}, {2}, {3}, {4}}));
    const Packet sealed = copy_of(voice.encoder.encode(Pull{{1}, {2}, {3}, {4}}));
    const auto answers = [&](const KeyRing& ring, const Packet& packet) {
      Opener opener(our_cluster, ring);
      Decoder decoder(our_tag, &opener);
      const auto kind = decode(decoder, packet, Port::sync);
      return kind ? std::string_view("taken") : name(kind.error().code);
    };
    CHECK(answers(ring_of({0}, PlainPackets::refused), pull) == "not_sealed");
    CHECK(answers(ring_of({0}, PlainPackets::accepted), pull) == "taken");
    CHECK(answers(ring_of({0}, PlainPackets::sent), pull) == "taken");
    CHECK(answers(ring_of({0}, PlainPackets::sent), sealed) == "taken");
    CHECK(answers(KeyRing{}, pull) == "taken");
    CHECK(answers(KeyRing{}, sealed) == "sealed");
    Decoder bare(our_tag);
    CHECK(bare.open(sealed, Port::sync).error() == Error{ErrorCode::sealed});
    CHECK(bare.open(pull, Port::sync));
  }

  TEST_CASE("the port, the cluster's tag and the length are looked at before the seal") {
    Voice voice(OriginId{1});
    Opener opener(our_cluster, ring_of({0}));
    Decoder decoder(our_tag, &opener);
    const Packet sealed = copy_of(voice.encoder.encode(Pull{{1}, {2}, {3}, {4}}));
    CHECK(decoder.open(sealed, Port::heartbeat).error() == Error{ErrorCode::wrong_port});
    Decoder foreign(our_tag + 1, &opener);
    CHECK(foreign.open(sealed, Port::sync).error() == Error{ErrorCode::wrong_cluster});
    CHECK(decoder.open(Packet(datagram_bytes_max + 1), Port::sync).error() == Error{ErrorCode::too_long});
    CHECK(opener.counts().opened == 0);
    CHECK(decoder.open(sealed, Port::sync));
  }

  TEST_CASE("after one that does not open there is no message and no sender") {
    Voice voice(OriginId{1});
    Opener opener(our_cluster, ring_of({0}));
    Decoder decoder(our_tag, &opener);
    Packet sealed = copy_of(voice.encoder.encode(Pull{{1}, {2}, {3}, {4}}));
    REQUIRE(decoder.open(sealed, Port::sync));
    sealed.back() ^= std::byte{1};
    REQUIRE_FALSE(decoder.open(sealed, Port::sync));
    CHECK_FALSE(decoder.seal());
    CHECK(decoder.pull().error() == Error{ErrorCode::malformed});
  }

  TEST_CASE("the fullest delta fits when it is sealed, and little room is wasted") {
    Voice voice(OriginId{1});
    for (std::uint64_t seed = 1; seed <= 500; ++seed) {
      CAPTURE(seed);
      Random random(seed);
      const DeltaShape shape{.entries_max = 1000, .windows_count = 1 + random.below(6), .wide_share = 0.2};
      const std::size_t bytes = voice.encoder.encode(draw_delta(random, shape)).size();
      REQUIRE(bytes <= datagram_bytes_max);
      REQUIRE(datagram_bytes_max - bytes <= 50 + 40 * shape.windows_count);
    }
  }
}

}  // namespace
}  // namespace starling::wire
