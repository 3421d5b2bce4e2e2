/// What `delta` and `heartbeat` share: packets to one of the two ports.
///
/// The first byte says how the rest becomes a packet. It is the whole packet; or a body, behind a sound
/// header of a kind that the second byte names; or choices of which a message is made, of which some bytes
/// are then changed or cut off.
#pragma once

#include <span>
#include <vector>

#include "messages.hpp"
#include "packet_promises.hpp"
#include "wire/header.hpp"

namespace starling::fuzz {

using Packet = std::vector<std::byte>;

inline Packet packet_of(wire::Kind kind, std::span<const std::uint8_t> body) {
  Packet packet(wire::header_bytes + body.size());
  wire::Header{.kind = kind, .cluster_tag = cluster_tag()}.write(
      std::span<std::byte, wire::header_bytes>(packet.data(), wire::header_bytes));
  std::copy_n(reinterpret_cast<const std::byte*>(body.data()), body.size(),
              packet.begin() + wire::header_bytes);
  return packet;
}

/// Changes a few bytes of a body, and perhaps its end.
inline void damage(Packet& packet, Input& input) {
  for (std::size_t left = input.below(4); left > 0 && packet.size() > wire::header_bytes; --left) {
    const std::size_t at = (input.byte() * 256U + input.byte()) % (packet.size() - wire::header_bytes);
    packet[wire::header_bytes + at] ^= std::byte{input.byte()};
  }
  if (input.flag()) packet.resize(packet.size() - std::min<std::size_t>(packet.size(), input.byte()));
}

inline Packet make_packet(std::uint8_t form, std::span<const wire::Kind> kinds, Input& input) {
  static wire::Encoder encoder(cluster_tag());
  const auto body = [&] { return input.take(input.rest().size()); };
  if ((form & 3U) == 0) {
    const auto bytes = std::as_bytes(body());
    return {bytes.begin(), bytes.end()};
  }
  const wire::Kind kind = kinds[input.below(kinds.size())];
  if ((form & 3U) == 1) return packet_of(kind, body());
  const auto made = encode_made(encoder, kind, input, Scene{});
  Packet packet(made.begin(), made.end());
  if ((form & 3U) == 3) damage(packet, input);
  return packet;
}

inline int try_packet(Port port, std::span<const wire::Kind> kinds, const std::uint8_t* data,
                      std::size_t bytes_count) {
  static wire::Decoder decoder(cluster_tag());
  Input input(data, bytes_count);
  const std::uint8_t form = input.byte();
  const Packet packet = make_packet(form, kinds, input);
  const auto kind = decoder.open(packet, port);
  if ((form & 3U) == 2) REQUIRE_THAT(kind.has_value());
  if (!kind) return 0;
  REQUIRE_THAT(packet.size() <= wire::datagram_bytes_max && wire::port_of(*kind) == port);
  const auto message = check_message(decoder, *kind);
  if (!message)
    REQUIRE_THAT(message.error().code == ErrorCode::malformed ||
                 message.error().code == ErrorCode::bad_field);
  return 0;
}

}  // namespace starling::fuzz
