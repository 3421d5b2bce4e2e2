#include "limiter/principal_hash.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

namespace starling {
namespace {

// Values up to this long, nearly all, are hashed in one go from the stack; a longer one is cut into pieces.
constexpr std::size_t piece_bytes_max = 240;

void put_u64(std::byte* out, std::uint64_t value) {
  if constexpr (std::endian::native == std::endian::little) {
    std::memcpy(out, &value, sizeof value);  // one store; compilers make eight of the loop
  } else {
    for (int i = 0; i < 8; ++i) out[i] = static_cast<std::byte>(value >> (8 * i));
  }
}

}  // namespace

PrincipalHasher::PrincipalHasher(const KeyedHash& hash, std::string_view domain, std::string_view rule)
    : hash_(hash) {
  add(domain);
  add(rule);
}

void PrincipalHasher::add(std::string_view part) {
  // state' = H(state, length, bytes); pieces chain, and the length in front keeps the parts apart.
  std::array<std::byte, 16 + piece_bytes_max> block;
  put_u64(block.data() + 8, part.size());
  std::size_t at = 0;
  do {
    const std::size_t piece = std::min(part.size() - at, piece_bytes_max);
    put_u64(block.data(), state_);
    if (piece != 0) std::memcpy(block.data() + 16, part.data() + at, piece);
    state_ = hash_(std::span<const std::byte>(block.data(), 16 + piece));
    at += piece;
  } while (at < part.size());
}

CounterKey PrincipalHasher::key(std::uint32_t window_s) const {
  std::array<std::byte, 16> block;
  put_u64(block.data(), state_);
  put_u64(block.data() + 8, window_s);
  return CounterKey{hash_(block)};
}

}  // namespace starling
