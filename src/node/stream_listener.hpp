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

  /// Hands over at once the connections that wait in the kernel, without a turn of the loop.
  void accept_queued();
  /// Takes no further connections, and removes the path of a Unix domain socket. The kernel resets those that
  /// are still queued: a drain uses `accept_and_close`.
  void close();
  /// The same, and hands over what is queued. On a Unix domain socket nobody is lost: with its path gone the
  /// queue only shrinks. On TCP it can still happen to who connects in the microseconds in between.
  void accept_and_close();

 private:
  static void on_uv_connection(uv_stream_t* stream, int status);
  void on_connection(int status);
  /// A stream of the listener's kind without a socket; null if the system gives none, which is reported.
  Handle<ClientStream> make_stream();
  void welcome(Handle<ClientStream> accepted);

  Loop& loop_;
  Acceptor& acceptor_;
  Handle<ClientStream> listener_;
  int queue_max_ = 0;
  UnixSocket unix_socket_;  ///< whose path is to be removed; of TCP it has none
};

}  // namespace starling
