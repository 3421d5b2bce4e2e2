#include "wire/header.hpp"

#include <algorithm>

namespace starling::wire {
namespace {

// offset 0: magic, 4: protocol version, 5: kind, 6: form, 7: reserved (sent as 0, ignored), 8: cluster tag,
// LE.
constexpr std::size_t kind_at = 5;
constexpr std::size_t form_at = 6;
constexpr std::array<std::byte, 4> magic{std::byte{'S'}, std::byte{'T'}, std::byte{'L'}, std::byte{'G'}};

}  // namespace

void Header::write(std::span<std::byte, header_bytes> out) const {
  std::copy(magic.begin(), magic.end(), out.begin());
  out[4] = std::byte{protocol_version};
  out[kind_at] = static_cast<std::byte>(kind);
  out[form_at] = static_cast<std::byte>(form);
  out[7] = std::byte{0};
  for (int i = 0; i < 8; ++i) out[8 + i] = static_cast<std::byte>(cluster_tag >> (8 * i));
}

Result<Header> Header::read(std::span<const std::byte> datagram) {
  if (datagram.size() < header_bytes) return fail(ErrorCode::too_short);
  if (!std::equal(magic.begin(), magic.end(), datagram.begin())) return fail(ErrorCode::bad_magic);
  const auto version = static_cast<std::uint8_t>(datagram[4]);
  if (version != protocol_version) return fail(ErrorCode::wrong_protocol, version);
  const auto form = static_cast<std::uint8_t>(datagram[form_at]);
  if (form > static_cast<std::uint8_t>(Form::sealed))
    return fail(ErrorCode::wrong_protocol, std::uint32_t{form} << 8 | version);
  const auto kind = static_cast<std::uint8_t>(datagram[kind_at]);
  if (kind < static_cast<std::uint8_t>(Kind::delta) || kind > static_cast<std::uint8_t>(Kind::names))
    return fail(ErrorCode::unknown_kind, kind);
  Header header{.kind = static_cast<Kind>(kind), .form = static_cast<Form>(form), .cluster_tag = 0};
  for (int i = 0; i < 8; ++i) header.cluster_tag |= static_cast<std::uint64_t>(datagram[8 + i]) << (8 * i);
  return header;
}

Kind kind_of(std::span<const std::byte> datagram) {
  return static_cast<Kind>(datagram[kind_at]);
}

}  // namespace starling::wire
