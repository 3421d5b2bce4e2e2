/// What the tests of sealed packets share: keys, rings, and somebody who seals.
#pragma once

#include "base/keyed_hash.hpp"
#include "packets.hpp"
#include "wire/opener.hpp"
#include "wire/sealer.hpp"

namespace starling::wire {

inline constexpr std::string_view our_cluster = "starling";

inline MasterKey master_key(unsigned char first) {
  MasterKey key;
  for (std::size_t i = 0; i < key.bytes.size(); ++i) key.bytes[i] = static_cast<unsigned char>(first + i);
  return key;
}

inline KeyRing ring_of(std::initializer_list<unsigned char> keys,
                       PlainPackets plain = PlainPackets::refused) {
  KeyRing ring;
  for (const unsigned char key : keys) ring.keys.push_back(master_key(key));
  ring.plain = plain;
  return ring;
}

/// A node that sends.
struct Voice {
  Sealer sealer;
  Encoder encoder;

  explicit Voice(OriginId self, const KeyRing& ring = ring_of({0}), std::string_view cluster = our_cluster)
      : sealer(self, cluster, ring), encoder(KeyedHash(cluster).cluster_tag(), &sealer) {}

  /// Sealed bytes of any body.
  Packet seal(Kind kind, std::size_t body_bytes = 20) {
    const Packet body(body_bytes, std::byte{7});
    Packet out(header_bytes + seal_bytes + body_bytes);
    sealer.seal(kind, body, out);
    return out;
  }
};

/// A node that hears.
struct Ear {
  Opener opener;
  Packet body = Packet(datagram_bytes_max);

  explicit Ear(const KeyRing& ring = ring_of({0}), std::string_view cluster = our_cluster)
      : opener(cluster, ring) {}

  Result<Opener::Opened> open(std::span<const std::byte> datagram, Instant now = Instant{}) {
    return opener.open(datagram, body, now);
  }
  /// Of one that opens.
  bool is_repeated(std::span<const std::byte> datagram) { return open(datagram).value().is_repeated; }
};

/// One message of each kind, of `sender`, encoded.
inline std::vector<Packet> draw_all(Random& random, Encoder& encoder, OriginId sender) {
  std::vector<Packet> all;
  const auto add = [&](auto message) {
    message.sender = sender;
    all.push_back(copy_of(encoder.encode(message)));
  };
  add(draw_delta(random, {}));
  add(draw_pull(random));
  add(draw_heartbeat(random));
  add(draw_inquiry(random));
  add(draw_witness(random));
  add(draw_overrides(random));
  add(draw_overrides_query(random));
  add(draw_names_query(random));
  add(draw_names(random));
  return all;
}

}  // namespace starling::wire
