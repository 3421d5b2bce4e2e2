// A gRPC client on one HTTP/2 connection, by nghttp2: unary calls, one after the other.
#include <nghttp2/nghttp2.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "talk.hpp"

namespace starling::load {
namespace {

constexpr std::size_t framing_bytes = 5;

nghttp2_nv pair_of(std::string_view name, std::string_view value) {
  const auto bytes = [](std::string_view text) {
    return reinterpret_cast<std::uint8_t*>(const_cast<char*>(text.data()));
  };
  return {bytes(name), bytes(value), name.size(), value.size(), NGHTTP2_NV_FLAG_NONE};
}

class GrpcTalk final : public Talk {
 public:
  GrpcTalk(RequestTemplate& requests, std::string authority, std::string path)
      : requests_(requests), authority_(std::move(authority)), path_(std::move(path)) {
    nghttp2_session_callbacks* callbacks = nullptr;
    nghttp2_session_callbacks_new(&callbacks);
    nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data);
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_stream_close);
    nghttp2_session_client_new(&session_, callbacks, this);
    nghttp2_session_callbacks_del(callbacks);
  }
  ~GrpcTalk() override { nghttp2_session_del(session_); }
  GrpcTalk(const GrpcTalk&) = delete;
  GrpcTalk& operator=(const GrpcTalk&) = delete;

  void open(std::string& out) override {
    nghttp2_submit_settings(session_, NGHTTP2_FLAG_NONE, nullptr, 0);
    send(out);
  }

  void ask(std::uint32_t caller, std::string& out) override {
    const std::string& message = requests_.of(caller);
    const auto size = static_cast<std::uint32_t>(message.size());
    request_.assign(1, '\0');
    for (const unsigned shift : {24U, 16U, 8U, 0U}) request_ += static_cast<char>(size >> shift & 0xFFU);
    request_ += message;
    reply_.clear();
    verdict_ = Verdict::none;
    grpc_ok_ = false;
    const std::array headers{pair_of(":method", "POST"),
                             pair_of(":scheme", "http"),
                             pair_of(":path", path_),
                             pair_of(":authority", authority_),
                             pair_of("te", "trailers"),
                             pair_of("content-type", "application/grpc"),
                             pair_of("user-agent", "starling-load")};
    nghttp2_data_provider body{};
    body.source.ptr = &request_;
    body.read_callback = read_request;
    if (nghttp2_submit_request(session_, nullptr, headers.data(), headers.size(), &body, nullptr) < 0)
      verdict_ = Verdict::broken;
    send(out);
  }

  Verdict take(std::string_view bytes, std::string& out) override {
    const auto* data = reinterpret_cast<const std::uint8_t*>(bytes.data());
    if (nghttp2_session_mem_recv(session_, data, bytes.size()) < 0) return Verdict::broken;
    send(out);
    if (nghttp2_session_want_read(session_) == 0 && nghttp2_session_want_write(session_) == 0)
      return Verdict::broken;
    return verdict_;
  }

  std::string_view last_answer() const override {
    return std::string_view(reply_).substr(std::min(framing_bytes, reply_.size()));
  }

  bool open_for_more() const override { return nghttp2_session_check_request_allowed(session_) != 0; }

 private:
  void send(std::string& out) {
    for (;;) {
      const std::uint8_t* piece = nullptr;
      const ssize_t count = nghttp2_session_mem_send(session_, &piece);
      if (count <= 0) return;
      out.append(reinterpret_cast<const char*>(piece), static_cast<std::size_t>(count));
    }
  }

  /// By the first field of a RateLimitResponse, overall_code.
  Verdict judge() const {
    const std::string_view message = last_answer();
    if (!grpc_ok_) return Verdict::failed;
    if (message.starts_with("\x08\x01")) return Verdict::allowed;
    return message.starts_with("\x08\x02") ? Verdict::denied : Verdict::failed;
  }

  static int on_header(nghttp2_session*, const nghttp2_frame*, const std::uint8_t* name,
                       std::size_t name_bytes, const std::uint8_t* value, std::size_t value_bytes,
                       std::uint8_t, void* self) {
    const std::string_view key(reinterpret_cast<const char*>(name), name_bytes);
    const std::string_view text(reinterpret_cast<const char*>(value), value_bytes);
    if (key == "grpc-status") static_cast<GrpcTalk*>(self)->grpc_ok_ = text == "0";
    return 0;
  }

  static int on_data(nghttp2_session*, std::uint8_t, std::int32_t, const std::uint8_t* bytes,
                     std::size_t count, void* self) {
    static_cast<GrpcTalk*>(self)->reply_.append(reinterpret_cast<const char*>(bytes), count);
    return 0;
  }

  static int on_stream_close(nghttp2_session*, std::int32_t, std::uint32_t error, void* self) {
    auto& talk = *static_cast<GrpcTalk*>(self);
    talk.verdict_ = error == NGHTTP2_NO_ERROR ? talk.judge() : Verdict::failed;
    return 0;
  }

  static ssize_t read_request(nghttp2_session*, std::int32_t, std::uint8_t* into, std::size_t room,
                              std::uint32_t* flags, nghttp2_data_source* source, void*) {
    const auto& request = *static_cast<const std::string*>(source->ptr);
    if (request.size() > room) return NGHTTP2_ERR_CALLBACK_FAILURE;
    std::memcpy(into, request.data(), request.size());
    *flags = NGHTTP2_DATA_FLAG_EOF;
    return static_cast<ssize_t>(request.size());
  }

  RequestTemplate& requests_;
  std::string authority_;
  std::string path_;
  std::string request_;
  std::string reply_;
  bool grpc_ok_ = false;
  Verdict verdict_ = Verdict::none;
  nghttp2_session* session_ = nullptr;
};

}  // namespace

std::unique_ptr<Talk> talk_grpc(RequestTemplate& requests, std::string authority, std::string path) {
  return std::make_unique<GrpcTalk>(requests, std::move(authority), std::move(path));
}

}  // namespace starling::load
