/// What the two bare servers share: one libuv loop that accepts, reads into one buffer for all connections,
/// and writes what a read gave rise to in one piece, at once if the kernel takes it. So the node does it,
/// too; what the node does beyond the bare server's work is then the whole difference.
///
/// `Session` parses: `bool on_bytes(std::string_view, std::string& out)`, false to hang up.
#pragma once

#include <uv.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace starling::bench {

inline constexpr int accept_queue_max = 1024;
inline constexpr std::size_t read_bytes_max = std::size_t{64} * 1024;

[[noreturn]] inline void die(std::string_view what, std::string_view why) {
  std::fprintf(stderr, "%.*s: %.*s\n", static_cast<int>(what.size()), what.data(),
               static_cast<int>(why.size()), why.data());
  std::exit(1);
}

inline void must(int error, std::string_view what) {
  if (error != 0) die(what, uv_strerror(error));
}

inline std::string read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) die(path, "expected a file that can be read");
  return {std::istreambuf_iterator<char>(file), {}};
}

template <class Session>
class BareServer {
 public:
  explicit BareServer(std::string answer) : answer_(std::move(answer)), read_buffer_(read_bytes_max) {}

  /// Serves until the process is told to stop.
  void run(const char* address, int port) {
    std::signal(SIGPIPE, SIG_IGN);
    must(uv_loop_init(&loop_), "loop");
    must(uv_tcp_init(&loop_, &listener_), "socket");
    sockaddr_in at{};
    must(uv_ip4_addr(address, port, &at), "address");
    must(uv_tcp_bind(&listener_, reinterpret_cast<const sockaddr*>(&at), 0), "bind");
    listener_.data = this;
    const auto on_connection = [](uv_stream_t* listener, int status) {
      if (status == 0) static_cast<BareServer*>(listener->data)->accept();
    };
    must(uv_listen(reinterpret_cast<uv_stream_t*>(&listener_), accept_queue_max, on_connection), "listen");
    uv_run(&loop_, UV_RUN_DEFAULT);
  }

 private:
  struct Connection {
    explicit Connection(BareServer& of) : server(of), session(of.answer_) {}
    uv_tcp_t tcp{};
    BareServer& server;
    Session session;
    std::string out;
  };
  struct Write {
    uv_write_t request{};
    std::string bytes;
  };

  static Connection& connection_of(const void* handle) {
    return *static_cast<Connection*>(static_cast<const uv_handle_t*>(handle)->data);
  }

  void accept() {
    auto connection = std::make_unique<Connection>(*this);
    must(uv_tcp_init(&loop_, &connection->tcp), "socket");
    Connection* made = connection.release();  // closing frees it
    made->tcp.data = made;
    auto* stream = reinterpret_cast<uv_stream_t*>(&made->tcp);
    if (uv_accept(reinterpret_cast<uv_stream_t*>(&listener_), stream) != 0) return close(*made);
    uv_tcp_nodelay(&made->tcp, 1);
    const auto allocate = [](uv_handle_t* handle, std::size_t, uv_buf_t* into) {
      std::vector<char>& shared = connection_of(handle).server.read_buffer_;
      *into = uv_buf_init(shared.data(), static_cast<unsigned>(shared.size()));
    };
    const auto on_read = [](uv_stream_t* from, ssize_t count, const uv_buf_t* bytes) {
      Connection& self = connection_of(from);
      if (count == 0) return;
      if (count < 0 || !self.session.on_bytes({bytes->base, static_cast<std::size_t>(count)}, self.out))
        return close(self);
      flush(self);
    };
    must(uv_read_start(stream, allocate, on_read), "read");
  }

  static void flush(Connection& self) {
    if (self.out.empty()) return;
    auto* stream = reinterpret_cast<uv_stream_t*>(&self.tcp);
    uv_buf_t whole = uv_buf_init(self.out.data(), static_cast<unsigned>(self.out.size()));
    int written = uv_try_write(stream, &whole, 1);
    if (written == UV_EAGAIN) written = 0;
    if (written < 0) return close(self);
    if (static_cast<std::size_t>(written) < self.out.size()) {
      auto write = std::make_unique<Write>();
      write->bytes = self.out.substr(static_cast<std::size_t>(written));
      uv_buf_t rest = uv_buf_init(write->bytes.data(), static_cast<unsigned>(write->bytes.size()));
      const auto on_done = [](uv_write_t* request, int) { delete reinterpret_cast<Write*>(request); };
      if (uv_write(&write->request, stream, &rest, 1, on_done) != 0) return close(self);
      static_cast<void>(write.release());
    }
    self.out.clear();
  }

  static void close(Connection& self) {
    auto* handle = reinterpret_cast<uv_handle_t*>(&self.tcp);
    if (uv_is_closing(handle) != 0) return;
    uv_close(handle, [](uv_handle_t* closed) { delete &connection_of(closed); });
  }

  std::string answer_;
  std::vector<char> read_buffer_;
  uv_loop_t loop_{};
  uv_tcp_t listener_{};
};

/// `main` of a bare server: ADDRESS PORT FILE, where FILE holds the answer.
template <class Session>
int run_bare_server(int argc, char** argv) {
  if (argc != 4) {
    std::fprintf(stderr, "usage: %s ADDRESS PORT FILE-WITH-THE-ANSWER\n", argv[0]);
    return 2;
  }
  BareServer<Session>(read_file(argv[3])).run(argv[1], std::atoi(argv[2]));
  return 0;
}

}  // namespace starling::bench
