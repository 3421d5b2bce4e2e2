#include "http/client.hpp"

#include <atomic>
#include <functional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/random.hpp"
#include "support.hpp"

using namespace starling;
using namespace starling::http;
using namespace starling::http::testing;
using namespace std::chrono_literals;

namespace {

/// A listening socket whose one connection `talk` answers, in a thread of its own.
class ScriptedServer {
 public:
  explicit ScriptedServer(std::function<void(int)> talk) : talk_(std::move(talk)) {
    listener_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_storage address = socket_address({.address = Address::v4(127, 0, 0, 1), .port = 0});
    REQUIRE(bind(listener_, reinterpret_cast<const sockaddr*>(&address), sizeof(sockaddr_in)) == 0);
    REQUIRE(listen(listener_, 4) == 0);
    socklen_t bytes = sizeof address;
    getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &bytes);
    port_ = endpoint_of(reinterpret_cast<const sockaddr*>(&address)).port;
    thread_ = std::thread([this] {
      const int fd = accept(listener_, nullptr, nullptr);
      if (fd < 0) return;
      while (request_.find("\r\n\r\n") == std::string::npos) {
        char buffer[4096];
        const ssize_t count = recv(fd, buffer, sizeof buffer, 0);
        if (count <= 0) break;
        request_.append(buffer, static_cast<std::size_t>(count));
      }
      talk_(fd);
      close(fd);
    });
  }
  /// Answers with `bytes` and closes.
  explicit ScriptedServer(std::string bytes)
      : ScriptedServer(
            [bytes = std::move(bytes)](int fd) { send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL); }) {}
  ~ScriptedServer() {
    if (thread_.joinable()) thread_.join();
    close(listener_);
  }
  Url url(std::string host = "127.0.0.1") const { return {.host = std::move(host), .port = port_}; }
  const std::string& request() {
    thread_.join();
    return request_;
  }

 private:
  std::function<void(int)> talk_;
  int listener_ = -1;
  std::uint16_t port_ = 0;
  std::string request_;
  std::thread thread_;
};

std::uint16_t unused_port() {
  Fixture fixture;
  return fixture.server->local_endpoint().port;
}

}  // namespace

TEST_SUITE("http.client") {
  TEST_CASE("it asks our own server and gets status, headers and body") {
    Loop loop;
    EchoHandler handler;
    Server server(loop, handler);
    const auto local = server.listen({.address = Address::v4(127, 0, 0, 1)});
    REQUIRE(local.has_value());
    std::atomic<bool> stop = false;
    std::thread thread([&] {
      while (!stop) {
        uv_run(loop.get(), UV_RUN_NOWAIT);
        poll(nullptr, 0, 1);
      }
    });
    const auto found = fetch({.host = "127.0.0.1", .port = local->port, .target = "/a?b=c"});
    const auto named = fetch({.host = "localhost", .port = local->port, .target = "/big?3000000"});
    const auto head = fetch({.host = "127.0.0.1", .port = local->port}, {.method = "HEAD"});
    const auto missing = fetch({.host = "127.0.0.1", .port = local->port, .target = "/throw"});
    stop = true;
    thread.join();

    REQUIRE(found.has_value());
    CHECK(found->status == 200);
    CHECK(found->body == "GET /a?b=c");
    REQUIRE(found->find("content-TYPE") != nullptr);
    CHECK(*found->find("content-TYPE") == "text/plain; charset=utf-8");
    CHECK(found->find("x-other") == nullptr);
    REQUIRE(named.has_value());
    CHECK(named->body == std::string(3'000'000, 'b'));
    REQUIRE(head.has_value());
    CHECK(head->body.empty());
    REQUIRE(missing.has_value());
    CHECK(missing->status == 500);
  }

  TEST_CASE("the request names method, target and host") {
    ScriptedServer server("HTTP/1.1 204 No Content\r\n\r\n");
    Url url = server.url();
    url.target = "/v1/check?a=b";
    const auto response = fetch(url, {.method = "POST"});
    REQUIRE(response.has_value());
    CHECK(response->status == 204);
    CHECK(server.request().starts_with("POST /v1/check?a=b HTTP/1.1\r\nHost: " + url.authority() + "\r\n"));
  }

  TEST_CASE("a request may bring headers and a body, whose length is told") {
    ScriptedServer server("HTTP/1.1 204 No Content\r\n\r\n");
    const auto response = fetch(
        server.url(), {.method = "PUT", .headers = {{"Content-Type", "application/json"}}, .body = "{}"});
    REQUIRE(response.has_value());
    const std::string& request = server.request();
    CHECK(request.starts_with("PUT / HTTP/1.1\r\n"));
    CHECK(request.ends_with(
        "Connection: close\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"));
  }

  TEST_CASE("bodies may be chunked, end with the connection, or follow an interim answer") {
    struct Case {
      std::string bytes, body;
    };
    for (const Case& c :
         {Case{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n",
               "abcde"},
          Case{"HTTP/1.0 200 OK\r\n\r\nuntil the end", "until the end"},
          Case{"HTTP/1.1 100 Continue\r\nA: b\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
               "ok"}}) {
      CAPTURE(c.bytes);
      ScriptedServer server(c.bytes);
      const auto response = fetch(server.url());
      REQUIRE(response.has_value());
      CHECK(response->status == 200);
      CHECK(response->body == c.body);
      CHECK(response->find("a") == nullptr);
    }
  }

  TEST_CASE("nobody there is said with the server's name and what to do") {
    const Url url{.host = "127.0.0.1", .port = unused_port()};
    const auto response = fetch(url);
    REQUIRE(!response.has_value());
    CHECK(response.error() ==
          "cannot connect to " + url.server() + ": connection refused; is `starling node` running there?");
  }

  TEST_CASE("a server that does not take the connection is not waited for without end") {
    // A full queue of connections makes Linux ignore further ones, like a host behind a firewall.
    const int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_storage address = socket_address({.address = Address::v4(127, 0, 0, 1), .port = 0});
    REQUIRE(bind(listener, reinterpret_cast<const sockaddr*>(&address), sizeof(sockaddr_in)) == 0);
    REQUIRE(listen(listener, 0) == 0);
    socklen_t bytes = sizeof address;
    getsockname(listener, reinterpret_cast<sockaddr*>(&address), &bytes);
    std::vector<int> queued;
    for (int i = 0; i < 4; ++i) {
      queued.push_back(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
      connect(queued.back(), reinterpret_cast<const sockaddr*>(&address), sizeof(sockaddr_in));
    }
    const Url url{.host = "127.0.0.1", .port = endpoint_of(reinterpret_cast<const sockaddr*>(&address)).port};
    for (const ClientOptions& options :
         {ClientOptions{.connect_timeout = 50ms}, ClientOptions{.total_timeout = 50ms}}) {
      const auto response = fetch(url, options);
      REQUIRE(!response.has_value());
      CHECK(response.error() ==
            "cannot connect to " + url.server() + ": it does not answer; is `starling node` running there?");
    }
    for (const int fd : queued) close(fd);
    close(listener);
  }

  TEST_CASE("a name that does not exist is an error of its own") {
    const auto response = fetch({.host = "no-such-host.invalid", .port = 1}, {.total_timeout = 15s});
    REQUIRE(!response.has_value());
    CHECK(response.error().starts_with("cannot resolve 'no-such-host.invalid'"));
  }

  TEST_CASE("an answer that does not come, or not in full, is not waited for without end") {
    std::atomic<bool> done = false;
    ScriptedServer silent([&](int fd) {
      send(fd, "HTTP/1.1 200 OK\r\n", 17, MSG_NOSIGNAL);
      char byte = 0;
      while (recv(fd, &byte, 1, 0) > 0) {
      }
      done = true;
    });
    const auto response = fetch(silent.url(), {.total_timeout = 100ms});
    REQUIRE(!response.has_value());
    CHECK(response.error() ==
          "no answer from " + silent.url().server() + " within 100 ms; is the node overloaded?");
  }

  TEST_CASE("an answer that breaks off is an error") {
    for (const std::string bytes : {"", "HTTP/1.1 200", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabc",
                                    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
                                    "HTTP/1.1 100 Continue\r\n\r\n"}) {
      CAPTURE(bytes);
      ScriptedServer server(bytes);
      const auto response = fetch(server.url());
      REQUIRE(!response.has_value());
      CHECK(response.error() ==
            server.url().server() + " closed the connection before its answer was complete; try again");
    }
  }

  TEST_CASE("what is not HTTP is said to be so") {
    ScriptedServer server("SSH-2.0-OpenSSH_9.2\r\n");
    const auto response = fetch(server.url());
    REQUIRE(!response.has_value());
    CHECK(response.error().starts_with(server.url().server() + " does not answer in HTTP: "));
  }

  TEST_CASE("an answer beyond the bound is refused") {
    ScriptedServer server("HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n" + std::string(100'000, 'x'));
    const auto response = fetch(server.url(), {.response_bytes_max = 50'000});
    REQUIRE(!response.has_value());
    CHECK(response.error() ==
          "the answer of " + server.url().server() + " is longer than 50000 bytes; ask for less");
  }

  TEST_CASE("no bytes at all stop it, whether they are an answer or not") {
    Random random(99);
    const std::string seed =
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nUpgrade: x\r\n"
        "Connection: upgrade\r\n\r\n3;e=\"1\"\r\nabc\r\n0\r\nTrailer: t\r\n\r\n";
    for (int round = 0; round < 300; ++round) {
      std::string bytes = seed;
      for (std::uint64_t edits = random.below(6); edits > 0 && !bytes.empty(); --edits) {
        const std::size_t at = random.below(bytes.size());
        if (random.chance(0.4))
          bytes.erase(at, 1 + random.below(30));
        else
          bytes[at] = random.chance(0.5) ? static_cast<char>(random.next()) : "\r\n :0"[random.below(5)];
      }
      ScriptedServer server(bytes);
      const auto response = fetch(server.url());
      CHECK((response.has_value() || !response.error().empty()));
    }
  }
}
