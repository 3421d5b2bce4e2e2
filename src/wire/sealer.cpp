#include "wire/sealer.hpp"

#include <sodium.h>

#include "base/check.hpp"
#include "base/keyed_hash.hpp"

namespace starling::wire {

Sealer::Sealer(OriginId self, std::string_view cluster, const KeyRing& ring)
    : self_(self), cluster_tag_(KeyedHash(cluster).cluster_tag()), associated_(cluster) {
  replace(ring);
}

void Sealer::replace(const KeyRing& ring) {
  seals_ = ring.seals();
  STARLING_CHECK(!seals_ || !ring.keys.empty());
  if (!seals_) {
    subkey_ = {};
    mark_key_ = {};
    return;
  }
  key_id_ = ring.keys.front().id();
  subkey_ = derive_subkey(ring.keys.front(), self_, associated_.cluster());
  mark_key_ = derive_mark_key(ring.keys.front(), associated_.cluster());
}

std::size_t Sealer::seal(Kind kind, std::span<const std::byte> body, std::span<std::byte> out) {
  STARLING_CHECK(seals_ && out.size() >= header_bytes + body.size() + seal_bytes);
  const Port port = port_of(kind);
  const std::uint64_t counter = ++counters_[static_cast<std::size_t>(port)];
  STARLING_CHECK(counter != 0);  // five hundred years at a packet a nanosecond
  Header{.kind = kind, .form = Form::sealed, .cluster_tag = cluster_tag_}.write(out.first<header_bytes>());
  SealedHeader header{.key = key_id_, .mark = 0, .sender = self_, .counter = counter};
  header.write(out);
  header.mark = mark_of(out, mark_key_);
  header.write(out);
  const auto associated = associated_.of(out);
  const Nonce nonce = nonce_of(port, counter);
  unsigned long long sealed_bytes = 0;
  crypto_aead_chacha20poly1305_ietf_encrypt(
      reinterpret_cast<unsigned char*>(out.data() + sealed_header_bytes), &sealed_bytes,
      reinterpret_cast<const unsigned char*>(body.data()), body.size(), associated.data(), associated.size(),
      nullptr, nonce.data(), subkey_.bytes.data());
  return sealed_header_bytes + sealed_bytes;
}

}  // namespace starling::wire
