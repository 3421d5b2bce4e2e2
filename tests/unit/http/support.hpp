/// A server and raw client sockets on one loop and one thread: a test says what is sent and waits for a
/// condition, with a deadline; nothing sleeps for luck and counters can be read at any time.
#pragma once

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <doctest/doctest.h>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "http/server.hpp"
#include "node/loop.hpp"
#include "node/socket_address.hpp"

namespace starling::http::testing {

inline constexpr std::chrono::seconds patience{20};

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

/// Tells what it was asked; a few paths do more.
struct EchoHandler final : Handler {
  std::function<void()> on_drain;
  std::vector<std::string> asked;
  std::size_t body_max = 0;  ///< of requests to anything but /unwanted
  Endpoint from;             ///< of the last request

  std::size_t body_bytes_max(const RequestView& request) const override {
    if (request.path == "/throw") throw std::runtime_error("a handler's bug");
    return request.path == "/unwanted" ? 0 : body_max;
  }

  void on_request(const RequestView& request, Response& response) override {
    from = request.from;
    asked.emplace_back(std::string(request.method) + " " + std::string(request.path));
    if (request.path == "/throw") throw std::runtime_error("a handler's bug");
    if (request.path == "/drain" && on_drain) on_drain();
    if (request.path == "/close") response.close_after();
    if (request.path == "/big")
      response.body().assign(std::strtoul(std::string(request.query).c_str(), nullptr, 10), 'b');
    else
      response.set_text(std::string(request.method) + " " + std::string(request.path) + "?" +
                        std::string(request.query) + std::string(request.body));
  }
};

/// A non-blocking client, over TCP or a Unix domain socket, that keeps everything it has received.
class RawClient {
 public:
  explicit RawClient(const Endpoint& to, int receive_buffer_bytes = 0) {
    fd_ = socket(to.address.is_v4() ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (receive_buffer_bytes > 0)
      setsockopt(fd_, SOL_SOCKET, SO_RCVBUF, &receive_buffer_bytes, sizeof receive_buffer_bytes);
    const sockaddr_storage address = socket_address(to);
    const socklen_t bytes = to.address.is_v4() ? sizeof(sockaddr_in) : sizeof(sockaddr_in6);
    connected_ = connect(fd_, reinterpret_cast<const sockaddr*>(&address), bytes) == 0;
    fcntl(fd_, F_SETFL, O_NONBLOCK);
  }
  explicit RawClient(const std::string& path, int send_buffer_bytes = 0) {
    fd_ = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (send_buffer_bytes > 0)
      setsockopt(fd_, SOL_SOCKET, SO_SNDBUF, &send_buffer_bytes, sizeof send_buffer_bytes);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof address.sun_path - 1);
    connected_ = ::connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
    fcntl(fd_, F_SETFL, O_NONBLOCK);
  }
  ~RawClient() { hang_up(); }
  RawClient(const RawClient&) = delete;
  RawClient& operator=(const RawClient&) = delete;

  bool connected() const { return connected_; }
  const std::string& received() const { return received_; }
  void forget() { received_.clear(); }
  bool ended() const { return ended_; }  ///< the server has closed, in order
  bool reset() const { return reset_; }  ///< the server has reset the connection

  void end_output() { shutdown(fd_, SHUT_WR); }
  void hang_up() {
    if (fd_ >= 0) close(fd_);
    fd_ = -1;
  }

  /// Waits, without a turn of the server's loop, until all that was sent is in the kernel at the other end.
  bool delivered() const {
    const auto give_up = std::chrono::steady_clock::now() + patience;
    for (int unacknowledged_bytes = 1; std::chrono::steady_clock::now() < give_up; poll(nullptr, 0, 1))
      if (ioctl(fd_, SIOCOUTQ, &unacknowledged_bytes) == 0 && unacknowledged_bytes == 0) return true;
    return false;
  }

  /// Sends what the kernel takes now; returns how much.
  std::size_t send_some(std::string_view bytes) {
    const ssize_t sent = send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno != EAGAIN) reset_ = true;
    return sent < 0 ? 0 : static_cast<std::size_t>(sent);
  }

  void receive_some() {
    char buffer[16384];
    for (;;) {
      const ssize_t count = recv(fd_, buffer, sizeof buffer, 0);
      if (count > 0) {
        received_.append(buffer, static_cast<std::size_t>(count));
        continue;
      }
      if (count == 0) ended_ = true;
      if (count < 0 && errno != EAGAIN) reset_ = true;
      return;
    }
  }

 private:
  int fd_ = -1;
  bool connected_ = false;
  bool ended_ = false;
  bool reset_ = false;
  std::string received_;
};

struct Answer {
  int status = 0;
  std::string head;
  std::string body;

  bool has(std::string_view line) const {
    return head.find("\r\n" + std::string(line) + "\r\n") != std::string::npos;
  }
};

/// Splits what a client received into answers; an unfinished one at the end is left out.
inline std::vector<Answer> answers(std::string_view bytes, bool bodies = true) {
  std::vector<Answer> all;
  for (;;) {
    const std::size_t end = bytes.find("\r\n\r\n");
    if (end == std::string_view::npos) return all;
    Answer answer;
    answer.head = bytes.substr(0, end + 2);
    answer.status = std::atoi(answer.head.substr(9, 3).c_str());
    std::size_t body_bytes = 0;
    if (const std::size_t at = answer.head.find("\r\nContent-Length: "); bodies && at != std::string::npos)
      body_bytes = std::strtoul(answer.head.c_str() + at + 18, nullptr, 10);
    if (bytes.size() < end + 4 + body_bytes) return all;
    answer.body = bytes.substr(end + 4, body_bytes);
    bytes.remove_prefix(end + 4 + body_bytes);
    all.push_back(std::move(answer));
  }
}

/// The path of a Unix domain socket in a directory of a test's own, gone with it.
class SocketPath {
 public:
  SocketPath() {
    std::string name = (std::filesystem::temp_directory_path() / "starling-unit-XXXXXX").string();
    REQUIRE(mkdtemp(name.data()) != nullptr);
    directory_ = name;
  }
  ~SocketPath() {
    std::error_code ignored;
    std::filesystem::remove_all(directory_, ignored);
  }
  SocketPath(const SocketPath&) = delete;
  SocketPath& operator=(const SocketPath&) = delete;
  std::string text() const { return directory_ + "/s"; }

 private:
  std::string directory_;
};

struct Fixture {
  explicit Fixture(const ServerOptions& options = {}) : Fixture(echo, options) {}
  Fixture(Handler& handler, const ServerOptions& options)
      : server(std::make_unique<Server>(loop, handler, options)) {
    const auto local = server->listen({.address = Address::v4(127, 0, 0, 1), .port = 0});
    REQUIRE(local.has_value());
  }

  std::unique_ptr<RawClient> connect() {
    if (unix_path) return std::make_unique<RawClient>(unix_path->text());
    return std::make_unique<RawClient>(server->local_endpoint());
  }
  /// From now on `connect` does so over a Unix domain socket.
  void use_unix() {
    unix_path = std::make_unique<SocketPath>();
    REQUIRE(server->listen_unix({unix_path->text()}).has_value());
  }

  bool wait(RawClient& client, const std::function<bool()>& done) {
    return pump(loop, [&] {
      client.receive_some();
      return done();
    });
  }
  void send(RawClient& client, std::string_view bytes) {
    CHECK(pump(loop, [&] {
      bytes.remove_prefix(client.send_some(bytes));
      return bytes.empty() || client.reset();
    }));
  }
  /// Sends and waits for `count` answers.
  std::vector<Answer> ask(RawClient& client, std::string_view bytes, std::size_t count = 1,
                          bool bodies = true) {
    client.forget();
    send(client, bytes);
    CHECK(wait(client, [&] {
      return answers(client.received(), bodies).size() >= count || client.ended() || client.reset();
    }));
    return answers(client.received(), bodies);
  }
  /// One connection for one input, until the server has closed it.
  std::vector<Answer> ask_once(std::string_view bytes) {
    const auto client = connect();
    send(*client, bytes);
    CHECK(wait(*client, [&] { return client->ended() || client->reset(); }));
    CHECK(!client->reset());
    return answers(client->received());
  }
  std::uint64_t errors(ErrorReason reason) const { return server->counters()[reason]; }
  std::uint64_t open() const { return server->counters().connections_open; }

  std::unique_ptr<SocketPath> unix_path;  ///< null: over TCP
  Loop loop;
  EchoHandler echo;
  std::unique_ptr<Server> server;
};

inline std::string get(std::string_view target) {
  return "GET " + std::string(target) + " HTTP/1.1\r\nHost: x\r\n\r\n";
}

}  // namespace starling::http::testing
