#include "grpc/session.hpp"

#include <fmt/format.h>

#include <array>
#include <iterator>
#include <utility>

#include "base/check.hpp"

namespace starling::grpc {
namespace {

/// Calls that are kept for later ones. The memory of each is bounded by `call_kept_bytes_max`.
constexpr std::size_t free_calls_max = 4'096;
/// What a header counts for beyond its bytes (RFC 9113, section 6.5.2).
constexpr std::size_t header_overhead_bytes = 32;
/// Of `header_list_bytes_max`: a block of more, be it of a call or of trailers, ends the connection. HPACK
/// repeats 4 KiB with one byte, so that a read of 16 KiB can become 64 MiB to check.
constexpr std::size_t lists_max = 4;
constexpr std::array<std::uint8_t, 8> ping_data{'s', 't', 'a', 'r', 'l', 'i', 'n', 'g'};

std::string_view text_of(const std::uint8_t* bytes, std::size_t count) {
  return {reinterpret_cast<const char*>(bytes), count};
}

}  // namespace

/// The way from nghttp2's C callbacks to the session.
struct Session::Callbacks {
  static Session& of(void* session) { return *static_cast<Session*>(session); }

  static int begin_frame(nghttp2_session*, const nghttp2_frame_hd* head, void* self) {
    return of(self).on_begin_frame(*head);
  }
  static int begin_headers(nghttp2_session*, const nghttp2_frame* frame, void* self) {
    return of(self).on_begin_headers(*frame);
  }
  static int header(nghttp2_session*, const nghttp2_frame*, const std::uint8_t* name, std::size_t name_bytes,
                    const std::uint8_t* value, std::size_t value_bytes, std::uint8_t, void* self) {
    return of(self).on_header(text_of(name, name_bytes), text_of(value, value_bytes));
  }
  static int frame(nghttp2_session*, const nghttp2_frame* frame, void* self) {
    return of(self).on_frame(*frame);
  }
  static int data(nghttp2_session*, std::uint8_t, std::int32_t id, const std::uint8_t* bytes,
                  std::size_t count, void* self) {
    return of(self).on_data(id, text_of(bytes, count));
  }
  static int sent(nghttp2_session*, const nghttp2_frame* frame, void* self) {
    return of(self).on_sent(*frame);
  }
  static int stream_closed(nghttp2_session*, std::int32_t id, std::uint32_t, void* self) {
    return of(self).on_stream_closed(id);
  }

  using Table = std::unique_ptr<nghttp2_session_callbacks, decltype(&nghttp2_session_callbacks_del)>;
  static Table make() {
    nghttp2_session_callbacks* made = nullptr;
    STARLING_CHECK(nghttp2_session_callbacks_new(&made) == 0);
    nghttp2_session_callbacks_set_on_begin_frame_callback(made, begin_frame);
    nghttp2_session_callbacks_set_on_begin_headers_callback(made, begin_headers);
    nghttp2_session_callbacks_set_on_header_callback(made, header);
    nghttp2_session_callbacks_set_on_frame_recv_callback(made, frame);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(made, data);
    nghttp2_session_callbacks_set_on_frame_send_callback(made, sent);
    nghttp2_session_callbacks_set_on_stream_close_callback(made, stream_closed);
    return {made, &nghttp2_session_callbacks_del};
  }
};

Session::Session(SessionContext& context, Owner& owner) : context_(context), owner_(owner) {
  const ServerOptions& options = context.options;
  nghttp2_option* option = nullptr;
  STARLING_CHECK(nghttp2_option_new(&option) == 0);
  // Nobody asks for streams that are over: they would be kept for a tree of priorities.
  nghttp2_option_set_no_closed_streams(option, 1);
  nghttp2_option_set_stream_reset_rate_limit(option, options.resets_burst_max, options.resets_per_s_max);
  static const Callbacks::Table callbacks = Callbacks::make();
  nghttp2_session* made = nullptr;
  const int error = nghttp2_session_server_new2(&made, callbacks.get(), this, option);
  nghttp2_option_del(option);
  STARLING_CHECK(error == 0);
  session_.reset(made);

  const std::array<nghttp2_settings_entry, 4> settings{{
      {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, options.calls_per_connection_max},
      {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, options.header_list_bytes_max},
      {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, options.stream_window_bytes},
      // Answers leave in the order they are made; so no tree of priorities is kept for the client to fill.
      {NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 1},
  }};
  STARLING_CHECK(nghttp2_submit_settings(made, NGHTTP2_FLAG_NONE, settings.data(), settings.size()) == 0);
  STARLING_CHECK(nghttp2_session_set_local_window_size(made, NGHTTP2_FLAG_NONE, 0,
                                                       options.connection_window_bytes) == 0);
}

Session::~Session() {
  while (!calls_.empty()) release(calls_.front());
  while (!streams_.empty()) release(streams_.front());
}

Session::Received Session::receive(std::string_view bytes, std::uint64_t now_ms) {
  now_ms_ = now_ms;
  receiving_ = true;
  const auto used = nghttp2_session_mem_recv(
      session_.get(), reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
  receiving_ = false;
  if (std::exchange(notice_read_, false)) leave();
  if (used == NGHTTP2_ERR_BAD_CLIENT_MAGIC) return Received::not_http2;
  return used < 0 ? Received::broken : Received::good;
}

Session::Output Session::append_output(std::string& out, std::size_t bytes_max) {
  while (out.size() <= bytes_max) {
    const std::uint8_t* bytes = nullptr;
    const auto count = nghttp2_session_mem_send(session_.get(), &bytes);
    if (count < 0) return Output::broken;
    if (count == 0) return Output::all;
    out.append(text_of(bytes, static_cast<std::size_t>(count)));
  }
  return Output::more;
}

bool Session::is_over() const {
  return nghttp2_session_want_read(session_.get()) == 0 && nghttp2_session_want_write(session_.get()) == 0;
}

void Session::announce_leaving() {
  if (leaving_ != Leaving::no) return;
  leaving_ = Leaving::announced;
  nghttp2_submit_shutdown_notice(session_.get());
}

void Session::leave() {
  if (leaving_ == Leaving::final) return;
  leaving_ = Leaving::final;
  for (auto next = streams_.begin(); next != streams_.end();)
    finish_stream(*next++, Code::unavailable, "the connection is closing; ask again on another one");
  const std::int32_t last = nghttp2_session_get_last_proc_stream_id(session_.get());
  nghttp2_submit_goaway(session_.get(), NGHTTP2_FLAG_NONE, last, NGHTTP2_NO_ERROR, nullptr, 0);
}

void Session::ping() {
  nghttp2_submit_ping(session_.get(), NGHTTP2_FLAG_NONE, ping_data.data());
}

void Session::give_up_late_calls(std::uint64_t now_ms) {
  now_ms_ = now_ms;
  const auto timeout_ms = static_cast<std::uint64_t>(context_.options.call_timeout.count());
  while (!calls_.empty() && calls_.front().since_ms + timeout_ms <= now_ms) {
    Call& call = calls_.front();
    // Whatever comes next has its own time.
    call.since_ms = now_ms;
    calls_.splice(calls_.end(), calls_, call.self);
    if (call.phase == Call::Phase::asking) {
      refuse(call, ErrorReason::call_timeout, Code::deadline_exceeded, "the request did not arrive in time");
    } else if (!call.given_up) {
      call.given_up = true;
      ++context_.counters[ErrorReason::call_timeout];
      nghttp2_submit_rst_stream(session_.get(), NGHTTP2_FLAG_NONE, call.id, NGHTTP2_CANCEL);
    }
  }
}

Call* Session::call_of(std::int32_t id) const {
  return static_cast<Call*>(nghttp2_session_get_stream_user_data(session_.get(), id));
}

int Session::on_begin_frame(const nghttp2_frame_hd& head) {
  ++frames_count_;
  if (head.type == NGHTTP2_HEADERS) block_list_bytes_ = 0;
  in_headers_ = head.type == NGHTTP2_HEADERS || head.type == NGHTTP2_CONTINUATION;
  return 0;
}

int Session::on_begin_headers(const nghttp2_frame& frame) {
  head_of_ = nullptr;
  if (frame.hd.type != NGHTTP2_HEADERS || frame.headers.cat != NGHTTP2_HCAT_REQUEST) return 0;
  const std::int32_t id = frame.hd.stream_id;
  if (context_.counters.calls_open >= context_.options.calls_max)
    return nghttp2_submit_rst_stream(session_.get(), NGHTTP2_FLAG_NONE, id, NGHTTP2_REFUSED_STREAM);
  if (context_.free_calls.empty()) context_.free_calls.emplace_back();
  calls_.splice(calls_.end(), context_.free_calls, context_.free_calls.begin());
  ++context_.counters.calls_open;
  Call& call = calls_.back();
  call.self = std::prev(calls_.end());
  call.session = this;
  call.since_ms = now_ms_;
  call.id = id;
  head_of_ = &call;
  return nghttp2_session_set_stream_user_data(session_.get(), id, &call);
}

int Session::on_header(std::string_view name, std::string_view value) {
  const std::size_t bytes = name.size() + value.size() + header_overhead_bytes;
  block_list_bytes_ += bytes;
  if (block_list_bytes_ > lists_max * context_.options.header_list_bytes_max)
    return NGHTTP2_ERR_CALLBACK_FAILURE;
  if (head_of_ == nullptr) return 0;
  RequestHead& head = head_of_->head;
  head.list_bytes += bytes;
  // What is too large is read on, because the next headers' compression builds on it, but not looked at.
  if (head.list_bytes > context_.options.header_list_bytes_max) return 0;
  if (name == ":path")
    find_method(*head_of_, value);
  else
    head.take(name, value);
  return 0;
}

int Session::on_frame(const nghttp2_frame& frame) {
  switch (frame.hd.type) {
    case NGHTTP2_SETTINGS:
      greeted_ = true;
      return 0;
    case NGHTTP2_PING:
      if ((frame.hd.flags & NGHTTP2_FLAG_ACK) != 0 && leaving_ == Leaving::announced) notice_read_ = true;
      return 0;
    case NGHTTP2_HEADERS:
      in_headers_ = false;
      break;
    case NGHTTP2_DATA:
      break;
    case NGHTTP2_RST_STREAM:
      if (const Call* call = call_of(frame.hd.stream_id); call != nullptr && !call->answer_ended)
        ++context_.counters[ErrorReason::call_reset];
      return 0;
    default:
      return 0;
  }
  Call* call = call_of(frame.hd.stream_id);
  if (call == nullptr) return 0;
  call->request_ended = (frame.hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
  if (frame.hd.type == NGHTTP2_HEADERS && frame.headers.cat == NGHTTP2_HCAT_REQUEST) on_head_complete(*call);
  if (call->request_ended && call->phase == Call::Phase::asking) on_request_end(*call);
  return 0;
}

int Session::on_data(std::int32_t id, std::string_view bytes) {
  Call* call = call_of(id);
  if (call == nullptr || call->phase != Call::Phase::asking) return 0;
  const auto state = call->reader.take(bytes, context_.options.message_bytes_max);
  switch (state) {
    case MessageReader::State::compressed:
      refuse(*call, ErrorReason::message_compressed, Code::unimplemented,
             fmt::format("expected a message that is not compressed, found grpc-encoding {}",
                         call->head.message_encoding.empty() ? "of no name" : call->head.message_encoding));
      break;
    case MessageReader::State::too_large:
      refuse(*call, ErrorReason::message_too_large, Code::resource_exhausted,
             fmt::format("expected a message of at most {} bytes, found {}",
                         context_.options.message_bytes_max, call->reader.length()));
      break;
    case MessageReader::State::too_many:
      refuse(*call, ErrorReason::messages_miscounted, Code::unimplemented,
             "expected one message in the request, found more");
      break;
    case MessageReader::State::bad_flag:
      refuse(*call, ErrorReason::message_malformed, Code::internal,
             "expected a message whose first byte is 0 or 1");
      break;
    case MessageReader::State::empty:
    case MessageReader::State::partial:
    case MessageReader::State::whole:
      if (!charge(*call))
        refuse(*call, ErrorReason::buffers_full, Code::resource_exhausted,
               "too many bytes of requests and answers are under way");
      break;
  }
  return 0;
}

int Session::on_sent(const nghttp2_frame& frame) {
  switch (frame.hd.type) {
    case NGHTTP2_HEADERS:
    case NGHTTP2_DATA:
      if ((frame.hd.flags & NGHTTP2_FLAG_END_STREAM) == 0) break;
      if (Call* call = call_of(frame.hd.stream_id)) {
        call->answer_ended = true;
        // What the client still sends of this call is of no use to anybody.
        if (!call->request_ended)
          return nghttp2_submit_rst_stream(session_.get(), NGHTTP2_FLAG_NONE, call->id, NGHTTP2_NO_ERROR);
      }
      break;
    case NGHTTP2_RST_STREAM:
      if (frame.rst_stream.error_code == NGHTTP2_REFUSED_STREAM)
        ++context_.counters[ErrorReason::calls_too_many];
      else if (frame.rst_stream.error_code != NGHTTP2_NO_ERROR &&
               frame.rst_stream.error_code != NGHTTP2_CANCEL)
        ++context_.counters[ErrorReason::stream_malformed];
      break;
    case NGHTTP2_GOAWAY:
      if (frame.goaway.error_code != NGHTTP2_NO_ERROR) ++context_.counters[ErrorReason::protocol_violated];
      // Not before: nghttp2 lets a PING overtake what was submitted earlier.
      if (leaving_ == Leaving::announced) ping();
      break;
    default:
      break;
  }
  return 0;
}

int Session::on_stream_closed(std::int32_t id) {
  if (Call* call = call_of(id)) release(*call);
  return 0;
}

bool Session::charge(Call& call) {
  const std::size_t bytes = call.reader.buffered_bytes() + call.output.size();
  const std::size_t before = std::exchange(call.charged_bytes, bytes);
  buffered_bytes_ += bytes - before;  // modulo 2^64, so it may shrink
  context_.counters.buffered_bytes += bytes - before;
  const ServerOptions& options = context_.options;
  return bytes <= before || buffered_bytes_ <= options.buffered_bytes_share ||
         (buffered_bytes_ <= options.buffered_bytes_per_connection_max &&
          context_.counters.buffered_bytes <= options.buffered_bytes_max);
}

void Session::release(Call& call) {
  if (&call == head_of_) head_of_ = nullptr;
  std::list<Call>& from = call.is_stream ? streams_ : calls_;
  if (call.is_stream) call.streaming->on_closed(call);
  call.reset();
  charge(call);
  --context_.counters.calls_open;
  if (context_.free_calls.size() < free_calls_max)
    context_.free_calls.splice(context_.free_calls.begin(), from, call.self);
  else
    from.erase(call.self);
}

}  // namespace starling::grpc
