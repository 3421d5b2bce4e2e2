/// How a session answers: which call is refused and with what words, and what goes out for each.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/check.hpp"
#include "grpc/percent_encoding.hpp"
#include "grpc/session.hpp"

namespace starling::grpc {
namespace {

std::uint8_t* bytes_of(std::string_view text) {
  return reinterpret_cast<std::uint8_t*>(const_cast<char*>(text.data()));  // nghttp2 only reads
}

/// Text that lives until the frame is out: nghttp2 copies nothing.
nghttp2_nv constant(std::string_view name, std::string_view value) {
  return {bytes_of(name), bytes_of(value), name.size(), value.size(),
          NGHTTP2_NV_FLAG_NO_COPY_NAME | NGHTTP2_NV_FLAG_NO_COPY_VALUE};
}

/// Text that is copied, and too different each time to remember it for compression.
nghttp2_nv copied(std::string_view name, std::string_view value) {
  return {bytes_of(name), bytes_of(value), name.size(), value.size(),
          NGHTTP2_NV_FLAG_NO_COPY_NAME | NGHTTP2_NV_FLAG_NO_INDEX};
}

std::string_view digits_of(Code code) {
  constexpr std::array<std::string_view, 17> digits{"0", "1",  "2",  "3",  "4",  "5",  "6",  "7", "8",
                                                    "9", "10", "11", "12", "13", "14", "15", "16"};
  return digits.at(static_cast<std::size_t>(code));
}

}  // namespace

void Call::send(std::string_view bytes) {
  session->send_on_stream(*this, bytes);
}

void Call::reset() {
  session = nullptr;
  phase = Phase::asking;
  code = Code::ok;
  request_ended = answer_ended = plain_http = is_stream = deferred = given_up = false;
  unary = nullptr;
  streaming = nullptr;
  head.reset();
  reader.reset(call_kept_bytes_max);
  output.clear();
  if (output.capacity() > call_kept_bytes_max) output.shrink_to_fit();
  output_sent = 0;
  message.clear();
}

void Session::find_method(Call& call, std::string_view path) {
  const auto here = [&](const auto* method) { return method->path() == path; };
  const auto& unary = context_.unary_methods;
  const auto& streams = context_.stream_methods;
  if (const auto found = std::find_if(unary.begin(), unary.end(), here); found != unary.end()) {
    call.unary = *found;
  } else if (const auto other = std::find_if(streams.begin(), streams.end(), here); other != streams.end()) {
    call.streaming = *other;
  } else {
    call.head.path = path.substr(0, shown_path_bytes_max);
  }
}

void Session::on_head_complete(Call& call) {
  const RequestHead& head = call.head;
  if (head.list_bytes > context_.options.header_list_bytes_max)
    refuse(call, ErrorReason::headers_too_large, Code::resource_exhausted,
           fmt::format("expected headers of at most {} bytes, found {}",
                       context_.options.header_list_bytes_max, head.list_bytes));
  else if (!head.is_post)
    refuse_http(call, ErrorReason::method_not_post);
  else if (!head.is_grpc)
    refuse_http(call, ErrorReason::content_type_unsupported);
  else if (call.unary == nullptr && call.streaming == nullptr)
    refuse(call, ErrorReason::method_unknown, Code::unimplemented,
           fmt::format("there is no method {} here", head.path));
}

void Session::on_request_end(Call& call) {
  switch (call.reader.state()) {
    case MessageReader::State::whole:
      return call.unary != nullptr ? answer_unary(call) : open_stream(call);
    case MessageReader::State::empty:
      return refuse(call, ErrorReason::messages_miscounted, Code::unimplemented,
                    "expected one message in the request, found none");
    default:
      return refuse(call, ErrorReason::message_malformed, Code::internal,
                    "the request ended in the middle of its message");
  }
}

void Session::answer_unary(Call& call) {
  ++context_.counters.requests;
  asked_ = true;
  call.output.assign(message_prefix_bytes, '\0');
  CallStatus status;
  try {
    status = call.unary->call(call.reader.message(), call.output);
  } catch (...) {  // it would cross nghttp2's C code next
    ++context_.counters[ErrorReason::method_failed];
    status = {Code::internal, "the call could not be handled"};
  }
  if (status.code != Code::ok) return answer_status(call, status.code, status.message);
  write_prefix(call.output.data(), call.output.size() - message_prefix_bytes);
  call.phase = Call::Phase::answered;
  call.reader.drop_message(call_kept_bytes_max);
  charge(call);
  submit_answer(call);
}

void Session::open_stream(Call& call) {
  ++context_.counters.requests;
  asked_ = true;
  CallStatus status;
  try {
    status = call.streaming->open(call.reader.message(), call);
  } catch (...) {
    ++context_.counters[ErrorReason::method_failed];
    status = {Code::internal, "the call could not be handled"};
  }
  if (status.code != Code::ok) return answer_status(call, status.code, status.message);
  call.is_stream = true;
  call.phase = Call::Phase::streaming;
  call.reader.drop_message(call_kept_bytes_max);  // the stream may stay for hours
  charge(call);
  streams_.splice(streams_.end(), calls_, call.self);
  submit_answer(call);
  if (leaving_ == Leaving::final)
    finish_stream(call, Code::unavailable, "the connection is closing; ask again on another one");
}

void Session::submit_answer(Call& call) {
  static const std::array<nghttp2_nv, 2> head{constant(":status", "200"),
                                              constant("content-type", "application/grpc")};
  const nghttp2_data_provider provider = output_of(call);
  nghttp2_submit_response(session_.get(), call.id, head.data(), head.size(), &provider);
}

nghttp2_data_provider Session::output_of(Call& call) {
  nghttp2_data_provider provider{};
  provider.source.ptr = &call;
  provider.read_callback = [](nghttp2_session*, std::int32_t, std::uint8_t* out, std::size_t bytes_max,
                              std::uint32_t* flags, nghttp2_data_source* source, void* self) {
    return static_cast<Session*>(self)->on_read_output(*static_cast<Call*>(source->ptr), out, bytes_max,
                                                       *flags);
  };
  return provider;
}

ssize_t Session::on_read_output(Call& call, std::uint8_t* out, std::size_t bytes_max, std::uint32_t& flags) {
  const std::size_t count = std::min(bytes_max, call.output.size() - call.output_sent);
  if (count == 0 && call.phase == Call::Phase::streaming) {
    call.deferred = true;
    return NGHTTP2_ERR_DEFERRED;
  }
  std::copy_n(call.output.data() + call.output_sent, count, out);
  call.output_sent += count;
  if (call.output_sent < call.output.size()) return static_cast<ssize_t>(count);
  call.output.clear();
  call.output_sent = 0;
  charge(call);
  if (call.phase == Call::Phase::streaming) return static_cast<ssize_t>(count);
  flags |= NGHTTP2_DATA_FLAG_EOF;
  if (!call.plain_http) {
    flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
    if (submit_trailers(call) != 0) return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
  }
  return static_cast<ssize_t>(count);
}

int Session::submit_trailers(const Call& call) {
  const std::array<nghttp2_nv, 2> trailers{constant("grpc-status", digits_of(call.code)),
                                           copied("grpc-message", call.message)};
  return nghttp2_submit_trailer(session_.get(), call.id, trailers.data(), call.message.empty() ? 1 : 2);
}

void Session::answer_status(Call& call, Code code, std::string_view message) {
  call.phase = Call::Phase::answered;
  call.output.clear();
  call.reader.drop_message(call_kept_bytes_max);
  charge(call);
  append_percent_encoded(call.message, message);
  const std::array<nghttp2_nv, 5> head{
      constant(":status", "200"), constant("content-type", "application/grpc"),
      constant("grpc-status", digits_of(code)), copied("grpc-message", call.message),
      constant("grpc-accept-encoding", "identity")};
  const bool compressed = call.reader.state() == MessageReader::State::compressed;
  nghttp2_submit_response(session_.get(), call.id, head.data(), compressed ? 5 : 4, nullptr);
}

void Session::refuse(Call& call, ErrorReason reason, Code code, std::string_view message) {
  ++context_.counters[reason];
  answer_status(call, code, message);
}

void Session::refuse_http(Call& call, ErrorReason reason) {
  ++context_.counters[reason];
  const bool is_method = reason == ErrorReason::method_not_post;
  call.plain_http = true;
  call.phase = Call::Phase::answered;
  call.output = is_method ? "expected POST: this port answers gRPC calls\n"
                          : "expected content-type application/grpc: this port answers gRPC calls\n";
  const std::array<nghttp2_nv, 3> head{constant(":status", is_method ? "405" : "415"),
                                       constant("content-type", "text/plain"), constant("allow", "POST")};
  const nghttp2_data_provider provider = output_of(call);
  nghttp2_submit_response(session_.get(), call.id, head.data(), is_method ? 3 : 2, &provider);
}

void Session::send_on_stream(Call& call, std::string_view message) {
  if (call.phase == Call::Phase::answered) return;
  // Frames of `output` that have not begun to leave are replaced.
  std::size_t kept_bytes = 0;
  while (kept_bytes < call.output_sent) {
    std::size_t length = 0;
    for (std::size_t i = 1; i < message_prefix_bytes; ++i)
      length = length << 8U | static_cast<unsigned char>(call.output[kept_bytes + i]);
    kept_bytes += message_prefix_bytes + length;
  }
  call.output.resize(kept_bytes + message_prefix_bytes);
  write_prefix(call.output.data() + kept_bytes, message.size());
  call.output += message;
  charge(call);
  resume(call);
}

void Session::finish_stream(Call& call, Code code, std::string_view message) {
  if (call.phase != Call::Phase::streaming) return;
  call.phase = Call::Phase::answered;
  call.code = code;
  append_percent_encoded(call.message, message);
  resume(call);
}

void Session::resume(Call& call) {
  if (call.deferred) {
    call.deferred = false;
    nghttp2_session_resume_data(session_.get(), call.id);
  }
  if (!receiving_) owner_.on_news();
}

}  // namespace starling::grpc
