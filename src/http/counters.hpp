/// What a server counts: everything that it refuses or gives up has a reason and a number.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace starling::http {

enum class ErrorReason : std::uint8_t {
  malformed_request,    ///< 400: not HTTP/1, or HTTP/1 that two parsers could read in two ways
  head_timeout,         ///< 408: a request's head did not arrive in time
  body_timeout,         ///< 408: a body that a handler wanted did not arrive in time
  body_too_large,       ///< 413: larger than the handler takes
  target_too_long,      ///< 414: no end of the request line within `header_bytes_max`
  headers_too_large,    ///< 431: request line and headers above `header_bytes_max`
  headers_too_many,     ///< 431: more than `headers_count_max`
  handler_failed,       ///< 500: the handler threw
  unsent_exhausted,     ///< 503: a large answer, while clients leave `unsent_bytes_max` of others unread
  method_unsupported,   ///< 501: a method that the parser does not know, or CONNECT
  coding_unsupported,   ///< 501: a body in a transfer coding other than chunked alone
  version_unsupported,  ///< 505: neither HTTP/1.0 nor HTTP/1.1; HTTP/2 with prior knowledge as well
  head_truncated,       ///< the client stopped sending in the middle of a head; nobody is there to be told
  body_truncated,       ///< the same in the middle of a body that a handler wanted
  connection_lost,      ///< read or write failed, mostly a reset by the client
  output_stalled,       ///< the client took no byte of its answers for `idle_timeout`
  linger_exceeded,      ///< the client kept sending after the last answer, beyond `linger_bytes_max`
  accept_failed,        ///< the system gave no connection, mostly for want of file descriptors
};
inline constexpr std::size_t error_reasons_count = static_cast<std::size_t>(ErrorReason::accept_failed) + 1;

constexpr std::string_view name(ErrorReason reason) {
  switch (reason) {
    case ErrorReason::malformed_request:
      return "malformed_request";
    case ErrorReason::head_timeout:
      return "head_timeout";
    case ErrorReason::body_timeout:
      return "body_timeout";
    case ErrorReason::body_too_large:
      return "body_too_large";
    case ErrorReason::target_too_long:
      return "target_too_long";
    case ErrorReason::headers_too_large:
      return "headers_too_large";
    case ErrorReason::headers_too_many:
      return "headers_too_many";
    case ErrorReason::handler_failed:
      return "handler_failed";
    case ErrorReason::unsent_exhausted:
      return "unsent_exhausted";
    case ErrorReason::method_unsupported:
      return "method_unsupported";
    case ErrorReason::coding_unsupported:
      return "coding_unsupported";
    case ErrorReason::version_unsupported:
      return "version_unsupported";
    case ErrorReason::head_truncated:
      return "head_truncated";
    case ErrorReason::body_truncated:
      return "body_truncated";
    case ErrorReason::connection_lost:
      return "connection_lost";
    case ErrorReason::output_stalled:
      return "output_stalled";
    case ErrorReason::linger_exceeded:
      return "linger_exceeded";
    case ErrorReason::accept_failed:
      return "accept_failed";
  }
  return "unknown";
}

/// The HTTP status by which a client is told; 0 where there is nobody to tell.
constexpr int status_of(ErrorReason reason) {
  switch (reason) {
    case ErrorReason::malformed_request:
      return 400;
    case ErrorReason::head_timeout:
    case ErrorReason::body_timeout:
      return 408;
    case ErrorReason::body_too_large:
      return 413;
    case ErrorReason::target_too_long:
      return 414;
    case ErrorReason::headers_too_large:
    case ErrorReason::headers_too_many:
      return 431;
    case ErrorReason::handler_failed:
      return 500;
    case ErrorReason::method_unsupported:
    case ErrorReason::coding_unsupported:
      return 501;
    case ErrorReason::unsent_exhausted:
      return 503;
    case ErrorReason::version_unsupported:
      return 505;
    default:
      return 0;
  }
}

struct Counters {
  std::uint64_t requests = 0;              ///< handed to the handler
  std::uint64_t connections_accepted = 0;  ///< since the start
  std::uint64_t connections_open = 0;      ///< now
  /// Closed for `connections_max`: those that made room for a newcomer, and newcomers where none could.
  std::uint64_t connections_refused = 0;
  std::array<std::uint64_t, error_reasons_count> errors{};

  std::uint64_t& operator[](ErrorReason reason) { return errors[static_cast<std::size_t>(reason)]; }
  std::uint64_t operator[](ErrorReason reason) const { return errors[static_cast<std::size_t>(reason)]; }
};

/// A request that is refused before a handler sees it.
struct HeadError {
  ErrorReason reason{};
  std::string_view message;  ///< static text for the client
};

}  // namespace starling::http
