// The least a gRPC call could cost: nghttp2 and libuv, and the same reply for every request: headers, one
// message, trailers. The message is one that the node gave (without its five bytes of framing), so that both
// sides send as much.
#include <nghttp2/nghttp2.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "bare_server.hpp"

namespace {

nghttp2_nv pair_of(std::string_view name, std::string_view value) {
  const auto bytes = [](std::string_view text) {
    return reinterpret_cast<std::uint8_t*>(const_cast<char*>(text.data()));
  };
  return {bytes(name), bytes(value), name.size(), value.size(),
          NGHTTP2_NV_FLAG_NO_COPY_NAME | NGHTTP2_NV_FLAG_NO_COPY_VALUE};
}

std::string framed(const std::string& message) {
  const auto size = static_cast<std::uint32_t>(message.size());
  std::string bytes(1, '\0');
  for (const unsigned shift : {24U, 16U, 8U, 0U}) bytes += static_cast<char>(size >> shift & 0xFFU);
  return bytes + message;
}

class GrpcSession {
 public:
  explicit GrpcSession(const std::string& message) : reply_(framed(message)) {
    nghttp2_session_callbacks* callbacks = nullptr;
    nghttp2_option* options = nullptr;
    nghttp2_session_callbacks_new(&callbacks);
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame);
    nghttp2_option_new(&options);
    nghttp2_option_set_no_closed_streams(options, 1);
    nghttp2_session_server_new2(&session_, callbacks, this, options);
    nghttp2_option_del(options);
    nghttp2_session_callbacks_del(callbacks);
    // As the node's: without a tree of priorities streams cost less.
    const std::array settings{nghttp2_settings_entry{NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, 4096},
                              nghttp2_settings_entry{NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 1}};
    nghttp2_submit_settings(session_, NGHTTP2_FLAG_NONE, settings.data(), settings.size());
  }
  ~GrpcSession() { nghttp2_session_del(session_); }
  GrpcSession(const GrpcSession&) = delete;
  GrpcSession& operator=(const GrpcSession&) = delete;

  bool on_bytes(std::string_view bytes, std::string& out) {
    const auto* data = reinterpret_cast<const std::uint8_t*>(bytes.data());
    if (nghttp2_session_mem_recv(session_, data, bytes.size()) < 0) return false;
    for (;;) {
      const std::uint8_t* piece = nullptr;
      const ssize_t count = nghttp2_session_mem_send(session_, &piece);
      if (count < 0) return false;
      if (count == 0) break;
      out.append(reinterpret_cast<const char*>(piece), static_cast<std::size_t>(count));
    }
    return nghttp2_session_want_read(session_) != 0 || nghttp2_session_want_write(session_) != 0;
  }

 private:
  static int on_frame(nghttp2_session* session, const nghttp2_frame* frame, void* self) {
    const bool request = frame->hd.type == NGHTTP2_HEADERS || frame->hd.type == NGHTTP2_DATA;
    if (!request || (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) == 0) return 0;
    static const std::array headers{pair_of(":status", "200"), pair_of("content-type", "application/grpc")};
    nghttp2_data_provider reply{};
    reply.source.ptr = &static_cast<GrpcSession*>(self)->reply_;
    reply.read_callback = read_reply;
    return nghttp2_submit_response(session, frame->hd.stream_id, headers.data(), headers.size(), &reply);
  }

  static ssize_t read_reply(nghttp2_session* session, std::int32_t stream, std::uint8_t* into,
                            std::size_t room, std::uint32_t* flags, nghttp2_data_source* source,
                            void* /*self*/) {
    const auto& reply = *static_cast<const std::string*>(source->ptr);
    if (reply.size() > room) return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    std::memcpy(into, reply.data(), reply.size());
    *flags = NGHTTP2_DATA_FLAG_EOF | NGHTTP2_DATA_FLAG_NO_END_STREAM;
    static const std::array trailers{pair_of("grpc-status", "0")};
    if (nghttp2_submit_trailer(session, stream, trailers.data(), trailers.size()) != 0)
      return NGHTTP2_ERR_CALLBACK_FAILURE;
    return static_cast<ssize_t>(reply.size());
  }

  std::string reply_;
  nghttp2_session* session_ = nullptr;
};

}  // namespace

int main(int argc, char** argv) {
  return starling::bench::run_bare_server<GrpcSession>(argc, argv);
}
