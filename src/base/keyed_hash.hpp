/// 64-bit SipHash-2-4 under a key that every node of a cluster derives from the cluster's name.
///
/// Keyed, because principals are chosen by callers: without the key nobody can craft two that share a
/// counter. Source: Aumasson, Bernstein, "SipHash: a fast short-input PRF"; libsodium `crypto_shorthash`.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace starling {

class KeyedHash {
 public:
  /// Derives the hash key (and the cluster tag) from the cluster's name by BLAKE2b.
  explicit KeyedHash(std::string_view cluster_name);

  std::uint64_t operator()(std::span<const std::byte> bytes) const;

  /// Tells packets of different clusters apart. It is no secret and no protection.
  std::uint64_t cluster_tag() const { return cluster_tag_; }

 private:
  std::array<unsigned char, 16> key_{};
  std::uint64_t cluster_tag_ = 0;
};

}  // namespace starling
