// A connection of the HTTP server, over a socket pair: any number of requests, good and bad, with and without
// bodies. The first byte says how the rest is cut into packets. Whole or cut, the client must get the same
// answers; only which complaint ends a bad connection may differ, since what comes first is refused first.
// A connection that begins with HTTP/2's preface leaves with every byte that came, for another owner.
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <memory>
#include <string>
#include <vector>

#include "engine_service.hpp"
#include "http/check_api.hpp"
#include "http/connection.hpp"
#include "node/loop.hpp"
#include "node/sigpipe.hpp"
#include "target.hpp"

using namespace starling;
using namespace starling::http;

namespace {

constexpr std::size_t input_bytes_max = std::size_t{16} * 1024;
constexpr std::size_t read_bytes_max = 4096;

/// Bodies are wanted below /body, so that both ways are taken; /throw does.
class Handling final : public Handler {
 public:
  std::size_t body_bytes_max(const RequestView& request) const override {
    return request.path.starts_with("/body") ? 64 : 0;
  }
  void on_request(const RequestView& request, Response& response) override {
    if (request.path == "/throw") throw 1;
    if (request.path.starts_with("/body"))
      response.set_text(request.body);
    else
      response.set_text(request.query);
  }
};

/// One connection, its client, and everything that the client received.
class Conversation final : private ConnectionOwner, private Http2Handover {
 public:
  Conversation(Loop& loop, ConnectionContext& context)
      : loop_(loop), connection_(new Connection(context, *this)) {
    context.http2 = this;
    int ends[2];
    REQUIRE_THAT(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) == 0);
    client_ = ends[0];
    auto made = std::make_unique<ClientStream>();
    REQUIRE_THAT(uv_pipe_init(loop_.get(), &made->pipe, 0) == 0);
    REQUIRE_THAT(uv_pipe_open(&made->pipe, ends[1]) == 0);
    REQUIRE_THAT(connection_->start(adopt_stream(std::move(made), nullptr)));
  }
  ~Conversation() {
    connection_.reset();
    taken_.reset();
    close(client_);
    turn_loop();
  }

  void send(std::string_view bytes) {
    while (!bytes.empty() && connection_ != nullptr) {
      const ssize_t sent = ::send(client_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent > 0) {
        bytes.remove_prefix(static_cast<std::size_t>(sent));
        sent_count_ += static_cast<std::size_t>(sent);
      }
      turn_loop();
      receive();
    }
  }
  /// The client has said everything; returns what it was told.
  std::string finish() {
    shutdown(client_, SHUT_WR);
    for (int turns = 0; connection_ != nullptr; ++turns) {
      REQUIRE_THAT(turns < 10'000);  // with the client's end in hand the connection must come to an end
      turn_loop();
      receive();
    }
    receive();
    if (taken_ != nullptr) check_taken();
    return std::move(received_);
  }
  bool was_taken() const { return taken_ != nullptr; }

 private:
  void on_wait(Connection& connection, Wait wait, bool) override { connection.place.wait = wait; }
  void on_closed(Connection&) override { connection_.reset(); }
  void on_http2(Handle<ClientStream> stream, std::string_view received) override {
    REQUIRE_THAT(taken_ == nullptr && connection_ == nullptr);
    REQUIRE_THAT(received.starts_with(http2_preface));
    taken_ = std::move(stream);
    taken_bytes_ = received.size();
  }
  /// Nothing was answered, and what the new owner was not given it can still read.
  void check_taken() {
    REQUIRE_THAT(received_.empty());
    uv_os_fd_t fd{};
    REQUIRE_THAT(uv_fileno(reinterpret_cast<uv_handle_t*>(&taken_->stream), &fd) == 0);
    char buffer[8192];
    for (ssize_t count; (count = recv(fd, buffer, sizeof buffer, MSG_DONTWAIT)) > 0;)
      taken_bytes_ += static_cast<std::size_t>(count);
    REQUIRE_THAT(taken_bytes_ == sent_count_);
  }

  void turn_loop() {
    uv_run(loop_.get(), UV_RUN_NOWAIT);
    while (connection_ != nullptr && connection_->place.wait == Wait::turn) connection_->on_turn();
  }
  void receive() {
    char buffer[8192];
    for (;;) {
      const ssize_t count = recv(client_, buffer, sizeof buffer, 0);
      if (count <= 0) return;
      received_.append(buffer, static_cast<std::size_t>(count));
    }
  }

  Loop& loop_;
  std::unique_ptr<Connection> connection_;
  int client_ = -1;
  std::size_t sent_count_ = 0;
  std::string received_;
  Handle<ClientStream> taken_;  // by whoever speaks HTTP/2
  std::size_t taken_bytes_ = 0;
};

/// Equal, but for the complaint that ends both.
bool same_answers(std::string_view whole, std::string_view cut) {
  if (whole == cut) return true;
  std::size_t same = 0;
  while (same < std::min(whole.size(), cut.size()) && whole[same] == cut[same]) ++same;
  // A message may name HTTP/1.1, too, but puts no status behind it.
  const auto complaint_at = [same](std::string_view bytes) {
    return std::max(bytes.rfind("HTTP/1.1 4", same) + 1, bytes.rfind("HTTP/1.1 5", same) + 1);
  };
  const auto complains = [&](std::string_view bytes) {
    const std::size_t at = complaint_at(bytes);
    return at > 0 && bytes.find("\r\nConnection: close\r\n", at) != std::string_view::npos;
  };
  return complains(whole) && complains(cut) && complaint_at(whole) == complaint_at(cut);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t bytes_count) {
  static const bool ignored = (ignore_sigpipe(), true);
  static Loop& loop = *new Loop;
  static Handling handler;
  static ConnectionContext context{
      .handler = handler,
      .options = {.header_bytes_max = 1024, .headers_count_max = 16, .requests_per_turn_max = 4},
      .counters = {},
      .read_buffer = std::vector<char>(read_bytes_max),
      .headers = std::vector<Header>(16),
      .response = {}};
  static_cast<void>(ignored);
  if (bytes_count == 0 || bytes_count > input_bytes_max) return 0;
  const std::string_view bytes = fuzz::text_of(data + 1, bytes_count - 1);

  Conversation at_once(loop, context);
  at_once.send(bytes);
  const std::string whole = at_once.finish();
  Conversation in_pieces(loop, context);
  for (fuzz::Cutter cutter(data[0], bytes); !cutter.done();) in_pieces.send(cutter.next());
  const std::string cut = in_pieces.finish();
  REQUIRE_THAT(at_once.was_taken() == in_pieces.was_taken());
  const bool answers_are_the_same_when_cut = same_answers(whole, cut);
  if (!answers_are_the_same_when_cut)
    std::fprintf(stderr, "whole:\n%s\n---\ncut:\n%s\n", whole.c_str(), cut.c_str());
  REQUIRE_THAT(answers_are_the_same_when_cut);
  return 0;
}
