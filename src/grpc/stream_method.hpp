/// A gRPC method that answers one message with any number of messages, whenever there is something to say:
/// `grpc.health.v1.Health/Watch` is one.
#pragma once

#include <string_view>

#include "grpc/method.hpp"

namespace starling::grpc {

/// A call that was accepted, towards its client.
class MessageSink {
 public:
  /// Sends `message`. One that has not left yet, because the client does not read, is replaced: the newest
  /// state is what counts, and nothing piles up. Never calls back.
  virtual void send(std::string_view message) = 0;
  /// The same for all calls of one connection; only to be compared.
  virtual const void* connection() const = 0;

 protected:
  ~MessageSink() = default;
};

class StreamMethod {
 public:
  virtual std::string_view path() const = 0;
  /// Accepts the call with `ok`; then `sink` may be used at once and until `on_closed`. Any other status ends
  /// the call. If it throws, the client is told `internal`, and nothing of `sink` may be kept.
  virtual CallStatus open(std::string_view request, MessageSink& sink) = 0;
  /// The call is over: the client or the connection is gone, or the server sent the client away.
  virtual void on_closed(MessageSink& sink) = 0;

 protected:
  ~StreamMethod() = default;
};

}  // namespace starling::grpc
