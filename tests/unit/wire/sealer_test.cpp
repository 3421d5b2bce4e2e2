#include "wire/sealer.hpp"

#include <doctest/doctest.h>

#include <map>
#include <tuple>

#include "sealed.hpp"
#include "wire/seal.hpp"

namespace starling::wire {
namespace {

TEST_SUITE("wire.sealer") {
  TEST_CASE("no key seals twice under one nonce, whatever rings come and go") {
    Voice voice(OriginId{1});
    std::map<std::tuple<KeyId, Port>, std::uint64_t> highest;
    Random random(1);
    const std::array rings{ring_of({0}), ring_of({0, 40}), ring_of({40, 0}),
                           ring_of({0}, PlainPackets::sent)};
    for (int step = 0; step < 500; ++step) {
      voice.sealer.replace(rings[random.below(rings.size())]);
      if (!voice.sealer.seals()) continue;
      for (std::uint64_t packets = random.below(4); packets > 0; --packets) {
        const Kind kind = all_kinds[random.below(all_kinds.size())];
        const SealedHeader header = SealedHeader::read(voice.seal(kind));
        std::uint64_t& last = highest[{header.key, port_of(kind)}];
        REQUIRE(header.counter > last);
        last = header.counter;
      }
    }
    CHECK(highest.size() == 4);
  }

  TEST_CASE("the first packet to each port has counter 1") {
    Voice voice(OriginId{1});
    CHECK(SealedHeader::read(voice.seal(Kind::heartbeat)).counter == 1);
    CHECK(SealedHeader::read(voice.seal(Kind::delta)).counter == 1);
    CHECK(SealedHeader::read(voice.seal(Kind::witness)).counter == 2);
  }

  TEST_CASE("two ports and two lives never share a key stream") {
    Voice voice(OriginId{1});
    Voice other(OriginId{2});
    const auto body = [](const Packet& packet) {
      return Packet(packet.begin() + sealed_header_bytes, packet.end() - tag_bytes);
    };
    const Packet delta = body(voice.seal(Kind::delta));
    CHECK(delta != body(voice.seal(Kind::heartbeat)));
    CHECK(delta != body(voice.seal(Kind::delta)));
    CHECK(delta != body(other.seal(Kind::delta)));
  }

  TEST_CASE("a ring that sends plain seals nothing, and packets are as without keys") {
    const KeyRing plain = ring_of({0}, PlainPackets::sent);
    Voice voice(OriginId{1}, plain);
    CHECK_FALSE(voice.sealer.seals());
    Encoder without(KeyedHash(our_cluster).cluster_tag());
    const Pull pull{{1}, {2}, {3}, {4}};
    CHECK(copy_of(voice.encoder.encode(pull)) == copy_of(without.encode(pull)));
    voice.sealer.replace(ring_of({0}));
    CHECK(voice.encoder.encode(pull).size() == without.encode(pull).size() + seal_bytes);
  }

  TEST_CASE("what tells of a packet's body from outside is its length, and nothing of a key is in it") {
    Voice voice(OriginId{1});
    const Packet packet = voice.seal(Kind::delta, 500);
    const MasterKey key = master_key(0);
    const std::span secret(reinterpret_cast<const std::byte*>(key.bytes.data()), 8);
    CHECK(std::search(packet.begin(), packet.end(), secret.begin(), secret.end()) == packet.end());
    const Packet plain(8, std::byte{7});
    CHECK(std::search(packet.begin(), packet.end(), plain.begin(), plain.end()) == packet.end());
  }
}

}  // namespace
}  // namespace starling::wire
