/// A server and its clients on one loop and one thread: a test says what is sent and waits for a condition,
/// with a deadline; nothing sleeps for luck and counters can be read at any time.
///
/// `Socket` sends any bytes; `Client` is a well-behaved HTTP/2 client, with nghttp2 for its side.
#pragma once

#include <doctest/doctest.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <nghttp2/nghttp2.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "grpc/server.hpp"
#include "node/loop.hpp"
#include "node/socket_address.hpp"

namespace starling::grpc::testing {

inline constexpr std::chrono::seconds patience{20};
inline constexpr std::string_view preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
inline constexpr std::string_view echo_path = "/test.Echo/Echo";

/// Runs `loop` until `done` or until patience runs out; returns whether it was done.
inline bool pump(Loop& loop, const std::function<bool()>& done) {
  const auto give_up = std::chrono::steady_clock::now() + patience;
  while (!done()) {
    if (std::chrono::steady_clock::now() > give_up) return false;
    uv_run(loop.get(), UV_RUN_NOWAIT);
    if (!done()) poll(nullptr, 0, 1);
  }
  return true;
}

/// "\0" + length + `text`, as gRPC has it on the wire.
inline std::string message_of(std::string_view text, char flag = 0) {
  std::string out(message_prefix_bytes, '\0');
  write_prefix(out.data(), text.size());
  out[0] = flag;
  return out + std::string(text);
}

inline std::string frame(std::uint8_t type, std::uint8_t flags, std::uint32_t id, std::string_view payload) {
  std::string out;
  for (const unsigned shift : {16U, 8U, 0U}) out += static_cast<char>(payload.size() >> shift & 0xFFU);
  out += static_cast<char>(type);
  out += static_cast<char>(flags);
  for (const unsigned shift : {24U, 16U, 8U, 0U}) out += static_cast<char>(id >> shift & 0xFFU);
  return out + std::string(payload);
}

using Headers = std::vector<std::pair<std::string, std::string>>;

inline Headers headers_for(std::string_view path) {
  return {{":method", "POST"},
          {":scheme", "http"},
          {":path", std::string(path)},
          {":authority", "test"},
          {"content-type", "application/grpc"},
          {"te", "trailers"}};
}

/// `headers`, with `name` changed to `value`, added, or, for an empty value, left out.
inline Headers with(Headers headers, std::string_view name, std::string_view value) {
  if (value.empty()) {
    std::erase_if(headers, [&](const auto& header) { return header.first == name; });
    return headers;
  }
  for (auto& header : headers) {
    if (header.first != name) continue;
    header.second = value;
    return headers;
  }
  headers.emplace_back(name, value);
  return headers;
}

struct Frame {
  int type = 0;
  int flags = 0;
  std::uint32_t id = 0;
  std::string payload;

  /// Of GOAWAY: the last stream, and the error code.
  std::pair<std::uint32_t, std::uint32_t> goaway() const { return {number(0), number(4)}; }

 private:
  std::uint32_t number(std::size_t at) const {
    std::uint32_t out = 0;
    for (std::size_t i = 0; i < 4; ++i) out = out << 8U | static_cast<unsigned char>(payload.at(at + i));
    return out;
  }
};

/// The frames in what a raw client received; an unfinished one at the end is left out.
inline std::vector<Frame> frames_in(std::string_view bytes) {
  std::vector<Frame> frames;
  while (bytes.size() >= 9) {
    std::size_t length = 0;
    std::uint32_t id = 0;
    for (std::size_t i = 0; i < 3; ++i) length = length << 8U | static_cast<unsigned char>(bytes[i]);
    for (std::size_t i = 5; i < 9; ++i) id = id << 8U | static_cast<unsigned char>(bytes[i]);
    if (bytes.size() < 9 + length) break;
    frames.push_back({bytes[3], bytes[4], id, std::string(bytes.substr(9, length))});
    bytes.remove_prefix(9 + length);
  }
  return frames;
}

inline std::vector<Frame> frames_of(std::string_view bytes, int type) {
  std::vector<Frame> frames = frames_in(bytes);
  std::erase_if(frames, [&](const Frame& found) { return found.type != type; });
  return frames;
}

/// A header block as a client's first: HPACK without any memory.
inline std::string header_block(const Headers& headers) {
  std::string out;
  for (const auto& [name, value] : headers) {
    const auto literal = [&](const std::string& text) {  // an integer of 7 bits, then the bytes
      std::size_t left = text.size();
      if (left < 127) {
        out += static_cast<char>(left);
      } else {
        out += '\x7f';
        for (left -= 127; left >= 128; left /= 128) out += static_cast<char>(0x80U | left % 128);
        out += static_cast<char>(left);
      }
      out += text;
    };
    out += '\0';
    literal(name);
    literal(value);
  }
  return out;
}

class Socket {
 public:
  explicit Socket(const Endpoint& to, int receive_buffer_bytes = 0) {
    fd_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (receive_buffer_bytes > 0)
      setsockopt(fd_, SOL_SOCKET, SO_RCVBUF, &receive_buffer_bytes, sizeof receive_buffer_bytes);
    const sockaddr_storage address = socket_address(to);
    connected_ = connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof(sockaddr_in)) == 0;
    fcntl(fd_, F_SETFL, O_NONBLOCK);
  }
  ~Socket() { hang_up(); }
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;

  /// Waits, without a turn of the server's loop, until all that was sent is in the kernel at the other end.
  bool delivered() const {
    const auto give_up = std::chrono::steady_clock::now() + patience;
    for (int unacknowledged_bytes = 1; std::chrono::steady_clock::now() < give_up; poll(nullptr, 0, 1))
      if (ioctl(fd_, SIOCOUTQ, &unacknowledged_bytes) == 0 && unacknowledged_bytes == 0) return true;
    return false;
  }

  bool connected() const { return connected_; }
  bool ended() const { return ended_; }  ///< the server has closed, in order
  bool reset() const { return reset_; }  ///< the server has reset the connection
  bool is_over() const { return ended_ || reset_; }
  void end_output() { shutdown(fd_, SHUT_WR); }
  void hang_up() {
    if (fd_ >= 0) close(fd_);
    fd_ = -1;
  }
  /// Sends what the kernel takes now; returns how much.
  std::size_t send_some(std::string_view bytes) {
    const ssize_t sent = send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno != EAGAIN) reset_ = true;
    return sent < 0 ? 0 : static_cast<std::size_t>(sent);
  }
  std::string receive_some() {
    std::string received;
    char buffer[16384];
    for (;;) {
      const ssize_t count = recv(fd_, buffer, sizeof buffer, 0);
      if (count > 0) {
        received.append(buffer, static_cast<std::size_t>(count));
        continue;
      }
      if (count == 0) ended_ = true;
      if (count < 0 && errno != EAGAIN) reset_ = true;
      return received;
    }
  }

 private:
  int fd_ = -1;
  bool connected_ = false;
  bool ended_ = false;
  bool reset_ = false;
};

/// What a client knows of one of its calls.
struct Reply {
  std::map<std::string, std::string>
      headers;  ///< of the first block: all there is if the answer is only trailers
  std::map<std::string, std::string> trailers;  ///< of a second block
  std::string body;
  int blocks = 0;
  bool closed = false;
  std::uint32_t error_code = 0;  ///< of the stream's end

  /// `grpc-status`, wherever it is; empty if there is none.
  std::string status() const {
    for (const auto* all : {&trailers, &headers})
      if (const auto found = all->find("grpc-status"); found != all->end()) return found->second;
    return {};
  }
  std::string message() const {
    for (const auto* all : {&trailers, &headers})
      if (const auto found = all->find("grpc-message"); found != all->end()) return found->second;
    return {};
  }
};

class Client {
 public:
  explicit Client(const Endpoint& to, const std::vector<nghttp2_settings_entry>& settings = {},
                  int receive_buffer_bytes = 0)
      : socket(to, receive_buffer_bytes) {
    nghttp2_session_callbacks* callbacks = nullptr;
    nghttp2_session_callbacks_new(&callbacks);
    nghttp2_session_callbacks_set_on_header_callback(
        callbacks,
        [](nghttp2_session*, const nghttp2_frame* of, const std::uint8_t* name, std::size_t name_bytes,
           const std::uint8_t* value, std::size_t value_bytes, std::uint8_t, void* self) {
          Reply& reply = static_cast<Client*>(self)->replies[of->hd.stream_id];
          (reply.blocks == 0 ? reply.headers : reply.trailers)
              .emplace(std::string(reinterpret_cast<const char*>(name), name_bytes),
                       std::string(reinterpret_cast<const char*>(value), value_bytes));
          return 0;
        });
    nghttp2_session_callbacks_set_on_frame_recv_callback(
        callbacks, [](nghttp2_session*, const nghttp2_frame* received, void* self) {
          auto& client = *static_cast<Client*>(self);
          if (received->hd.type == NGHTTP2_HEADERS) ++client.replies[received->hd.stream_id].blocks;
          if (received->hd.type == NGHTTP2_PING) ++client.pings_count;
          if (received->hd.type == NGHTTP2_SETTINGS && (received->hd.flags & NGHTTP2_FLAG_ACK) == 0)
            client.has_settings = true;
          return 0;
        });
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(
        callbacks, [](nghttp2_session*, std::uint8_t, std::int32_t id, const std::uint8_t* bytes,
                      std::size_t count, void* self) {
          static_cast<Client*>(self)->replies[id].body.append(reinterpret_cast<const char*>(bytes), count);
          return 0;
        });
    nghttp2_session_callbacks_set_on_stream_close_callback(
        callbacks, [](nghttp2_session*, std::int32_t id, std::uint32_t error_code, void* self) {
          auto& client = *static_cast<Client*>(self);
          client.replies[id].closed = true;
          client.replies[id].error_code = error_code;
          client.requests_.erase(id);
          ++client.closed_count;
          return 0;
        });
    nghttp2_option* option = nullptr;
    nghttp2_option_new(&option);
    nghttp2_option_set_no_auto_ping_ack(option, 1);
    nghttp2_session_client_new2(&session_, callbacks, this, option);
    nghttp2_option_del(option);
    nghttp2_session_callbacks_del(callbacks);
    nghttp2_submit_settings(session_, 0, settings.data(), settings.size());
  }
  ~Client() { nghttp2_session_del(session_); }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  /// Begins a call that sends `body`, in DATA frames of at most `frame_bytes_max`.
  std::int32_t ask(const Headers& headers, std::string body, bool ends = true,
                   std::size_t frame_bytes_max = 16'384) {
    std::vector<nghttp2_nv> list;
    for (const auto& [name, value] : headers)
      list.push_back({bytes_of(name), bytes_of(value), name.size(), value.size(), NGHTTP2_NV_FLAG_NONE});
    auto request = std::make_unique<Request>(Request{std::move(body), ends, frame_bytes_max, false});
    nghttp2_data_provider provider{};
    provider.source.ptr = request.get();
    provider.read_callback = [](nghttp2_session*, std::int32_t, std::uint8_t* out, std::size_t bytes_max,
                                std::uint32_t* flags, nghttp2_data_source* source, void*) -> ssize_t {
      auto& left = *static_cast<Request*>(source->ptr);
      if (left.body.empty() && !left.ends) {
        left.deferred = true;
        return NGHTTP2_ERR_DEFERRED;
      }
      const std::size_t count = std::min({bytes_max, left.body.size(), left.frame_bytes_max});
      std::copy_n(left.body.begin(), count, out);
      left.body.erase(0, count);
      if (left.body.empty() && left.ends) *flags |= NGHTTP2_DATA_FLAG_EOF;
      return static_cast<ssize_t>(count);
    };
    const std::int32_t id =
        nghttp2_submit_request(session_, nullptr, list.data(), list.size(), &provider, nullptr);
    if (id > 0) requests_[id] = std::move(request);
    return id;
  }
  std::int32_t ask(std::string_view path, std::string_view text) {
    return ask(headers_for(path), message_of(text));
  }
  void continue_request(std::int32_t id, std::string_view more, bool ends) {
    Request& request = *requests_.at(id);
    request.body += more;
    request.ends = ends;
    if (std::exchange(request.deferred, false)) nghttp2_session_resume_data(session_, id);
  }
  void reset(std::int32_t id) { nghttp2_submit_rst_stream(session_, 0, id, NGHTTP2_CANCEL); }
  void ping() { nghttp2_submit_ping(session_, 0, nullptr); }
  /// Answers all PINGs so far; the client does so only when told.
  void ack_ping() {
    const std::uint8_t data[8] = {'s', 't', 'a', 'r', 'l', 'i', 'n', 'g'};
    nghttp2_submit_ping(session_, NGHTTP2_FLAG_ACK, data);
  }

  /// Sends and receives what is possible now.
  void exchange() {
    for (;;) {
      if (output_.size() < 65'536) {
        const std::uint8_t* bytes = nullptr;
        const ssize_t count = nghttp2_session_mem_send(session_, &bytes);
        if (count > 0) output_.append(reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(count));
        if (count > 0) continue;
      }
      if (output_.empty()) break;
      const std::size_t sent = socket.send_some(output_);
      output_.erase(0, sent);
      if (sent == 0) break;
    }
    if (!reads) return;
    const std::string received = socket.receive_some();
    if (received.empty()) return;
    received_ += received;
    nghttp2_session_mem_recv(session_, reinterpret_cast<const std::uint8_t*>(received.data()),
                             received.size());
  }
  /// Last stream and error code of each. Read from the bytes: once an nghttp2 client without calls has seen
  /// one GOAWAY, it looks at nothing any more.
  std::vector<std::pair<std::uint32_t, std::uint32_t>> goaways() const {
    std::vector<std::pair<std::uint32_t, std::uint32_t>> out;
    for (const Frame& found : frames_of(received_, NGHTTP2_GOAWAY)) out.push_back(found.goaway());
    return out;
  }

  Socket socket;
  std::map<std::int32_t, Reply> replies;
  std::size_t closed_count = 0;
  int pings_count = 0;
  bool has_settings = false;
  bool reads = true;

 private:
  struct Request {
    std::string body;
    bool ends = true;
    std::size_t frame_bytes_max = 0;
    bool deferred = false;
  };
  static std::uint8_t* bytes_of(const std::string& text) {
    return reinterpret_cast<std::uint8_t*>(const_cast<char*>(text.data()));
  }

  nghttp2_session* session_ = nullptr;
  std::map<std::int32_t, std::unique_ptr<Request>> requests_;
  std::string output_;
  std::string received_;
};

struct Method final : UnaryMethod {
  Method(std::string_view at, std::function<CallStatus(std::string_view, std::string&)> does)
      : path_(at), does_(std::move(does)) {}
  std::string_view path() const override { return path_; }
  CallStatus call(std::string_view request, std::string& reply) override { return does_(request, reply); }

 private:
  std::string_view path_;
  std::function<CallStatus(std::string_view, std::string&)> does_;
};

/// Says "hello" and then whatever the test says.
struct TestStream final : StreamMethod {
  std::string_view path() const override { return "/test.Echo/Stream"; }
  CallStatus open(std::string_view, MessageSink& sink) override {
    sinks.push_back(&sink);
    sink.send("hello");
    return {};
  }
  void on_closed(MessageSink& sink) override { std::erase(sinks, &sink); }
  std::vector<MessageSink*> sinks;
};

struct Fixture {
  explicit Fixture(const ServerOptions& options = {}) : server(std::make_unique<Server>(loop, options)) {
    for (Method* method : {&echo, &fails, &refuses, &big}) server->add(*method);
    server->add(stream);
    REQUIRE(server->listen({.address = Address::v4(127, 0, 0, 1), .port = 0}).has_value());
  }

  std::unique_ptr<Client> connect(const std::vector<nghttp2_settings_entry>& settings = {},
                                  int receive_buffer_bytes = 0) {
    return std::make_unique<Client>(server->local_endpoint(), settings, receive_buffer_bytes);
  }
  std::unique_ptr<Socket> connect_raw() { return std::make_unique<Socket>(server->local_endpoint()); }

  bool wait(Client& client, const std::function<bool()>& done) {
    return pump(loop, [&] {
      client.exchange();
      return done();
    });
  }
  /// The call's reply, once it is closed.
  Reply reply_to(Client& client, std::int32_t id) {
    CHECK(wait(client, [&] { return client.replies[id].closed || client.socket.is_over(); }));
    return client.replies[id];
  }
  Reply ask(Client& client, std::string_view path, std::string_view text) {
    return reply_to(client, client.ask(path, text));
  }
  /// A call on a connection of its own.
  Reply ask_once(const Headers& headers, std::string body, bool ends = true) {
    const auto client = connect();
    return reply_to(*client, client->ask(headers, std::move(body), ends));
  }
  /// That the server is well: a call on a new connection is answered.
  bool is_well() {
    const auto client = connect();
    return ask(*client, echo_path, "well").body == message_of("well");
  }
  void send(Socket& to, std::string_view bytes) {
    CHECK(pump(loop, [&] {
      bytes.remove_prefix(to.send_some(bytes));
      return bytes.empty() || to.reset();
    }));
  }
  /// Everything that comes until the server has closed.
  std::string read_to_end(Socket& from) {
    std::string all;
    CHECK(pump(loop, [&] {
      all += from.receive_some();
      return from.is_over();
    }));
    return all;
  }
  std::uint64_t errors(ErrorReason reason) const { return server->counters()[reason]; }
  std::uint64_t open() const { return server->counters().connections_open; }

  Loop loop;
  std::vector<std::string> asked;
  Method echo{echo_path, [this](std::string_view request, std::string& reply) {
                asked.emplace_back(request);
                reply += request;
                return CallStatus{};
              }};
  Method fails{"/test.Echo/Fail", [](std::string_view, std::string& reply) -> CallStatus {
                 reply += "half an answer";
                 throw std::runtime_error("a method's bug");
               }};
  Method refuses{"/test.Echo/Refuse", [](std::string_view, std::string& reply) {
                   reply += "dropped";
                   return CallStatus{Code::invalid_argument, "100 % of \xc3\xbc\n"};
                 }};
  Method big{"/test.Echo/Big", [](std::string_view request, std::string& reply) {
               reply.append(std::stoul(std::string(request)), 'b');
               return CallStatus{};
             }};
  TestStream stream;
  std::unique_ptr<Server> server;
};

}  // namespace starling::grpc::testing
