// An example of a gateway that decides in-process: a tiny HTTP server on libuv with a Starling node inside.
//
// It answers every request itself, where a real one would pass it on. Its HTTP is just enough for an example:
// the request line, `X-Api-Key`, keep-alive, and no bodies. Use a real parser in a real gateway.
//
//   gateway bind=127.0.0.9 http=8000 name=gw neighborhood=127.0.0.1,127.0.0.9 rules=rules.yaml cluster=C
//
// SIGTERM: stops to listen, lets the node leave, closes the loop, ends with 0.
#include <strings.h>
#include <uv.h>
#include <starling/node.hpp>
#include <starling/version.hpp>

#include <csignal>
#include <cstdio>
#include <cstring>
#include <map>
#include <set>
#include <string>
#include <string_view>

namespace {

constexpr std::size_t head_bytes_max = 8192;

class Gateway;

/// One client. Deletes itself when its handle is closed.
class Client {
 public:
  Client(Gateway& gateway, uv_stream_t* server);
  void close() {
    if (!uv_is_closing(reinterpret_cast<uv_handle_t*>(&tcp_)))
      uv_close(reinterpret_cast<uv_handle_t*>(&tcp_), on_closed);
  }

 private:
  struct Write {
    uv_write_t request{};
    std::string bytes;
  };

  static void on_closed(uv_handle_t* handle);
  void on_bytes(std::string_view bytes);
  void answer(std::string_view head);
  void write(std::string bytes);

  Gateway& gateway_;
  uv_tcp_t tcp_{};
  std::string received_;
  char chunk_[4096];
};

class Gateway {
 public:
  Gateway(uv_loop_t* loop, starling::embed::NodeOptions options)
      : loop_(loop), node_(loop, std::move(options)) {}

  bool start(const std::string& address, int port) {
    if (auto error = node_.start())
      return std::fprintf(stderr, "gateway: %s\n", error.message().c_str()), false;
    sockaddr_in where{};
    uv_ip4_addr(address.c_str(), port, &where);
    uv_tcp_init(loop_, &server_);
    server_.data = this;
    uv_tcp_bind(&server_, reinterpret_cast<const sockaddr*>(&where), 0);
    const int error =
        uv_listen(reinterpret_cast<uv_stream_t*>(&server_), 128, [](uv_stream_t* server, int status) {
          if (status == 0) new Client(*static_cast<Gateway*>(server->data), server);
        });
    if (error != 0) return std::fprintf(stderr, "gateway: %s\n", uv_strerror(error)), false;
    uv_signal_init(loop_, &signal_);
    signal_.data = this;
    uv_signal_start(
        &signal_, [](uv_signal_t* signal, int) { static_cast<Gateway*>(signal->data)->stop(); }, SIGTERM);
    return true;
  }

  starling::embed::Node& node() { return node_; }
  uv_loop_t* loop() { return loop_; }
  std::set<Client*>& clients() { return clients_; }

 private:
  void stop() {
    uv_close(reinterpret_cast<uv_handle_t*>(&signal_), nullptr);
    uv_close(reinterpret_cast<uv_handle_t*>(&server_), nullptr);
    for (Client* client : clients_) client->close();
    node_.stop([] { std::puts("left"); });
  }

  uv_loop_t* loop_;
  starling::embed::Node node_;
  uv_tcp_t server_{};
  uv_signal_t signal_{};
  std::set<Client*> clients_;
};

Client::Client(Gateway& gateway, uv_stream_t* server) : gateway_(gateway) {
  uv_tcp_init(gateway.loop(), &tcp_);
  tcp_.data = this;
  gateway_.clients().insert(this);
  auto* stream = reinterpret_cast<uv_stream_t*>(&tcp_);
  if (uv_accept(server, stream) != 0) {
    close();
    return;
  }
  uv_read_start(
      stream,
      [](uv_handle_t* handle, std::size_t, uv_buf_t* out) {
        auto* self = static_cast<Client*>(handle->data);
        *out = uv_buf_init(self->chunk_, sizeof self->chunk_);
      },
      [](uv_stream_t* from, ssize_t bytes, const uv_buf_t* buffer) {
        auto* self = static_cast<Client*>(from->data);
        if (bytes < 0) return self->close();
        self->on_bytes({buffer->base, static_cast<std::size_t>(bytes)});
      });
}

void Client::on_closed(uv_handle_t* handle) {
  auto* self = static_cast<Client*>(handle->data);
  self->gateway_.clients().erase(self);
  delete self;
}

void Client::on_bytes(std::string_view bytes) {
  received_.append(bytes);
  for (std::size_t end; (end = received_.find("\r\n\r\n")) != std::string::npos; received_.erase(0, end + 4))
    answer(std::string_view(received_).substr(0, end + 2));
  if (received_.size() > head_bytes_max) close();
}

/// `head`: the request line and the headers, each with its line end.
void Client::answer(std::string_view head) {
  const std::string_view line = head.substr(0, head.find("\r\n"));
  std::string_view key = "anonymous";
  for (std::size_t at = line.size() + 2; at < head.size(); at = head.find("\r\n", at) + 2) {
    constexpr std::string_view wanted = "X-Api-Key: ";
    if (head.size() - at > wanted.size() && strncasecmp(head.data() + at, wanted.data(), wanted.size()) == 0)
      key = head.substr(at + wanted.size(), head.find("\r\n", at) - at - wanted.size());
  }
  starling::embed::Node& node = gateway_.node();
  if (line.starts_with("GET /ready "))
    return write(node.ready() ? "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
                              : "HTTP/1.1 503 Not Ready\r\nContent-Length: 0\r\n\r\n");

  const starling::Entry entries[] = {{"principal", key}};
  const starling::Descriptor descriptors[] = {{.entries = entries}};
  const std::uint64_t hits = line.starts_with("PEEK ") ? 0 : 1;  // 0 only looks
  const starling::Decision decision = node.decide({.descriptors = descriptors, .hits = hits});

  std::string out = decision.allowed ? "HTTP/1.1 200 OK\r\n" : "HTTP/1.1 429 Too Many Requests\r\n";
  if (const starling::LimitStatus* limit = decision.tightest) {
    const std::string seconds = std::to_string((limit->reset_ms + 999) / 1000);
    out += "X-RateLimit-Limit: " + std::to_string(limit->limit) + "\r\n";
    out += "X-RateLimit-Remaining: " + std::to_string(limit->remaining) + "\r\n";
    out += "X-RateLimit-Reset: " + seconds + "\r\n";
    if (!decision.allowed) out += "Retry-After: " + seconds + "\r\n";
  }
  const std::string body = decision.allowed ? std::string(line) + "\n" : "slow down\n";
  write(out + "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body);
}

void Client::write(std::string bytes) {
  auto* pending = new Write{.bytes = std::move(bytes)};
  pending->request.data = pending;
  uv_buf_t buffer = uv_buf_init(pending->bytes.data(), static_cast<unsigned>(pending->bytes.size()));
  const auto done = [](uv_write_t* request, int) { delete static_cast<Write*>(request->data); };
  if (uv_write(&pending->request, reinterpret_cast<uv_stream_t*>(&tcp_), &buffer, 1, done) != 0) {
    delete pending;
    close();
  }
}

}  // namespace

int main(int argc, char** argv) {
  std::map<std::string, std::string> given;
  for (int i = 1; i < argc; ++i) {
    const std::string_view word = argv[i];
    const std::size_t equals = word.find('=');
    if (equals == std::string_view::npos) return std::fputs("gateway: expected KEY=VALUE...\n", stderr), 2;
    given[std::string(word.substr(0, equals))] = word.substr(equals + 1);
  }
  std::signal(SIGPIPE, SIG_IGN);
  uv_loop_t loop;
  uv_loop_init(&loop);
  int code = 1;
  {
    starling::embed::NodeOptions options{.neighborhood = given["neighborhood"],
                                         .bind = given["bind"],
                                         .cluster = given["cluster"],
                                         .node_name = given["name"],
                                         .rules_path = given["rules"]};
    if (!given["sync-interval"].empty()) options.settings["sync-interval"] = given["sync-interval"];
    options.log = [](starling::embed::LogLevel, std::string_view line) {
      std::fprintf(stderr, "%.*s\n", static_cast<int>(line.size()), line.data());
    };
    Gateway gateway(&loop, std::move(options));
    std::fprintf(stderr, "gateway with Starling %s\n", starling::version);
    if (gateway.start(given["bind"], std::stoi(given["http"]))) {
      uv_run(&loop, UV_RUN_DEFAULT);
      code = 0;
    }
  }
  if (code == 0 && uv_loop_close(&loop) != 0)
    return std::fputs("gateway: the loop is still in use\n", stderr), 3;
  return code;
}
