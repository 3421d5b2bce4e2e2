/// Seals what this node sends.
///
/// ChaCha20-Poly1305 (RFC 8439) under a subkey of this life of the node, so that two nodes never share a key,
/// and a counter is all a nonce takes: it starts at 1 with the life, and an origin id is never drawn twice.
/// The header stays readable and is authenticated, with the cluster's name behind it.
///
///     subkey = BLAKE2b-256("starling seal v1" | origin, u64 LE | cluster name; key: master key)
///     mark   = the first 4 bytes of SipHash-2-4 over the header without the mark,
///              under BLAKE2b-128("starling mark v1" | cluster name; key: master key)
///     nonce  = port (u32 LE: 0 sync, 1 heartbeat) | counter (u64 LE), one counter for each port
///
/// The mark lets a receiver drop what outsiders make up for the price of one SipHash, before it derives a
/// subkey for a sender that it does not know. Source: WireGuard's mac1, for the same purpose.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/ids.hpp"
#include "wire/header.hpp"
#include "wire/key_ring.hpp"
#include "wire/seal.hpp"

namespace starling::wire {

class Sealer {
 public:
  Sealer(OriginId self, std::string_view cluster, const KeyRing& ring);
  Sealer(const Sealer&) = delete;  // two that count from the same number would use nonces twice
  Sealer& operator=(const Sealer&) = delete;

  /// Another ring, from the next packet on. Counters go on.
  void replace(const KeyRing& ring);
  bool seals() const { return seals_; }

  /// Writes header, sealed body and tag to `out`; only if `seals`. Returns how many bytes that are:
  /// body.size() + header_bytes + seal_bytes.
  std::size_t seal(Kind kind, std::span<const std::byte> body, std::span<std::byte> out);

 private:
  OriginId self_;
  std::string cluster_;
  std::uint64_t cluster_tag_;
  bool seals_ = false;
  KeyId key_id_;
  Subkey subkey_;
  MarkKey mark_key_;
  std::array<std::uint64_t, 2> counters_{};  // by port: of the last packet
  AssociatedData associated_;
};

}  // namespace starling::wire
