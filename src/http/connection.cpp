#include "http/connection.hpp"

#include <algorithm>
#include <memory>
#include <utility>

#include "base/check.hpp"
#include "http/head_parser.hpp"
#include "http/request_line.hpp"

namespace starling::http {
namespace {

/// What an idle connection's buffer may keep. There can be thousands of them.
constexpr std::size_t kept_bytes_max = std::size_t{8} * 1024;

/// A write in progress owns its bytes: the connection may be gone before it ends.
struct Write {
  uv_write_t request{};
  std::string bytes;
};

void empty(std::string& buffer) {
  buffer.clear();
  if (buffer.capacity() > kept_bytes_max) buffer.shrink_to_fit();
}

/// The connection that a callback is for, or null if it is gone.
Connection* owner_of(const uv_stream_t* stream) {
  return static_cast<Connection*>(stream->data);
}

}  // namespace

bool ConnectionContext::turn_over(const uv_loop_t* loop) {
  if (const std::uint64_t now_ms = uv_now(loop); now_ms != turn_ms) {
    turn_ms = now_ms;
    turn_spent_ns = 0;
  }
  const std::chrono::nanoseconds most = options.turn_time_max;
  return most.count() > 0 && turn_spent_ns >= static_cast<std::uint64_t>(most.count());
}

bool Connection::start(Handle<ClientStream> stream) {
  stream_ = std::move(stream);
  stream_->stream.data = this;
  from_ = client_of(*stream_);
  update_reading();
  return !closed_;
}

void Connection::on_turn() {
  serve_pending();
  settle();
}

bool Connection::is_evictable(std::uint64_t now_ms) const {
  if (closed_) return false;
  if (place.wait == Wait::first || place.wait == Wait::request) return !has_unread_input(*stream_);
  if (place.wait != Wait::output) return place.wait != Wait::turn;
  const auto after = static_cast<std::uint64_t>(context_.options.unread_evictable_after.count());
  return now_ms >= place.since_ms + after;
}

void Connection::charge() {
  const std::size_t held_bytes = output_.size() + in_flight_held_bytes_;
  context_.unsent_bytes += held_bytes - std::exchange(charged_bytes_, held_bytes);
}

void Connection::on_deadline() {
  switch (place.wait) {
    case Wait::first:
    case Wait::request:
      if (has_unread_input(*stream_) && !std::exchange(spared_, true))
        renewed_ = true;  // it is read next
      else
        closed_ = true;
      break;
    case Wait::close:
      closed_ = true;
      break;
    case Wait::head:
      refuse({ErrorReason::head_timeout, "the request's headers did not arrive in time"});
      flush();
      break;
    case Wait::body:
      refuse({ErrorReason::body_timeout, "the request's body did not arrive in time"});
      flush();
      break;
    case Wait::output: {
      const std::size_t unsent_bytes = uv_stream_get_write_queue_size(stream());
      if (unsent_bytes < unsent_bytes_seen_)
        renewed_ = true;
      else
        lose(ErrorReason::output_stalled);
      unsent_bytes_seen_ = unsent_bytes;
      break;
    }
    case Wait::turn:
      break;
  }
  settle();
}

void Connection::on_read(ssize_t count) {
  if (count == 0) return;  // uv's EAGAIN
  if (count == UV_EOF) return on_end_of_input();
  if (count < 0) return lose(ErrorReason::connection_lost);
  const std::string_view fresh(context_.read_buffer.data(), static_cast<std::size_t>(count));
  if (lingering_) {
    lingered_bytes_ += fresh.size();
    if (lingered_bytes_ > context_.options.linger_bytes_max) lose(ErrorReason::linger_exceeded);
    return;
  }
  if (pending_.empty()) {
    const std::size_t used = serve(fresh);
    if (!last_) pending_.assign(fresh.substr(used));
    flush();
  } else {
    pending_.append(fresh);
    serve_pending();
  }
}

void Connection::on_end_of_input() {
  input_ended_ = true;
  if (lingering_) {
    closed_ = true;
    return;
  }
  // While there is more to serve, nothing is read; so everything that was complete has been answered.
  if (partial_ != nullptr && !last_)
    ++context_.counters[ErrorReason::body_truncated];
  else if (!pending_.empty() && !last_)
    ++context_.counters[ErrorReason::head_truncated];
  last_ = true;
}

void Connection::serve_pending() {
  const std::size_t used = serve(pending_);
  if (last_ || used == pending_.size())
    empty(pending_);
  else
    pending_.erase(0, used);
  flush();
}

std::size_t Connection::serve(std::string_view input) {
  std::size_t used = 0;
  has_more_ = false;
  if (untouched_ && begins_http2(input)) {
    // All that has come stays pending: as long as it may become the preface, and for the new owner once it
    // is.
    http2_ = input.size() >= http2_preface.size();
    return 0;
  }
  for (std::size_t served_count = 0; !last_;) {
    std::string_view rest = input.substr(used);
    if (scanner_.head_bytes() == 0 && partial_ == nullptr) {
      // Blank lines before a request are forgiven (RFC 9112, section 2.2), but they are no progress.
      while (rest.starts_with("\r\n")) rest.remove_prefix(2);
      used = input.size() - rest.size();
    }
    if (rest.empty() || (rest == "\r" && partial_ == nullptr)) break;
    if (output_full() || served_count == context_.options.requests_per_turn_max ||
        context_.turn_over(stream()->loop)) {
      has_more_ = true;
      break;
    }
    if (partial_ != nullptr) {
      used += take_body(rest);
      if (partial_ == nullptr) ++served_count;
      continue;
    }
    const HeadScanner::Found found = scanner_.scan(rest);
    if (found == HeadScanner::Found::error) {
      refuse({ErrorReason::malformed_request, scanner_.error()});
      break;
    }
    if (scanner_.head_bytes() > context_.options.header_bytes_max) {
      const bool target =
          scanner_.first_line_bytes() == 0 || scanner_.first_line_bytes() > context_.options.header_bytes_max;
      refuse(target ? HeadError{ErrorReason::target_too_long, "the request line is too long"}
                    : HeadError{ErrorReason::headers_too_large, "the headers are too large"});
      break;
    }
    if (found == HeadScanner::Found::nothing_yet) {
      check_request_line(rest);
      break;
    }
    on_head(rest.substr(0, scanner_.head_bytes()));
    used += scanner_.head_bytes();
    scanner_.reset();
    line_checked_ = false;
    renewed_ = true;
    spared_ = false;
    if (partial_ == nullptr) ++served_count;
  }
  if (used > 0) untouched_ = false;
  return used;
}

bool Connection::begins_http2(std::string_view input) const {
  if (context_.http2 == nullptr) return false;
  const std::size_t common = std::min(input.size(), http2_preface.size());
  return input.substr(0, common) == http2_preface.substr(0, common);
}

void Connection::hand_over() {
  uv_read_stop(stream());
  stream_->stream.data = nullptr;
  Handle<ClientStream> stream = std::move(stream_);
  const std::string received = std::move(pending_);
  Http2Handover& taker = *context_.http2;
  owner_.on_closed(*this);  // and gone
  taker.on_http2(std::move(stream), received);
}

void Connection::check_request_line(std::string_view head) {
  if (line_checked_ || scanner_.first_line_bytes() == 0) return;
  line_checked_ = true;
  const auto line = parse_request_line(head.substr(0, scanner_.first_line_bytes() - 2));
  if (!line) refuse(line.error());
}

void Connection::on_head(std::string_view head) {
  RequestView request;
  if (const auto error = parse_head(head, context_.headers, request)) return refuse(*error);
  request.from = from_;
  if (request.body_owed && begin_body(head, request)) return;
  answer(request);
}

bool Connection::begin_body(std::string_view head, const RequestView& request) {
  std::size_t bytes_max = 0;
  try {
    bytes_max = context_.handler.body_bytes_max(request);
  } catch (...) {
    refuse({ErrorReason::handler_failed, "the request could not be handled"});
    return true;
  }
  if (bytes_max == 0) return false;
  if (request.chunked) {
    const auto other_coding = [](const Header& header) {
      return equals_ignoring_case(header.name, "transfer-encoding") &&
             !equals_ignoring_case(header.value, "chunked");
    };
    // HTTP/1.0 knows no chunks: such a request may have passed a proxy that saw another end of it.
    if (request.http_1_0)
      refuse({ErrorReason::malformed_request, "Transfer-Encoding in an HTTP/1.0 request"});
    else if (std::any_of(request.headers.begin(), request.headers.end(), other_coding))
      refuse({ErrorReason::coding_unsupported, "expected a body in no transfer coding but chunked"});
    if (last_) return true;
  }
  BodyReader reader = request.chunked ? BodyReader::of_chunks(bytes_max)
                                      : BodyReader::of_length(request.content_length, bytes_max);
  if (reader.state() == BodyReader::State::too_large) {
    refuse({ErrorReason::body_too_large, "the body is larger than this request may have"});
    return true;
  }
  const Header* expect = request.find("expect");
  // Said even if the body is on its way already: the answers must not depend on how the bytes were cut.
  if (!request.http_1_0 && expect != nullptr && equals_ignoring_case(expect->value, "100-continue"))
    output_ += "HTTP/1.1 100 Continue\r\n\r\n";
  partial_ = std::make_unique<PartialRequest>(PartialRequest{std::string(head), std::move(reader)});
  return true;
}

std::size_t Connection::take_body(std::string_view input) {
  BodyReader& reader = partial_->reader;
  const std::size_t used = reader.take(input);
  if (reader.state() == BodyReader::State::needs_more) return used;
  const std::unique_ptr<PartialRequest> whole = std::move(partial_);
  if (reader.state() == BodyReader::State::malformed) {
    refuse({ErrorReason::malformed_request, reader.error()});
  } else if (reader.state() == BodyReader::State::too_large) {
    refuse({ErrorReason::body_too_large, "the body is larger than this request may have"});
  } else {
    RequestView request;
    STARLING_CHECK(!parse_head(whole->head, context_.headers, request));  // as it did the first time
    request.from = from_;
    request.body = reader.body();
    request.body_owed = false;
    answer(request);
  }
  renewed_ = true;
  return used;
}

void Connection::answer(const RequestView& request) {
  Response& response = context_.response;
  response.clear();
  ++context_.counters.requests;
  has_asked_ = true;
  const bool timed = context_.options.turn_time_max.count() > 0;
  const std::uint64_t began_ns = timed ? uv_hrtime() : 0;
  try {
    context_.handler.on_request(request, response);
  } catch (...) {  // it would cross libuv's C code next
    ++context_.counters[ErrorReason::handler_failed];
    response.clear();
    response.set_message(500, "the request could not be handled").close_after();
  }
  bound_answer(request);
  last_ = !request.keep_alive || request.body_owed || response.closes() || context_.draining;
  response.append_to(
      output_, {.head_only = request.method == "HEAD", .keep_alive = !last_, .http_1_0 = request.http_1_0});
  charge();
  if (timed) context_.turn_spent_ns += uv_hrtime() - began_ns;
}

void Connection::bound_answer(const RequestView& request) {
  Response& response = context_.response;
  const std::size_t bytes = request.method == "HEAD" ? 0 : response.body().size();
  if (bytes <= context_.options.small_answer_bytes_max ||
      context_.unsent_bytes + bytes <= context_.options.unsent_bytes_max)
    return;
  ++context_.counters[ErrorReason::unsent_exhausted];
  response.clear();
  response
      .set_message(
          status_of(ErrorReason::unsent_exhausted),
          "expected clients that read their answers, found as many bytes unread as there is room for: "
          "ask again in a second")
      .add_header("Retry-After", 1);
}

void Connection::refuse(const HeadError& error) {
  ++context_.counters[error.reason];
  context_.response.clear();
  context_.response.set_message(status_of(error.reason), error.message);
  context_.response.append_to(output_, {.keep_alive = false});
  last_ = true;
}

void Connection::lose(ErrorReason reason) {
  ++context_.counters[reason];
  closed_ = true;
}

void Connection::flush() {
  if (closed_ || in_flight_bytes_ > 0 || output_.empty()) return;
  uv_buf_t whole = uv_buf_init(output_.data(), static_cast<unsigned>(output_.size()));
  int written = uv_try_write(stream(), &whole, 1);
  if (written == UV_EAGAIN) written = 0;
  if (written < 0) return lose(ErrorReason::connection_lost);
  const auto written_bytes = static_cast<std::size_t>(written);
  if (written_bytes == output_.size()) return empty(output_);

  auto write = std::make_unique<Write>();
  write->bytes = std::exchange(output_, {});
  in_flight_bytes_ = write->bytes.size() - written_bytes;
  in_flight_held_bytes_ = write->bytes.size();
  unsent_bytes_seen_ = in_flight_bytes_;
  uv_buf_t rest = uv_buf_init(write->bytes.data() + written_bytes, static_cast<unsigned>(in_flight_bytes_));
  const auto on_done = [](uv_write_t* request, int status) {
    const std::unique_ptr<Write> done(reinterpret_cast<Write*>(request));
    if (Connection* self = owner_of(request->handle)) {
      self->on_written(status, std::move(done->bytes));
      self->settle();
    }
  };
  if (uv_write(&write->request, stream(), &rest, 1, on_done) != 0) return lose(ErrorReason::connection_lost);
  static_cast<void>(write.release());  // on_done has it now
}

void Connection::on_written(int status, std::string&& buffer) {
  in_flight_bytes_ = 0;
  in_flight_held_bytes_ = 0;
  renewed_ = true;
  if (status < 0) return lose(ErrorReason::connection_lost);
  if (output_.empty()) {
    output_ = std::move(buffer);
    empty(output_);
  }
  flush();
}

void Connection::begin_linger() {
  lingering_ = true;
  partial_.reset();
  empty(pending_);
  auto request = std::make_unique<uv_shutdown_t>();
  const auto on_done = [](uv_shutdown_t* done, int) { delete done; };
  if (uv_shutdown(request.get(), stream(), on_done) != 0)
    closed_ = true;  // the client is gone
  else
    static_cast<void>(request.release());
}

void Connection::settle() {
  if (http2_) return hand_over();
  charge();
  if (last_ && !closed_ && !lingering_ && queued_bytes() == 0) {
    if (input_ended_)
      closed_ = true;
    else
      begin_linger();
  }
  if (!closed_) update_reading();
  if (closed_) return owner_.on_closed(*this);
  owner_.on_wait(*this, next_wait(), std::exchange(renewed_, false));
}

void Connection::update_reading() {
  const bool wanted = !input_ended_ && (lingering_ || (!last_ && !has_more_ && !output_full()));
  if (wanted == reading_) return;
  reading_ = wanted;
  if (!wanted) {
    uv_read_stop(stream());
    return;
  }
  const auto allocate = [](uv_handle_t* handle, std::size_t, uv_buf_t* buffer) {
    Connection* self = owner_of(reinterpret_cast<uv_stream_t*>(handle));
    if (self == nullptr) return;
    std::vector<char>& shared = self->context_.read_buffer;
    *buffer = uv_buf_init(shared.data(), static_cast<unsigned>(shared.size()));
  };
  const auto on_read = [](uv_stream_t* stream, ssize_t count, const uv_buf_t*) {
    if (Connection* self = owner_of(stream)) {
      self->on_read(count);
      self->settle();
    }
  };
  if (uv_read_start(stream(), allocate, on_read) != 0) lose(ErrorReason::connection_lost);
}

Wait Connection::next_wait() const {
  if (lingering_) return Wait::close;
  if (has_more_ && !output_full()) return Wait::turn;
  if (queued_bytes() > 0) return Wait::output;
  if (partial_ != nullptr) return Wait::body;
  if (!pending_.empty()) return Wait::head;
  return has_asked_ ? Wait::request : Wait::first;
}

}  // namespace starling::http
