/// What a unary gRPC method is to the transport: the bytes of one message in, the bytes of one message out,
/// at once. The transport (framing, HTTP/2, statuses on the wire) knows no method; methods know no transport.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace starling::grpc {

/// The codes of gRPC that are used here, with their numbers on the wire.
enum class Code : std::uint8_t {
  ok = 0,
  cancelled = 1,
  unknown = 2,
  invalid_argument = 3,
  deadline_exceeded = 4,
  not_found = 5,
  resource_exhausted = 8,
  unimplemented = 12,
  internal = 13,
  unavailable = 14,
};

/// As gRPC writes it.
constexpr std::string_view name(Code code) {
  switch (code) {
    case Code::ok:
      return "OK";
    case Code::cancelled:
      return "CANCELLED";
    case Code::unknown:
      return "UNKNOWN";
    case Code::invalid_argument:
      return "INVALID_ARGUMENT";
    case Code::deadline_exceeded:
      return "DEADLINE_EXCEEDED";
    case Code::not_found:
      return "NOT_FOUND";
    case Code::resource_exhausted:
      return "RESOURCE_EXHAUSTED";
    case Code::unimplemented:
      return "UNIMPLEMENTED";
    case Code::internal:
      return "INTERNAL";
    case Code::unavailable:
      return "UNAVAILABLE";
  }
  return "UNKNOWN";
}

struct CallStatus {
  Code code = Code::ok;
  /// UTF-8 for people, sent percent-encoded as `grpc-message`; empty with `ok`. Valid until the next call of
  /// the same method.
  std::string_view message;
};

class UnaryMethod {
 public:
  /// "/envoy.service.ratelimit.v3.RateLimitService/ShouldRateLimit"; the same for the method's whole life.
  virtual std::string_view path() const = 0;
  /// Appends the reply to `reply`; what was appended is dropped unless the code is `ok`. `request` is valid
  /// only during the call. If it throws, the client is told `internal`.
  virtual CallStatus call(std::string_view request, std::string& reply) = 0;

 protected:
  ~UnaryMethod() = default;
};

}  // namespace starling::grpc
