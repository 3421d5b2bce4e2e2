/// Reads every datagram of the cluster, plain or sealed: for the checkers, and for forgers that hold a key.
///
/// It knows all keys that the cluster has ever had, so it is never behind a rotation; and it looks at what is
/// on the wire only, never at what an engine believes.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/endpoint.hpp"
#include "base/ids.hpp"
#include "base/time.hpp"
#include "wire/codec.hpp"
#include "wire/key_ring.hpp"
#include "wire/opener.hpp"

namespace starling::sim {

/// What anybody can read of a sealed datagram.
struct SealedHeader {
  static constexpr std::size_t bytes = wire::header_bytes + 24;
  static constexpr std::size_t form_at = 6;
  static constexpr std::size_t key_at = 16;
  static constexpr std::size_t mark_at = 20;
  static constexpr std::size_t sender_at = 24;
  static constexpr std::size_t counter_at = 32;

  OriginId sender;
  std::uint64_t counter = 0;

  /// Nothing: not sealed, or too short.
  static std::optional<SealedHeader> of(std::span<const std::byte> datagram);
};

class Reader {
 public:
  explicit Reader(std::string_view cluster);

  /// From now on it reads what is sealed with these keys, too.
  void learn(const wire::KeyRing& ring);
  const wire::KeyRing& ring() const { return ring_; }

  /// What kind of message this is, if it is one of the cluster's; then `message()` decodes it.
  std::optional<wire::Kind> open(std::span<const std::byte> datagram, Port port, Instant now);
  wire::Decoder& message() { return decoder_; }
  /// Whom the message that was opened last is for: an origin, or 0. Nothing: it does not decode.
  std::optional<OriginId> recipient(wire::Kind kind);

 private:
  wire::KeyRing ring_;
  wire::Opener opener_;
  wire::Decoder decoder_;
  std::vector<std::byte> plain_;  // scratch
};

}  // namespace starling::sim
