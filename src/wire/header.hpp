/// The 16 bytes in front of every datagram.
///
/// They are fixed and outside FlatBuffers, so that foreign, old and other clusters' packets are told apart
/// before any of the body is looked at, and so that a sealed body can be bound to them. Which goes on where
/// these end: `seal.hpp`.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "base/result.hpp"
#include "wire/messages.hpp"

namespace starling::wire {

enum class Form : std::uint8_t {
  plain,   ///< the body follows
  sealed,  ///< key, mark, sender and counter follow, then the body sealed
};

struct Header {
  Kind kind{};
  Form form = Form::plain;
  std::uint64_t cluster_tag = 0;

  void write(std::span<std::byte, header_bytes> out) const;
  /// Errors: too_short, bad_magic, wrong_protocol, unknown_kind.
  static Result<Header> read(std::span<const std::byte> datagram);
};

/// Of a datagram that an Encoder made, in either form.
Kind kind_of(std::span<const std::byte> datagram);

}  // namespace starling::wire
