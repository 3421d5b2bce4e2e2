/// A gRPC server on one TCP port: accepts, bounds, times out and drains connections. What a connection does
/// with its bytes is in connection.hpp and session.hpp; what a call means is the methods'.
///
/// An HTTP/2 connection waits for many things at once: its calls' messages, its output, its age, a sign of
/// life. So instead of deadlines that are kept in order on every step, a sweep looks at all connections once
/// a second (more often if limits are shorter): limits are met to a second, the way of a request knows
/// nothing of them, and 10,000 idle connections cost some ten-thousandths of the time.
///
/// Whoever opens as many connections as there may be, and says nothing or only half of it on them, must not
/// keep others out. So a newcomer gets in while there is a connection to be closed in its place: of a few
/// dozen, one without a whole call yet, else the one that has been silent for longest without a call.
///
/// A drain must not lose a call that is on its way. For open connections the two GOAWAYs of session.hpp see
/// to that; but a client that was just sent away may be sent here again, by a balancer that has not heard
/// yet. So for `drain_accept_timeout` new connections are let in and served as ever, and then sent away as
/// well: told at once they would come back in a circle. What the kernel has queued is accepted before the
/// listener closes, which would reset it. If nobody is connected, nothing is waited for.
#pragma once

#include <uv.h>

#include <chrono>
#include <cstdint>
#include <list>
#include <string_view>
#include <tl/expected.hpp>

#include "base/endpoint.hpp"
#include "base/random.hpp"
#include "frontend/front_end_status.hpp"
#include "grpc/connection.hpp"
#include "grpc/counters.hpp"
#include "grpc/method.hpp"
#include "grpc/server_options.hpp"
#include "grpc/stream_method.hpp"
#include "node/handle.hpp"
#include "node/loop.hpp"
#include "node/stream_listener.hpp"

namespace starling::grpc {

class Server final : private ConnectionOwner, private StreamListener::Acceptor {
 public:
  /// `loop` must outlive the server.
  explicit Server(Loop& loop, const ServerOptions& options = {});
  /// Closes everything at once; the memory of the handles is freed by the loop.
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  /// Methods must outlive the server, and are added before it listens.
  void add(UnaryMethod& method);
  void add(StreamMethod& method);

  /// Listens on `endpoint` and returns where it really listens (port 0 picks a free port; `::` takes IPv4
  /// too). Error: a libuv error number, for uv_strerror; the server can be asked again.
  tl::expected<Endpoint, int> listen(const Endpoint& endpoint);
  const Endpoint& local_endpoint() const { return local_; }

  /// Serves a connection that was accepted elsewhere, of which `received` was read already. One that comes
  /// when a drain lets nobody in any more is sent away, in order.
  void adopt(Handle<ClientStream> stream, std::string_view received);

  /// Sends all clients away (two GOAWAYs); what they have asked is answered. New connections are let in for
  /// `drain_accept_timeout`, and for `accept_max` if that is shorter; not at all if there is no connection.
  /// When all are gone, nothing of the server keeps the loop running.
  void drain(std::chrono::milliseconds accept_max = std::chrono::milliseconds::max());
  bool drained() const { return draining_ && !listening_ && counters().connections_open == 0; }

  const Counters& counters() const { return context_.session.counters; }
  /// Valid as long as the server.
  FrontEndStatus status() const;

 private:
  void on_wants_turn(Connection& connection) override;
  void on_closed(Connection& connection) override;
  void on_connection(Handle<ClientStream> stream) override;
  void on_accept_failed(int error) override;
  /// Closes a connection that is missed little, for a newcomer. False: all that were looked at are at work.
  bool make_room();
  void on_idle();
  void on_sweep();
  void send_away();
  void stop_listening();
  std::uint64_t draw_age_ms();

  Loop& loop_;
  ConnectionContext context_;
  Random random_;  ///< for jitter
  Endpoint local_;
  StreamListener listener_;
  Handle<uv_timer_t> sweep_;  ///< active while there are connections
  Handle<uv_idle_t> turns_;   ///< active while a connection wants a turn: the loop then polls without waiting
  std::uint64_t sweep_interval_ms_;
  std::uint64_t listen_until_ms_ = 0;  ///< of a drain
  bool draining_ = false;
  bool listening_ = false;
  std::list<Connection> connections_;
  std::list<Connection> wanting_turn_;
};

}  // namespace starling::grpc
