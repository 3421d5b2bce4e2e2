#include "grpc/counters.hpp"

namespace starling::grpc {
namespace {

constexpr std::array<std::string_view, error_reasons_count> names{
    "content_type_unsupported",
    "method_not_post",
    "method_unknown",
    "message_compressed",
    "messages_miscounted",
    "message_malformed",
    "message_too_large",
    "headers_too_large",
    "buffers_full",
    "method_failed",
    "call_timeout",
    "calls_too_many",
    "stream_malformed",
    "protocol_violated",
    "keepalive_timeout",
    "goaway_timeout",
    "not_http2",
    "preface_timeout",
    "call_reset",
    "connection_lost",
    "connection_cut",
    "output_stalled",
    "linger_exceeded",
    "accept_failed",
};

}  // namespace

std::string_view name(ErrorReason reason) {
  return names.at(static_cast<std::size_t>(reason));
}

}  // namespace starling::grpc
