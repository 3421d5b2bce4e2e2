/// An HTTP/1.1 server on TCP ports and Unix domain sockets: accepts, bounds, times out and drains
/// connections. What a connection does with its bytes is in connection.hpp, what a request means is the
/// handler's.
///
/// Time limits cost one libuv timer per server. All connections that wait for the same thing have the same
/// limit, so a list per kind of wait, appended at the end, is in the order of the deadlines by itself:
/// changing what a connection waits for is a splice, and the timer looks at the lists' heads only.
///
/// Whoever opens as many connections as there may be, and leaves them idle, half said or unread, must not
/// keep a probe out, nor a gateway with the connections that it keeps. So a newcomer gets in while there is
/// one to be closed in its place: one that has never asked; else one that has been sending a request for a
/// while; else one that is sending its very first (or whoever opens enough of those in a moment would push
/// out the gateways); else the one that has asked the longest ago; else any that waits for its client.
/// Whoever has sent a request that only remains to be read is not closed; when half of all are such
/// newcomers, further ones are, rather than who has asked before.
///
/// A drain must not lose a request that is on its way. Closing a connection because nothing has come yet does
/// just that: nobody can know what the client has sent meanwhile. So from the drain on every answer says
/// `Connection: close`, which tells a client in use to ask elsewhere, and only a connection that stays silent
/// for `drain_idle_timeout` is closed. As long new ones are let in, for one answer each: a client that was
/// just sent away may be sent here again, by a balancer that has not heard yet. What the kernel has queued is
/// accepted before the listeners close, which would reset it. If nobody is connected, nothing is waited for.
#pragma once

#include <uv.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <list>
#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "base/endpoint.hpp"
#include "frontend/front_end_status.hpp"
#include "http/connection.hpp"
#include "http/counters.hpp"
#include "http/handler.hpp"
#include "http/http2_handover.hpp"
#include "http/server_options.hpp"
#include "node/handle.hpp"
#include "node/loop.hpp"
#include "node/stream_listener.hpp"
#include "node/unix_address.hpp"

namespace starling::http {

class Server final : private ConnectionOwner, private StreamListener::Acceptor {
 public:
  /// `loop` and `handler` must outlive the server.
  Server(Loop& loop, Handler& handler, const ServerOptions& options = {});
  /// Closes everything at once; the memory of the handles is freed by the loop.
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  /// Listens on `endpoint` as well and returns where it really listens (port 0 picks a free port; `::` takes
  /// IPv4 too). Error: a libuv error number, for uv_strerror; the server can be asked again.
  tl::expected<Endpoint, int> listen(const Endpoint& endpoint);
  /// The same on a Unix domain socket. All listeners share the bounds and the counters.
  /// Error: a line that names the path and says what to do.
  tl::expected<void, std::string> listen_unix(const UnixAddress& address);
  /// From now on `taker`, which outlives the server, gets the connections that begin with HTTP/2's preface;
  /// they count as accepted here, and as open no more. Without one they are refused with 505.
  void hand_http2_to(Http2Handover& taker) { context_.http2 = &taker; }
  const Endpoint& local_endpoint() const { return local_; }  ///< the last one on TCP

  /// Sends all clients away: what they ask is answered, with `Connection: close`. Silent connections are
  /// closed, and new ones are refused, after `drain_idle_timeout`, and after `idle_max` if that is shorter;
  /// at once if there is no connection. When all are gone, nothing of the server keeps the loop running.
  void drain(std::chrono::milliseconds idle_max = std::chrono::milliseconds::max());
  bool drained() const {
    return context_.draining && listeners_.empty() && context_.counters.connections_open == 0;
  }

  const Counters& counters() const { return context_.counters; }
  FrontEndStatus status() const;

 private:
  void on_wait(Connection& connection, Wait wait, bool renewed) override;
  void on_closed(Connection& connection) override;
  void on_connection(Handle<ClientStream> stream) override;
  void on_accept_failed(int error) override;
  /// Closes the connection that is missed least, for a newcomer. False: all are at work.
  bool make_room();
  /// Strangers: those that have not sent a whole request yet.
  enum class Among : std::uint8_t { all, strangers };
  /// Closes the one that has waited longest for `wait`, since `since_ms_max` or before.
  bool close_one(Wait wait, std::uint64_t since_ms_max, Among among = Among::all);
  void on_idle();
  void on_timer();
  void arm(std::uint64_t deadline_ms);
  std::uint64_t timeout_ms(Wait wait) const;
  void stop_listening();
  std::list<Connection>& waiting(Wait wait) { return waiting_[static_cast<std::size_t>(wait)]; }

  Loop& loop_;
  ConnectionContext context_;
  Endpoint local_;
  std::list<StreamListener> listeners_;
  std::vector<std::string> listening_;  ///< the same, for people
  Handle<uv_timer_t> timer_;
  Handle<uv_idle_t>
      turns_;  ///< active while a connection waits for its turn: the loop then polls without waiting
  std::uint64_t timer_due_ms_ = 0;     ///< 0: not armed
  std::uint64_t listen_until_ms_ = 0;  ///< of a drain
  std::array<std::list<Connection>, waits_count> waiting_;
};

}  // namespace starling::http
