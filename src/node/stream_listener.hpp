/// Listens for connections of a front end, on a TCP endpoint or on a Unix domain socket.
///
/// A Unix domain socket is for a gateway on the same machine (a sidecar): no port, no network. Its path is
/// taken over from a node that died there, never from one that lives, and never anything that is not a
/// socket.
#pragma once

#include <uv.h>

#include <string>
#include <tl/expected.hpp>

#include "base/endpoint.hpp"
#include "node/client_stream.hpp"
#include "node/handle.hpp"
#include "node/loop.hpp"
#include "node/unix_socket.hpp"

namespace starling {

class StreamListener {
 public:
  class Acceptor {
   public:
    /// A connection, not yet read from; its `data` is the new owner's to set.
    virtual void on_connection(Handle<ClientStream> stream) = 0;
    /// The system gave none: a uv error, mostly for want of file descriptors.
    virtual void on_accept_failed(int error) = 0;

   protected:
    ~Acceptor() = default;
  };

  /// `loop` and `acceptor` outlive this.
  StreamListener(Loop& loop, Acceptor& acceptor) : loop_(loop), acceptor_(acceptor) {}
  ~StreamListener() { close(); }
  StreamListener(const StreamListener&) = delete;
  StreamListener& operator=(const StreamListener&) = delete;

  /// Returns where it really listens: port 0 picks a free one; `::` takes IPv4 too. `queue_max`: connections
  /// that wait in the kernel. Error: a libuv error number, for uv_strerror; it can be asked again.
  tl::expected<Endpoint, int> listen(const Endpoint& endpoint, int queue_max);
  /// Error: a line that names the path and says what to do.
  tl::expected<void, std::string> listen_unix(const UnixAddress& address, int queue_max);

  /// Takes no further connections, and removes the path of a Unix domain socket.
  void close();

 private:
  static void on_uv_connection(uv_stream_t* stream, int status);
  void on_connection(int status);

  Loop& loop_;
  Acceptor& acceptor_;
  Handle<ClientStream> listener_;
  UnixSocket unix_socket_;  ///< whose path is to be removed; of TCP it has none
};

}  // namespace starling
