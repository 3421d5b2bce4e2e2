/// One connection of a gRPC server: moves bytes between a socket and a Session, and knows how long everything
/// may take.
///
/// All answers to what one read brought leave in one write. While the client does not take them, nothing more
/// is read from it.
///
/// The hard case is the end. Closing while the client still sends would make the kernel send a reset, and a
/// reset can destroy the last answers and the GOAWAY on their way. So the connection closes its sending side
/// and throws away what comes until the client closes too, within `linger_bytes_max` and `linger_timeout`.
#pragma once

#include <uv.h>

#include <compare>
#include <cstddef>
#include <cstdint>
#include <list>
#include <string>
#include <string_view>
#include <vector>

#include "grpc/session.hpp"
#include "node/client_stream.hpp"
#include "node/handle.hpp"

namespace starling::grpc {

/// What the connections of a server share.
struct ConnectionContext {
  SessionContext session;
  std::vector<char> read_buffer;
};

class Connection;

class ConnectionOwner {
 public:
  /// `Connection::on_turn` is to be called when the other connections have had their turn.
  virtual void on_wants_turn(Connection& connection) = 0;
  /// The connection is done and is to be destroyed.
  virtual void on_closed(Connection& connection) = 0;

 protected:
  ~ConnectionOwner() = default;
};

class Connection final : private Session::Owner {
 public:
  /// `age_max_ms`: 0 for none. Times are of uv_now.
  Connection(ConnectionContext& context, ConnectionOwner& owner, std::uint64_t now_ms,
             std::uint64_t age_max_ms);

  // Each of these may end with `ConnectionOwner::on_closed`, which destroys the connection.
  /// `received` was read from the stream already.
  void start(Handle<ClientStream> stream, std::string_view received);
  void on_turn();
  /// Looks at all time limits; to be called now and then.
  void on_sweep();
  /// Sends the client away in order.
  void go_away();

  /// How little is lost when the connection is closed for a newcomer: the least `Loss` first, of those the
  /// one that has lasted longest.
  enum class Loss : std::uint8_t {
    unused,      ///< it has never asked anything
    first_call,  ///< the first one is not whole yet: else many of those would push out who is idle for a
                 ///< moment
    nothing,     ///< no call is under way, and none is on its way as far as the kernel knows
    slow,        ///< a call or an answer that the client has been drawing out
    stream,      ///< such as somebody who watches the health
    work,        ///< not to be closed
  };
  struct Eviction {
    Loss loss = Loss::work;
    std::uint64_t since_ms = 0;
    auto operator<=>(const Eviction&) const = default;
  };
  Eviction eviction() const;

  /// Where the owner keeps the connection; the owner's alone.
  struct Place {
    std::list<Connection>::iterator self;
    bool wants_turn = false;
  };
  Place place;

 private:
  void on_news() override;
  void on_read(ssize_t count);
  void receive(std::string_view bytes);
  void refuse_protocol(std::string_view bytes);
  void on_written(int status, std::string&& buffer);
  void flush();
  void begin_linger();
  void lose(ErrorReason reason);
  void check_times();
  void settle();
  void update_reading();

  const ServerOptions& options() const { return context_.session.options; }
  Counters& counters() { return context_.session.counters; }
  std::size_t queued_bytes() const { return output_.size() + in_flight_bytes_; }
  std::uint64_t now_ms() const { return uv_now(stream_->stream.loop); }
  uv_stream_t* stream() const { return &stream_->stream; }

  ConnectionContext& context_;
  ConnectionOwner& owner_;
  Session session_;
  Handle<ClientStream> stream_;
  std::string output_;  ///< that no write has taken yet
  std::size_t in_flight_bytes_ = 0;
  std::size_t unsent_bytes_seen_ = 0;  ///< by the last sweep that saw progress in sending
  std::size_t lingered_bytes_ = 0;
  std::uint64_t began_ms_;
  std::uint64_t aged_ms_;          ///< when it becomes too old; 0: never
  std::uint64_t heard_ms_;         ///< when a frame came last
  std::uint64_t pinged_ms_ = 0;    ///< 0: since it was heard, it has not been asked
  std::uint64_t progress_ms_ = 0;  ///< in sending
  std::uint64_t leaving_ms_ = 0;   ///< of the last step of leaving, or when lingering began
  bool reading_ = false;
  bool has_more_ = false;     ///< the kernel may hold more, but others come first
  bool more_output_ = false;  ///< `output_bytes_max` is reached, and the session has more to send
  bool last_ = false;         ///< nothing will be added to `output_`
  bool lingering_ = false;
  bool input_ended_ = false;
  bool closed_ = false;
};

}  // namespace starling::grpc
