/// What `delta` and `heartbeat` share: packets to one of the two ports.
///
/// The first byte says how the rest becomes a packet. It is the whole packet; or a body, behind a sound
/// header of a kind that the second byte names; or choices of which a message is made, of which some bytes
/// are then changed or cut off. A body may be sealed as well: then what is behind the seal is reached, and
/// the seal is held to what it promises.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "key_rings.hpp"
#include "messages.hpp"
#include "packet_promises.hpp"
#include "wire/field.hpp"
#include "wire/header.hpp"
#include "wire/opener.hpp"
#include "wire/sealer.hpp"

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
  if (input.flag())
    packet.resize(packet.size() - std::min<std::size_t>(packet.size() - wire::header_bytes, input.byte()));
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

/// As it came, or why it is nothing; and who sent it.
struct Reading {
  std::optional<Error> error;
  OriginId sender;
};

inline Reading read(wire::Decoder& decoder, std::span<const std::byte> packet, Port port, Instant now) {
  const auto kind = decoder.open(packet, port, now);
  if (!kind) return {kind.error(), {}};
  REQUIRE_THAT(packet.size() <= wire::datagram_bytes_max && wire::port_of(*kind) == port);
  Reading reading;
  const auto message = visit_message(decoder, *kind, [&](const auto& found) {
    reading.sender = found.sender;
    check_bounds(found);
    check_same_again(found);
  });
  if (message) return reading;
  reading.error = message.error();
  REQUIRE_THAT(reading.error->code == ErrorCode::malformed || reading.error->code == ErrorCode::bad_field);
  return reading;
}

/// `packet`, which is plain, sealed by `sender` with one of the rings: it opens to the same once, for those
/// who have the key, as long as no bit of it is changed, and speaks for nobody else.
inline void check_sealed(const Packet& packet, const Reading& plain, OriginId sender, Port port,
                         Input& input) {
  const auto body = std::span(packet).subspan(wire::header_bytes);
  const wire::KeyRing& ring = key_rings()[1 + input.below(5)];
  wire::Sealer sealer(sender, "starling", ring);
  wire::KeyRing sealed_only = every_key();
  sealed_only.plain = wire::PlainPackets::refused;  // else a changed form would make a plain packet of it
  wire::Opener opener("starling", sealed_only);
  REQUIRE_THAT(sealer.seals());
  Packet sealed(packet.size() + wire::seal_bytes);
  const wire::Kind kind = wire::kind_of(packet);
  REQUIRE_THAT(sealer.seal(kind, body, sealed) == sealed.size());

  const Instant now{std::chrono::hours(1)};
  Packet opened(sealed.size());
  for (const bool repeated : {false, true}) {
    const auto result = opener.open(sealed, opened, now);
    REQUIRE_THAT(result && result->sender == sender && result->is_repeated == repeated);
    REQUIRE_THAT(result->body_bytes == body.size() && std::equal(body.begin(), body.end(), opened.begin()));
    REQUIRE_THAT(result->key == ring.keys.front().id());
  }
  wire::Decoder decoder(cluster_tag(), &opener);
  if (sealed.size() <= wire::datagram_bytes_max) {
    const Reading behind = read(decoder, sealed, port, now);
    REQUIRE_THAT(behind.error.has_value() == (plain.error.has_value() || plain.sender != sender));
    if (behind.error && !plain.error) REQUIRE_THAT(*behind.error == wire::bad(wire::Field::sender));
    REQUIRE_THAT(decoder.seal().has_value() && decoder.is_repeated());
  }
  wire::Opener elsewhere("another", sealed_only);
  REQUIRE_THAT(!elsewhere.open(sealed, opened, now));
  const std::size_t at = (input.byte() * 256U + input.byte()) % sealed.size();
  sealed[at] ^= std::byte{1} << input.below(8);
  REQUIRE_THAT(!decoder.open(sealed, port, now));
  sealed.resize(input.below(std::min<std::size_t>(sealed.size(), 256)));
  REQUIRE_THAT(!decoder.open(sealed, port, now));
}

inline int try_packet(Port port, std::span<const wire::Kind> kinds, const std::uint8_t* data,
                      std::size_t bytes_count) {
  static wire::Opener opener("starling", every_key());
  static wire::Decoder decoder(cluster_tag(), &opener);
  static Instant now{};
  Input input(data, bytes_count);
  const std::uint8_t form = input.byte();
  const Packet packet = make_packet(form, kinds, input);
  now += std::chrono::milliseconds(1);
  const Reading plain = read(decoder, packet, port, now);
  if ((form & 3U) == 2) REQUIRE_THAT(!plain.error || plain.error->code == ErrorCode::bad_field);
  if ((form & 3U) == 0 || (form & 4U) == 0 || packet.size() < wire::header_bytes) return 0;
  const OriginId sender = (form & 8U) != 0 || plain.sender == OriginId{} ? OriginId{77} : plain.sender;
  check_sealed(packet, plain, sender, port, input);
  return 0;
}

}  // namespace starling::fuzz
