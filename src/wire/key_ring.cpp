#include "wire/key_ring.hpp"

#include <sodium.h>

#include <string_view>

#include "base/check.hpp"

namespace starling::wire {

MasterKey::~MasterKey() {
  sodium_memzero(bytes.data(), bytes.size());
}

KeyId MasterKey::id() const {
  constexpr std::string_view purpose = "starling key id v1";
  std::array<unsigned char, crypto_generichash_BYTES> hash{};
  const int rc =
      crypto_generichash(hash.data(), hash.size(), reinterpret_cast<const unsigned char*>(purpose.data()),
                         purpose.size(), bytes.data(), bytes.size());
  STARLING_CHECK(rc == 0);
  KeyId id;
  for (int i = 0; i < 4; ++i) id.value |= std::uint32_t{hash[static_cast<std::size_t>(i)]} << (8 * i);
  return id;
}

}  // namespace starling::wire
