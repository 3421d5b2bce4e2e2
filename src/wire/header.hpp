/// The 16 bytes in front of every datagram.
///
/// They are fixed and outside FlatBuffers, so that foreign, old and other clusters' packets are told apart
/// before any of the body is looked at, and so that a sealed body can be bound to them.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "base/result.hpp"
#include "wire/messages.hpp"

namespace starling::wire {

struct Header {
  Kind kind{};
  std::uint64_t cluster_tag = 0;

  void write(std::span<std::byte, header_bytes> out) const;
  /// Errors: too_short, bad_magic, wrong_protocol, unknown_kind.
  static Result<Header> read(std::span<const std::byte> datagram);
};

/// Of a datagram that an Encoder made.
Kind kind_of(std::span<const std::byte> datagram);

}  // namespace starling::wire
