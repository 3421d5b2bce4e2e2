#include "base/keyed_hash.hpp"

#include <sodium.h>

#include <bit>
#include <cstring>

#include "base/check.hpp"

namespace starling {

KeyedHash::KeyedHash(std::string_view cluster_name) {
  static_assert(crypto_shorthash_KEYBYTES == 16 && crypto_shorthash_BYTES == 8);
  constexpr std::string_view purpose = "starling counter keys v1";
  std::array<unsigned char, 24> derived{};
  // The purpose is the BLAKE2b key, so that the same name used elsewhere derives something else.
  const int rc = crypto_generichash(
      derived.data(), derived.size(), reinterpret_cast<const unsigned char*>(cluster_name.data()),
      cluster_name.size(), reinterpret_cast<const unsigned char*>(purpose.data()), purpose.size());
  STARLING_CHECK(rc == 0);
  std::memcpy(key_.data(), derived.data(), key_.size());
  for (int i = 0; i < 8; ++i) cluster_tag_ |= std::uint64_t{derived[16 + i]} << (8 * i);
}

std::uint64_t KeyedHash::operator()(std::span<const std::byte> bytes) const {
  std::array<unsigned char, 8> out{};
  crypto_shorthash(out.data(), reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(),
                   key_.data());
  std::uint64_t value = 0;
  if constexpr (std::endian::native == std::endian::little) {
    std::memcpy(&value, out.data(), sizeof value);  // one load; compilers make eight of the loop
  } else {
    for (int i = 0; i < 8; ++i) value |= std::uint64_t{out[i]} << (8 * i);
  }
  return value;
}

}  // namespace starling
