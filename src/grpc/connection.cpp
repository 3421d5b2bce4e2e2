#include "grpc/connection.hpp"

#include <algorithm>
#include <chrono>
#include <memory>
#include <utility>

namespace starling::grpc {
namespace {

/// What an idle connection's buffer may keep. There can be thousands of them.
constexpr std::size_t kept_bytes_max = std::size_t{8} * 1024;

/// For people and probes that speak HTTP/1 to this port.
constexpr std::string_view http1_answer =
    "HTTP/1.1 505 HTTP Version Not Supported\r\nContent-Type: text/plain\r\nContent-Length: 89\r\n"
    "Connection: close\r\n\r\n"
    "this port answers gRPC over HTTP/2; HTTP/1.1 is answered by --http-port and --admin-port\n";

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

bool looks_like_http1(std::string_view bytes) {
  const auto end = std::find_if(bytes.begin(), bytes.end(), [](char c) { return c < 'A' || c > 'Z'; });
  return end != bytes.begin() && end != bytes.end() && *end == ' ';
}

std::uint64_t ms(std::chrono::milliseconds duration) {
  return static_cast<std::uint64_t>(std::max<std::int64_t>(duration.count(), 1));
}

}  // namespace

Connection::Connection(ConnectionContext& context, ConnectionOwner& owner, std::uint64_t now_ms,
                       std::uint64_t age_max_ms)
    : context_(context),
      owner_(owner),
      session_(context.session, *this),
      began_ms_(now_ms),
      aged_ms_(age_max_ms == 0 ? 0 : now_ms + age_max_ms),
      heard_ms_(now_ms) {}

void Connection::start(Handle<ClientStream> stream, std::string_view received) {
  stream_ = std::move(stream);
  stream_->stream.data = this;
  if (!received.empty()) receive(received);
  settle();
}

void Connection::on_turn() {
  has_more_ = false;  // reading begins again, unless there is too much to send
  flush();
  settle();
}

void Connection::on_news() {
  owner_.on_wants_turn(*this);
}

void Connection::go_away() {
  // Also a client that has said nothing yet: its first calls may be on their way.
  if (session_.leaving() == Session::Leaving::no) {
    session_.announce_leaving();
    leaving_ms_ = now_ms();
    flush();
  }
  settle();
}

Connection::Eviction Connection::eviction() const {
  if (closed_ || has_more_ || has_unread_input(*stream_)) return {};
  const std::uint64_t now = now_ms();
  const auto is_slow = [&](std::uint64_t since_ms) {
    return now >= since_ms + ms(options().slow_evictable_after);
  };
  if (session_.calls_count() > 0 || queued_bytes() > 0) {
    // Answers are made at once, so whatever lasts waits for the client.
    const std::uint64_t since_ms = session_.calls_count() > 0 ? session_.oldest_call_ms() : progress_ms_;
    if (!session_.has_been_asked()) return {Loss::first_call, since_ms};
    return is_slow(since_ms) ? Eviction{Loss::slow, since_ms} : Eviction{};
  }
  if (session_.streams_count() > 0) return {Loss::stream, heard_ms_};
  return {session_.has_been_asked() ? Loss::nothing : Loss::unused, heard_ms_};
}

void Connection::on_read(ssize_t count) {
  if (count == 0) return;  // uv's EAGAIN
  if (count == UV_EOF) {
    input_ended_ = true;
    if (session_.calls_count() > 0 && !last_) ++counters()[ErrorReason::connection_cut];
    return;  // what is answered already may still arrive
  }
  if (count < 0) return lose(ErrorReason::connection_lost);
  const auto bytes = static_cast<std::size_t>(count);
  if (lingering_) {
    lingered_bytes_ += bytes;
    if (lingered_bytes_ > options().linger_bytes_max) lose(ErrorReason::linger_exceeded);
    return;
  }
  has_more_ = bytes == context_.read_buffer.size();
  receive({context_.read_buffer.data(), bytes});
}

void Connection::receive(std::string_view bytes) {
  const std::uint64_t frames_before = session_.frames_count();
  const Session::Received received = session_.receive(bytes, now_ms());
  if (session_.frames_count() != frames_before) {
    heard_ms_ = now_ms();
    pinged_ms_ = 0;
  }
  switch (received) {
    case Session::Received::good:
      return flush();
    case Session::Received::not_http2:
      ++counters()[ErrorReason::not_http2];
      if (!session_.is_greeted() && looks_like_http1(bytes)) output_ = http1_answer;
      last_ = true;
      return flush();
    case Session::Received::broken:
      return lose(ErrorReason::protocol_violated);
  }
}

void Connection::lose(ErrorReason reason) {
  ++counters()[reason];
  closed_ = true;
}

void Connection::flush() {
  if (closed_) return;
  more_output_ = false;
  if (!last_) {
    const std::size_t bytes_max = options().output_bytes_max;
    const auto output = session_.append_output(output_, bytes_max - std::min(bytes_max, in_flight_bytes_));
    if (output == Session::Output::broken) return lose(ErrorReason::protocol_violated);
    more_output_ = output == Session::Output::more;
  }
  if (in_flight_bytes_ > 0 || output_.empty()) return;
  uv_buf_t whole = uv_buf_init(output_.data(), static_cast<unsigned>(output_.size()));
  int written = uv_try_write(stream(), &whole, 1);
  if (written == UV_EAGAIN) written = 0;
  if (written < 0) return lose(ErrorReason::connection_lost);
  const auto written_bytes = static_cast<std::size_t>(written);
  if (written_bytes == output_.size()) return empty(output_);
  auto write = std::make_unique<Write>();
  write->bytes = std::exchange(output_, {});
  in_flight_bytes_ = write->bytes.size() - written_bytes;
  unsent_bytes_seen_ = in_flight_bytes_;
  progress_ms_ = now_ms();
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
  if (status < 0) return lose(ErrorReason::connection_lost);
  if (output_.empty()) {
    output_ = std::move(buffer);
    empty(output_);
  }
  flush();
}

void Connection::begin_linger() {
  lingering_ = true;
  leaving_ms_ = now_ms();
  auto request = std::make_unique<uv_shutdown_t>();
  const auto on_done = [](uv_shutdown_t* done, int) { delete done; };
  if (uv_shutdown(request.get(), stream(), on_done) != 0)
    closed_ = true;  // the client is gone
  else
    static_cast<void>(request.release());
}

void Connection::on_sweep() {
  check_times();
  if (!closed_) flush();
  settle();
}

void Connection::check_times() {
  const std::uint64_t now = now_ms();
  const auto is_over = [&](std::uint64_t since, std::chrono::milliseconds limit) {
    return now >= since + ms(limit);
  };
  if (lingering_) {
    closed_ = is_over(leaving_ms_, options().linger_timeout);
    return;
  }
  if (in_flight_bytes_ > 0) {
    const std::size_t unsent_bytes = uv_stream_get_write_queue_size(stream());
    if (unsent_bytes < unsent_bytes_seen_) progress_ms_ = now;
    unsent_bytes_seen_ = unsent_bytes;
    if (is_over(progress_ms_, options().output_timeout)) return lose(ErrorReason::output_stalled);
  }
  if (last_) return;
  if (!session_.is_greeted()) {
    const bool leaves = session_.leaving() != Session::Leaving::no;
    if (leaves ? is_over(leaving_ms_, options().goaway_notice_timeout)
               : is_over(began_ms_, options().preface_timeout))
      lose(ErrorReason::preface_timeout);
    return;
  }
  session_.give_up_late_calls(now);
  switch (session_.leaving()) {
    case Session::Leaving::no:
      if (aged_ms_ == 0 || now < aged_ms_) break;
      session_.announce_leaving();
      leaving_ms_ = now;
      break;
    case Session::Leaving::announced:
      if (!is_over(leaving_ms_, options().goaway_notice_timeout)) break;
      session_.leave();
      leaving_ms_ = now;
      break;
    case Session::Leaving::final:
      if (is_over(leaving_ms_, options().goaway_notice_timeout + options().goaway_timeout))
        lose(ErrorReason::goaway_timeout);
      return;
  }
  if (pinged_ms_ != 0 && is_over(pinged_ms_, options().keepalive_timeout))
    return lose(ErrorReason::keepalive_timeout);
  // In the middle of headers a client cannot answer: those that do not end hold memory, and end here.
  const auto silence_max = session_.in_headers()
                               ? std::min(options().call_timeout, options().keepalive_interval)
                               : options().keepalive_interval;
  if (pinged_ms_ == 0 && is_over(heard_ms_, silence_max)) {
    session_.ping();
    pinged_ms_ = now;
  }
}

void Connection::settle() {
  if (!closed_ && !last_ && (session_.is_over() || (input_ended_ && !more_output_))) last_ = true;
  if (!closed_ && last_ && input_ended_ && queued_bytes() == 0) closed_ = true;
  if (!closed_ && last_ && !lingering_ && queued_bytes() == 0) begin_linger();
  if (!closed_) update_reading();
  if (closed_) return owner_.on_closed(*this);
  if (more_output_ ? in_flight_bytes_ == 0 : has_more_) owner_.on_wants_turn(*this);
}

void Connection::update_reading() {
  const bool wanted = !input_ended_ && (lingering_ || (!last_ && !has_more_ && !more_output_));
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

}  // namespace starling::grpc
