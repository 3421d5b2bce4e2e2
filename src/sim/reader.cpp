#include "sim/reader.hpp"

#include <algorithm>

#include "base/keyed_hash.hpp"

namespace starling::sim {
namespace {

std::uint64_t read_u64(std::span<const std::byte> bytes, std::size_t at) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < 8; ++i) value |= static_cast<std::uint64_t>(bytes[at + i]) << (8 * i);
  return value;
}

template <class Message>
std::optional<OriginId> recipient_of(const Result<const Message*>& message) {
  if (!message) return std::nullopt;
  return (*message)->recipient;
}

}  // namespace

std::optional<SealedHeader> SealedHeader::of(std::span<const std::byte> datagram) {
  if (datagram.size() < bytes || datagram[form_at] != std::byte{1}) return std::nullopt;
  return SealedHeader{.sender = OriginId{read_u64(datagram, sender_at)},
                      .counter = read_u64(datagram, counter_at)};
}

Reader::Reader(std::string_view cluster)
    : opener_(cluster, ring_), decoder_(KeyedHash(cluster).cluster_tag()) {}

void Reader::learn(const wire::KeyRing& ring) {
  const std::size_t before = ring_.keys.size();
  for (const wire::MasterKey& key : ring.keys)
    if (std::find(ring_.keys.begin(), ring_.keys.end(), key) == ring_.keys.end()) ring_.keys.push_back(key);
  if (ring_.keys.size() != before) opener_.replace(ring_);
}

std::optional<wire::Kind> Reader::open(std::span<const std::byte> datagram, Port port, Instant now) {
  std::span<const std::byte> plain = datagram;
  if (SealedHeader::of(datagram)) {
    plain_.assign(datagram.begin(), datagram.begin() + wire::header_bytes);
    plain_[SealedHeader::form_at] = std::byte{0};
    plain_.resize(wire::header_bytes + datagram.size());
    const auto opened = opener_.open(datagram, std::span(plain_).subspan(wire::header_bytes), now);
    if (!opened) return std::nullopt;
    plain_.resize(wire::header_bytes + opened->body_bytes);
    plain = plain_;
  }
  const auto kind = decoder_.open(plain, port);
  if (!kind) return std::nullopt;
  return *kind;
}

std::optional<OriginId> Reader::recipient(wire::Kind kind) {
  switch (kind) {
    case wire::Kind::delta:
      return recipient_of(decoder_.delta());
    case wire::Kind::pull:
      return recipient_of(decoder_.pull());
    case wire::Kind::heartbeat:
      return recipient_of(decoder_.heartbeat());
    case wire::Kind::inquiry:
      return recipient_of(decoder_.inquiry());
    case wire::Kind::witness:
      return recipient_of(decoder_.witness());
    case wire::Kind::overrides:
      return recipient_of(decoder_.overrides());
    case wire::Kind::overrides_query:
      return recipient_of(decoder_.overrides_query());
    case wire::Kind::names_query:
      return recipient_of(decoder_.names_query());
    case wire::Kind::names:
      return recipient_of(decoder_.names());
  }
  return std::nullopt;
}

}  // namespace starling::sim
