/// One call: what is known of its request, and what is left to send of its answer.
#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <string>
#include <string_view>

#include "grpc/message_reader.hpp"
#include "grpc/method.hpp"
#include "grpc/request_head.hpp"
#include "grpc/stream_method.hpp"

namespace starling::grpc {

class Session;

/// What each buffer of a call keeps when its bytes are done with.
inline constexpr std::size_t call_kept_bytes_max = 1'024;

/// Calls are list nodes that wander: from the free ones to those of a session and back, so that a call
/// allocates nothing once there have been as many at a time.
struct Call final : MessageSink {
  enum class Phase : std::uint8_t {
    asking,     ///< headers and message come in
    streaming,  ///< accepted by a StreamMethod
    answered,   ///< the rest of the answer is in `output`, `code` and `message`
  };

  void send(std::string_view bytes) override;
  const void* connection() const override { return session; }
  /// Ready for another call.
  void reset();

  std::list<Call>::iterator self;
  Session* session = nullptr;
  std::uint64_t since_ms = 0;  ///< of uv_now, when it began or, if it was given up, when that was
  std::size_t charged_bytes = 0;
  std::int32_t id = 0;
  Phase phase = Phase::asking;
  Code code = Code::ok;
  bool request_ended = false;
  bool answer_ended = false;  ///< all of it has been handed to the connection
  bool plain_http = false;    ///< no trailers: the answer is to what was not gRPC
  bool is_stream = false;     ///< a StreamMethod has accepted it, and is to be told when it is over
  bool deferred = false;      ///< nghttp2 waits to be told that `output` has grown
  bool given_up = false;      ///< its answer was not taken in time
  UnaryMethod* unary = nullptr;
  StreamMethod* streaming = nullptr;
  RequestHead head;
  MessageReader reader;
  std::string output;           ///< framed messages
  std::size_t output_sent = 0;  ///< of these bytes
  std::string message;          ///< `grpc-message`, encoded
};

}  // namespace starling::grpc
