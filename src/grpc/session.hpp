/// One HTTP/2 connection as a sequence of gRPC calls: bytes in, bytes out. It knows no socket and no clock,
/// and leaves framing, HPACK, flow control and the rules of HTTP/2 to nghttp2.
///
/// A unary call is answered when its request has ended, within the same `receive`; so the answers to all that
/// one read brought are gathered and leave in one write. A call that cannot become a good one is answered as
/// soon as that is known, and what its client still sends of it is refused (RFC 9113, section 8.1).
///
/// Going away takes two GOAWAYs (RFC 9113, section 6.8). The first promises nothing, so that requests that
/// are on their way when it is sent are still served; a PING behind it tells when the client has read it; the
/// second names the last call that is served, and everything up to it is.
#pragma once

#include <nghttp2/nghttp2.h>
#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "grpc/call.hpp"
#include "grpc/counters.hpp"
#include "grpc/server_options.hpp"

namespace starling::grpc {

/// What the connections of a server share. Everything runs on one loop, one callback at a time.
struct SessionContext {
  ServerOptions options;
  Counters counters;
  std::vector<UnaryMethod*> unary_methods;
  std::vector<StreamMethod*> stream_methods;
  std::list<Call> free_calls;
};

class Session {
 public:
  class Owner {
   public:
    /// There is something to send, though nothing was received: a stream had news.
    virtual void on_news() = 0;

   protected:
    ~Owner() = default;
  };

  enum class Received : std::uint8_t { good, not_http2, broken };
  enum class Output : std::uint8_t { all, more, broken };
  enum class Leaving : std::uint8_t { no, announced, final };

  /// Times are milliseconds of one clock, which only has to be steady.
  Session(SessionContext& context, Owner& owner);
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  /// After anything but `good` nothing more can be received.
  Received receive(std::string_view bytes, std::uint64_t now_ms);
  /// Appends what is to be sent until `out` has more than `bytes_max`.
  Output append_output(std::string& out, std::size_t bytes_max);

  /// The frames that began to come. Bytes alone are no sign of life: one frame can be drawn out for ever.
  std::uint64_t frames_count() const { return frames_count_; }
  /// A header block may be unfinished; surely not once another frame has come.
  bool in_headers() const { return in_headers_; }
  /// The client's SETTINGS have come: it speaks HTTP/2.
  bool is_greeted() const { return greeted_; }
  /// Nothing is to be received or sent any more.
  bool is_over() const;
  /// Those that a StreamMethod has accepted are not counted: they have no end of their own.
  std::size_t calls_count() const { return calls_.size(); }
  /// A whole call at least has come.
  bool has_been_asked() const { return asked_; }
  std::size_t streams_count() const { return streams_.size(); }
  /// When the oldest of the calls began. There must be one.
  std::uint64_t oldest_call_ms() const { return calls_.front().since_ms; }

  Leaving leaving() const { return leaving_; }
  void announce_leaving();
  /// No further calls; streams are ended with UNAVAILABLE.
  void leave();
  void ping();
  /// Gives up calls that have taken too long.
  void give_up_late_calls(std::uint64_t now_ms);

 private:
  friend struct Call;
  struct Callbacks;
  struct SessionDeleter {
    void operator()(nghttp2_session* session) const { nghttp2_session_del(session); }
  };

  // What nghttp2 tells; each returns an nghttp2 error code.
  int on_begin_frame(const nghttp2_frame_hd& head);
  int on_begin_headers(const nghttp2_frame& frame);
  int on_header(std::string_view name, std::string_view value);
  int on_frame(const nghttp2_frame& frame);
  int on_data(std::int32_t id, std::string_view bytes);
  int on_sent(const nghttp2_frame& frame);
  int on_stream_closed(std::int32_t id);
  ssize_t on_read_output(Call& call, std::uint8_t* out, std::size_t bytes_max, std::uint32_t& flags);

  Call* call_of(std::int32_t id) const;
  void find_method(Call& call, std::string_view path);
  void on_head_complete(Call& call);
  void on_request_end(Call& call);
  void answer_unary(Call& call);
  void open_stream(Call& call);

  // Answering; nghttp2 calls none of the above meanwhile.
  static nghttp2_data_provider output_of(Call& call);
  void submit_answer(Call& call);
  int submit_trailers(const Call& call);
  void refuse(Call& call, ErrorReason reason, Code code, std::string_view message);
  void refuse_http(Call& call, ErrorReason reason);
  void answer_status(Call& call, Code code, std::string_view message);
  void finish_stream(Call& call, Code code, std::string_view message);
  void send_on_stream(Call& call, std::string_view message);
  void resume(Call& call);

  bool charge(Call& call);
  /// Its stream, or the whole session, is gone: nghttp2 tells nothing more of it.
  void release(Call& call);

  SessionContext& context_;
  Owner& owner_;
  std::unique_ptr<nghttp2_session, SessionDeleter> session_;
  std::list<Call> calls_;    ///< in the order of their beginning
  std::list<Call> streams_;  ///< those that a StreamMethod has accepted
  Call* head_of_ = nullptr;  ///< whose request headers are coming in; HTTP/2 does not interleave them
  std::size_t buffered_bytes_ = 0;
  std::uint64_t frames_count_ = 0;
  std::size_t block_list_bytes_ = 0;  ///< of the header block that comes in, uncompressed
  std::uint64_t now_ms_ = 0;
  Leaving leaving_ = Leaving::no;
  bool greeted_ = false;
  bool asked_ = false;
  bool receiving_ = false;
  bool in_headers_ = false;
  /// The client has acknowledged the PING behind the first GOAWAY. The second has to wait for the end of what
  /// came with it: calls in there are served, and one above the last stream that GOAWAY names would be asked
  /// again elsewhere.
  bool notice_read_ = false;
};

}  // namespace starling::grpc
