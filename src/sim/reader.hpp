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

#include "base/endpoint.hpp"
#include "base/ids.hpp"
#include "base/time.hpp"
#include "wire/codec.hpp"
#include "wire/key_ring.hpp"
#include "wire/opener.hpp"
#include "wire/seal.hpp"

namespace starling::sim {

/// What anybody can read of a sealed datagram; nothing if it is not sealed, or too short.
std::optional<wire::SealedHeader> sealed_header(std::span<const std::byte> datagram);

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
};

}  // namespace starling::sim
