#include "sim/reader.hpp"

#include <algorithm>

#include "base/keyed_hash.hpp"

namespace starling::sim {
namespace {

constexpr std::size_t form_at = 6;

template <class Message>
std::optional<OriginId> recipient_of(const Result<const Message*>& message) {
  if (!message) return std::nullopt;
  return (*message)->recipient;
}

}  // namespace

std::optional<wire::SealedHeader> sealed_header(std::span<const std::byte> datagram) {
  if (datagram.size() < wire::sealed_header_bytes || datagram[form_at] != std::byte{1}) return std::nullopt;
  return wire::SealedHeader::read(datagram);
}

Reader::Reader(std::string_view cluster)
    : ring_{.keys = {}, .plain = wire::PlainPackets::accepted},
      opener_(cluster, ring_),
      decoder_(KeyedHash(cluster).cluster_tag(), &opener_) {}

void Reader::learn(const wire::KeyRing& ring) {
  const std::size_t before = ring_.keys.size();
  for (const wire::MasterKey& key : ring.keys)
    if (std::find(ring_.keys.begin(), ring_.keys.end(), key) == ring_.keys.end()) ring_.keys.push_back(key);
  if (ring_.keys.size() != before) opener_.replace(ring_);
}

std::optional<wire::Kind> Reader::open(std::span<const std::byte> datagram, Port port, Instant now) {
  const auto kind = decoder_.open(datagram, port, now);
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
