/// What a gRPC server counts: everything that it refuses or gives up has a reason and a number.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace starling::grpc {

enum class ErrorReason : std::uint8_t {
  // The client is told by the call's status:
  content_type_unsupported,  ///< HTTP 415: not application/grpc
  method_not_post,           ///< HTTP 405
  method_unknown,            ///< UNIMPLEMENTED: no such path
  message_compressed,        ///< UNIMPLEMENTED: no compression but identity is known
  messages_miscounted,       ///< UNIMPLEMENTED: none, or more than one, where one is expected
  message_malformed,         ///< INTERNAL: cut off, or a flag that does not exist
  message_too_large,         ///< RESOURCE_EXHAUSTED: above `message_bytes_max`
  headers_too_large,         ///< RESOURCE_EXHAUSTED: above `header_list_bytes_max`
  buffers_full,              ///< RESOURCE_EXHAUSTED: above `buffered_bytes_max`, or that per connection
  method_failed,             ///< INTERNAL: the method threw
  call_timeout,              ///< DEADLINE_EXCEEDED, or CANCEL if the client does not take the answer
  // The client is told by a reset of the stream or by GOAWAY:
  calls_too_many,     ///< REFUSED_STREAM: above `calls_max`, or `calls_per_connection_max` at the beginning
  stream_malformed,   ///< HTTP/2 rules were broken within a stream
  protocol_violated,  ///< HTTP/2 rules were broken by the connection; too many streams, resets or headers too
  keepalive_timeout,  ///< no answer to PING, or headers without an end
  goaway_timeout,     ///< calls were under way after `goaway_timeout`
  // Nobody is there to be told, or not in this protocol:
  not_http2,        ///< other first bytes than HTTP/2's; HTTP/1 is told with 505
  preface_timeout,  ///< HTTP/2 did not begin in time
  call_reset,       ///< the client reset a call before it had its answer
  connection_lost,  ///< read or write failed, mostly a reset by the client
  connection_cut,   ///< the client stopped sending while calls were under way
  output_stalled,   ///< the client took no byte for `output_timeout`
  linger_exceeded,  ///< the client kept sending after the last answer, beyond `linger_bytes_max`
  accept_failed,    ///< the system gave no connection, mostly for want of file descriptors
};
inline constexpr std::size_t error_reasons_count = static_cast<std::size_t>(ErrorReason::accept_failed) + 1;

std::string_view name(ErrorReason reason);

struct Counters {
  std::uint64_t requests = 0;              ///< handed to a method
  std::uint64_t calls_open = 0;            ///< now
  std::uint64_t buffered_bytes = 0;        ///< now, of messages and answers
  std::uint64_t connections_accepted = 0;  ///< since the start
  std::uint64_t connections_open = 0;      ///< now
  /// Closed for `connections_max`: those that made room for a newcomer, and newcomers where none could.
  std::uint64_t connections_refused = 0;
  std::array<std::uint64_t, error_reasons_count> errors{};

  std::uint64_t& operator[](ErrorReason reason) { return errors[static_cast<std::size_t>(reason)]; }
  std::uint64_t operator[](ErrorReason reason) const { return errors[static_cast<std::size_t>(reason)]; }
};

}  // namespace starling::grpc
