/// One connection of a server, over TCP or a Unix domain socket: bytes in, answers out, in the order of the
/// requests.
///
/// Input is parsed where it was read, in a buffer that all connections share; only an unfinished rest is
/// copied and kept. Answers of one read gather in one buffer and leave in one write. A body that the handler
/// wants is the exception: the head is kept as bytes and read again when the body is whole, so that parsing
/// stays a pure function of one piece of memory.
///
/// The hard case is an answer that must be the last one although the client still sends (a body that nobody
/// reads, an error, a drain): closing then would make the kernel send a reset, and a reset can destroy the
/// answer on its way. So the connection sends the answer, closes its sending side, and throws away what comes
/// until the client closes too, within `linger_bytes_max` and `linger_timeout` (RFC 9112, section 9.6).
#pragma once

#include <uv.h>

#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/endpoint.hpp"
#include "http/body_reader.hpp"
#include "http/counters.hpp"
#include "http/handler.hpp"
#include "http/head_scanner.hpp"
#include "http/http2_handover.hpp"
#include "http/response.hpp"
#include "http/server_options.hpp"
#include "node/client_stream.hpp"
#include "node/handle.hpp"

namespace starling::http {

/// What a connection waits for. Each has its own time limit, except `turn`.
enum class Wait : std::uint8_t {
  first,    ///< nothing has come yet
  request,  ///< the next one: nothing is under way
  head,     ///< part of a request's head has come
  body,     ///< part of a body that the handler wants is missing
  output,   ///< answers are on their way
  close,    ///< the last answer is out; the client is to close
  turn,     ///< more requests have been read; the other connections come first
};
inline constexpr std::size_t waits_count = static_cast<std::size_t>(Wait::turn) + 1;

/// What the connections of a server share. Everything runs on one loop, one callback at a time.
struct ConnectionContext {
  Handler& handler;
  ServerOptions options;
  Counters counters;
  std::vector<char> read_buffer;
  std::vector<Header> headers;
  Response response;
  Http2Handover* http2 = nullptr;  ///< null: HTTP/2 is refused
  bool draining = false;

  /// How long requests have been handled in this turn of the loop, for `turn_time_max`. A turn is told by the
  /// loop's clock: two within one millisecond share the time.
  std::uint64_t turn_ms = 0;
  std::uint64_t turn_spent_ns = 0;
  bool turn_over(const uv_loop_t* loop);

  std::size_t unsent_bytes = 0;  ///< of all connections, for `unsent_bytes_max`
  bool unsent_full() const { return unsent_bytes > options.unsent_bytes_max; }
};

class Connection;

class ConnectionOwner {
 public:
  /// The connection waits for `wait` now. `renewed`: there was progress, so its time starts anew.
  virtual void on_wait(Connection& connection, Wait wait, bool renewed) = 0;
  /// The connection is done and is to be destroyed.
  virtual void on_closed(Connection& connection) = 0;

 protected:
  ~ConnectionOwner() = default;
};

class Connection {
 public:
  Connection(ConnectionContext& context, ConnectionOwner& owner) : context_(context), owner_(owner) {}
  ~Connection() { context_.unsent_bytes -= charged_bytes_; }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  /// Starts to read. False: the client is gone already.
  bool start(Handle<ClientStream> stream);

  // Each of these may end with `ConnectionOwner::on_closed`, which destroys the connection.
  void on_turn();
  void on_deadline();
  /// True if the client loses nothing, or has it coming, when it is closed for a newcomer.
  bool is_evictable(std::uint64_t now_ms) const;
  /// At least one whole request.
  bool has_asked() const { return has_asked_; }

  /// Where the owner keeps the connection; the owner's alone.
  struct Place {
    std::list<Connection>::iterator self;
    Wait wait = Wait::first;
    std::uint64_t deadline_ms = 0;  ///< of uv_now
    std::uint64_t since_ms = 0;     ///< when it began to wait
  };
  Place place;

 private:
  void on_read(ssize_t count);
  void on_end_of_input();
  void on_written(int status, std::string&& buffer);

  /// Answers the requests in `input` and returns how many bytes are done with.
  std::size_t serve(std::string_view input);
  void serve_pending();
  /// Refuses a bad request line once it is complete, so that nobody waits for headers after it.
  void check_request_line(std::string_view head);
  void on_head(std::string_view head);
  /// Starts to wait for the body of `request`, or refuses it. False: the handler does not want it.
  bool begin_body(std::string_view head, const RequestView& request);
  /// Returns how many bytes of `input` belong to the body; answers or refuses the request when it knows
  /// enough.
  std::size_t take_body(std::string_view input);
  void answer(const RequestView& request);
  /// Puts a refusal in place of a large answer that there is no memory for.
  void bound_answer(const RequestView& request);
  void refuse(const HeadError& error);
  void lose(ErrorReason reason);

  /// True if `input`, the first that came, is HTTP/2's preface or may become it.
  bool begins_http2(std::string_view input) const;
  void hand_over();
  void flush();
  void begin_linger();
  void settle();
  void update_reading();
  Wait next_wait() const;
  std::size_t queued_bytes() const { return output_.size() + in_flight_bytes_; }
  bool output_full() const {
    return queued_bytes() > (context_.unsent_full() ? 0 : context_.options.output_bytes_max);
  }
  /// Tells the context how much memory the answers of this connection take.
  void charge();
  uv_stream_t* stream() const { return &stream_->stream; }

  /// A request that waits for its body: at most one head and `Handler::body_bytes_max`.
  struct PartialRequest {
    std::string head;
    BodyReader reader;
  };

  ConnectionContext& context_;
  ConnectionOwner& owner_;
  Handle<ClientStream> stream_;
  Endpoint from_;  ///< the client
  HeadScanner scanner_;
  std::unique_ptr<PartialRequest> partial_;  ///< null unless a body is awaited
  std::string pending_;                      ///< read, but not answered: at most one head and one read
  std::string output_;                       ///< answers that no write has taken yet
  std::size_t in_flight_bytes_ = 0;
  std::size_t in_flight_held_bytes_ =
      0;                               ///< the same with what is sent of it: a write keeps all until it ends
  std::size_t charged_bytes_ = 0;      ///< to `ConnectionContext::unsent_bytes`
  std::size_t unsent_bytes_seen_ = 0;  ///< at the last output deadline, to tell slow from stuck
  std::size_t lingered_bytes_ = 0;
  bool reading_ = false;
  bool renewed_ = false;
  bool line_checked_ = false;
  bool spared_ = false;    ///< at an idle deadline, for its unread input; once, as that may be blank lines
  bool has_more_ = false;  ///< `pending_` may hold complete requests
  bool last_ = false;      ///< the last answer is in `output_`, or sent
  bool lingering_ = false;
  bool input_ended_ = false;
  bool untouched_ = true;   ///< nothing has been taken from the input yet
  bool has_asked_ = false;  ///< a whole request
  bool http2_ = false;      ///< another owner is to have the stream
  bool closed_ = false;
};

}  // namespace starling::http
