#include "wire/seal.hpp"

#include <sodium.h>

#include <algorithm>

#include "base/check.hpp"

namespace starling::wire {
namespace {

constexpr std::size_t key_id_at = 16;
constexpr std::size_t mark_at = 20;
constexpr std::size_t sender_at = 24;
constexpr std::size_t counter_at = 32;

template <class Byte, class Number>
void put(Byte* at, Number value) {
  for (std::size_t i = 0; i < sizeof value; ++i) at[i] = static_cast<Byte>(value >> (8 * i));
}

template <class Number, class Byte>
Number get(const Byte* at) {
  Number value = 0;
  for (std::size_t i = 0; i < sizeof value; ++i)
    value |= static_cast<Number>(static_cast<Number>(at[i]) << (8 * i));
  return value;
}

std::span<const unsigned char> bytes_of(std::string_view text) {
  return {reinterpret_cast<const unsigned char*>(text.data()), text.size()};
}

/// BLAKE2b over all the parts, one after the other, under the key.
template <class... Parts>
void derive(std::span<unsigned char> out, const MasterKey& key, const Parts&... parts) {
  crypto_generichash_state state;
  int rc = crypto_generichash_init(&state, key.bytes.data(), key.bytes.size(), out.size());
  ((rc |= crypto_generichash_update(&state, parts.data(), parts.size())), ...);
  rc |= crypto_generichash_final(&state, out.data(), out.size());
  sodium_memzero(&state, sizeof state);
  STARLING_CHECK(rc == 0);
}

}  // namespace

static_assert(sizeof(Subkey::bytes) == crypto_aead_chacha20poly1305_ietf_KEYBYTES);
static_assert(sizeof(Nonce) == crypto_aead_chacha20poly1305_ietf_NPUBBYTES);
static_assert(tag_bytes == crypto_aead_chacha20poly1305_ietf_ABYTES);
static_assert(sizeof(MarkKey::bytes) == crypto_shorthash_KEYBYTES);

void wipe(std::span<unsigned char> bytes) {
  sodium_memzero(bytes.data(), bytes.size());
}

Subkey derive_subkey(const MasterKey& key, OriginId sender, std::string_view cluster) {
  Subkey subkey;
  std::array<unsigned char, 8> origin{};
  put(origin.data(), sender.value);
  derive(subkey.bytes, key, bytes_of("starling seal v1"), origin, bytes_of(cluster));
  return subkey;
}

MarkKey derive_mark_key(const MasterKey& key, std::string_view cluster) {
  MarkKey mark_key;
  derive(mark_key.bytes, key, bytes_of("starling mark v1"), bytes_of(cluster));
  return mark_key;
}

void SealedHeader::write(std::span<std::byte> datagram) const {
  put(datagram.data() + key_id_at, key.value);
  put(datagram.data() + mark_at, mark);
  put(datagram.data() + sender_at, sender.value);
  put(datagram.data() + counter_at, counter);
}

SealedHeader SealedHeader::read(std::span<const std::byte> datagram) {
  return {.key = KeyId{get<std::uint32_t>(datagram.data() + key_id_at)},
          .mark = get<std::uint32_t>(datagram.data() + mark_at),
          .sender = OriginId{get<std::uint64_t>(datagram.data() + sender_at)},
          .counter = get<std::uint64_t>(datagram.data() + counter_at)};
}

std::uint32_t mark_of(std::span<const std::byte> datagram, const MarkKey& key) {
  std::array<unsigned char, sealed_header_bytes - sizeof(SealedHeader::mark)> marked{};
  const auto* bytes = reinterpret_cast<const unsigned char*>(datagram.data());
  std::copy_n(bytes, mark_at, marked.begin());
  std::copy(bytes + sender_at, bytes + sealed_header_bytes, marked.begin() + mark_at);
  std::array<unsigned char, crypto_shorthash_BYTES> hash{};
  crypto_shorthash(hash.data(), marked.data(), marked.size(), key.bytes.data());
  return get<std::uint32_t>(hash.data());
}

Nonce nonce_of(Port port, std::uint64_t counter) {
  Nonce nonce{};
  put(nonce.data(), static_cast<std::uint32_t>(port));
  put(nonce.data() + sizeof(std::uint32_t), counter);
  return nonce;
}

AssociatedData::AssociatedData(std::string_view cluster) : bytes_(sealed_header_bytes + cluster.size()) {
  const auto name = bytes_of(cluster);
  std::copy(name.begin(), name.end(), bytes_.begin() + sealed_header_bytes);
}

std::span<const unsigned char> AssociatedData::of(std::span<const std::byte> datagram) {
  std::copy_n(reinterpret_cast<const unsigned char*>(datagram.data()), sealed_header_bytes, bytes_.begin());
  return bytes_;
}

std::string_view AssociatedData::cluster() const {
  return {reinterpret_cast<const char*>(bytes_.data()) + sealed_header_bytes,
          bytes_.size() - sealed_header_bytes};
}

}  // namespace starling::wire
