/// Errors of the core: small, trivial, counted. Text is made at the edge.
#pragma once

#include <cstdint>
#include <string_view>
#include <tl/expected.hpp>

namespace starling {

/// Why an input was refused. Unless a value says otherwise, a refused input changed nothing.
enum class ErrorCode : std::uint8_t {
  too_short,            ///< fewer bytes than the fixed header
  too_long,             ///< more bytes than `datagram_bytes_max`
  bad_magic,            ///< not a Starling packet
  wrong_protocol,       ///< a version or form this node cannot read; detail: version + 256 * form
  wrong_cluster,        ///< a packet of a cluster with another name
  unknown_kind,         ///< a kind of message this node does not know; detail: that kind
  wrong_port,           ///< a message that belongs to the other UDP port
  malformed,            ///< FlatBuffers verification failed
  bad_field,            ///< a field is outside its bounds; detail: its number in protocol/README.md
  from_self,            ///< our own packet came back
  unknown_sender,       ///< counts or a pull from an origin that is not a live peer
  table_full,           ///< a table at its bound refused a new entry; what fitted was taken
  window_out_of_range,  ///< too old or too far in the future; the rest of the packet was taken
  not_sealed,           ///< a plain packet, and this node takes none
  sealed,               ///< a sealed packet, and this node has no key
  unknown_key,          ///< sealed with a key that is not in this node's ring; detail: the key's id
  bad_seal,             ///< made up or damaged: its mark is wrong, or it does not open
  replayed,             ///< sealed, sound, and taken before, or too old to tell
  too_many_senders,     ///< of an unknown sender, while the budget for those is used up
};
inline constexpr std::size_t error_codes_count = static_cast<std::size_t>(ErrorCode::too_many_senders) + 1;

constexpr std::string_view name(ErrorCode code) {
  switch (code) {
    case ErrorCode::too_short:
      return "too_short";
    case ErrorCode::too_long:
      return "too_long";
    case ErrorCode::bad_magic:
      return "bad_magic";
    case ErrorCode::wrong_protocol:
      return "wrong_protocol";
    case ErrorCode::wrong_cluster:
      return "wrong_cluster";
    case ErrorCode::unknown_kind:
      return "unknown_kind";
    case ErrorCode::wrong_port:
      return "wrong_port";
    case ErrorCode::malformed:
      return "malformed";
    case ErrorCode::bad_field:
      return "bad_field";
    case ErrorCode::from_self:
      return "from_self";
    case ErrorCode::unknown_sender:
      return "unknown_sender";
    case ErrorCode::table_full:
      return "table_full";
    case ErrorCode::window_out_of_range:
      return "window_out_of_range";
    case ErrorCode::not_sealed:
      return "not_sealed";
    case ErrorCode::sealed:
      return "sealed";
    case ErrorCode::unknown_key:
      return "unknown_key";
    case ErrorCode::bad_seal:
      return "bad_seal";
    case ErrorCode::replayed:
      return "replayed";
    case ErrorCode::too_many_senders:
      return "too_many_senders";
  }
  return "unknown";
}

struct Error {
  ErrorCode code{};
  std::uint32_t detail = 0;

  friend constexpr bool operator==(const Error&, const Error&) = default;
};

template <class T>
using Result = tl::expected<T, Error>;

inline tl::unexpected<Error> fail(ErrorCode code, std::uint32_t detail = 0) {
  return tl::unexpected<Error>(Error{code, detail});
}

}  // namespace starling
