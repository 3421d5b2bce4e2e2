/// An accepted connection of a front end: TCP or a Unix domain socket. After `accept` both are one
/// uv_stream_t.
#pragma once

#include <uv.h>

#include <memory>

#include "base/endpoint.hpp"
#include "node/handle.hpp"

namespace starling {

union ClientStream {
  uv_stream_t stream;
  uv_tcp_t tcp;
  uv_pipe_t pipe;
};

/// Takes over a stream that uv_tcp_init or uv_pipe_init has accepted.
inline Handle<ClientStream> adopt_stream(std::unique_ptr<ClientStream> initialised, void* owner) {
  initialised->stream.data = owner;
  return Handle<ClientStream>(initialised.release());
}

/// Who connected: unspecified for a Unix domain socket, and if the system does not tell.
Endpoint client_of(const ClientStream& stream);

/// The kernel holds something that has not been read: closing now would reset the client.
bool has_unread_input(const ClientStream& stream);

}  // namespace starling
