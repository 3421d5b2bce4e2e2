/// What differs between kinds of sockets in the kernel, over a Unix domain socket: ends, resets, unread
/// input, queues of unsent bytes. What happens above is the same code as over TCP (connection_test.cpp).
#include <array>
#include <string>
#include <utility>

#include "support.hpp"

using namespace starling;
using namespace starling::http;
using namespace starling::http::testing;
using namespace std::chrono_literals;

namespace {

struct UnixFixture : Fixture {
  explicit UnixFixture(const ServerOptions& options = {}) : Fixture(options) { use_unix(); }
};

}  // namespace

TEST_SUITE("http.unix_connection") {
  TEST_CASE("requests are answered, and nobody is taken for a client on this machine") {
    UnixFixture fixture;
    fixture.echo.from = {.address = Address::v4(1, 2, 3, 4), .port = 5};
    const auto client = fixture.connect();
    for (int i = 0; i < 3; ++i) CHECK(fixture.ask(*client, get("/a?b=1"))[0].body == "GET /a?b=1");
    CHECK(fixture.echo.from == Endpoint{});
    CHECK(fixture.server->counters().connections_accepted == 1);
  }

  TEST_CASE("all listeners share the bound and the counters, and are told") {
    UnixFixture fixture({.name = "x", .connections_max = 2});
    const RawClient tcp(fixture.server->local_endpoint());
    const auto first = fixture.connect();
    CHECK(pump(fixture.loop, [&] { return fixture.open() == 2; }));
    const auto second = fixture.connect();
    CHECK(fixture.ask(*second, get("/2")).size() == 1);
    CHECK(fixture.open() == 2);
    const FrontEndStatus status = fixture.server->status();
    CHECK(status.name == "x");
    REQUIRE(status.listeners.size() == 2);
    CHECK(status.listeners[0] == fixture.server->local_endpoint().to_string());
    CHECK(status.listeners[1] == "unix:" + fixture.unix_path->text());
    CHECK(status.connections_open == 2);
    CHECK(status.connections_accepted == 3);
    CHECK(status.connections_refused == 1);
    CHECK(status.errors_that_occurred().empty());
    CHECK(status.errors.size() == error_reasons_count);
  }

  TEST_CASE("errors are told by reason, and only those that happened") {
    UnixFixture fixture;
    CHECK(fixture.ask_once("nonsense\n")[0].status == 400);
    CHECK(fixture.ask_once("GET / HTTP/2.0\r\n")[0].status == 505);
    const FrontEndStatus status = fixture.server->status();
    const auto errors = status.errors_that_occurred();
    REQUIRE(errors.size() == 2);
    CHECK(errors[0] == std::pair<std::string_view, std::uint64_t>("malformed_request", 1));
    CHECK(errors[1] == std::pair<std::string_view, std::uint64_t>("version_unsupported", 1));
  }

  TEST_CASE("pipelined requests are answered in order, wherever the bytes are cut") {
    UnixFixture fixture;
    const std::string input = get("/1") + "HEAD /2 HTTP/1.1\r\nHost: x\r\n\r\n" + get("/3");
    for (std::size_t cut = 1; cut < input.size(); ++cut) {
      CAPTURE(cut);
      const auto client = fixture.connect();
      fixture.send(*client, std::string_view(input).substr(0, cut));
      for (int turn = 0; turn < 3; ++turn) uv_run(fixture.loop.get(), UV_RUN_NOWAIT);
      fixture.send(*client, std::string_view(input).substr(cut));
      REQUIRE(fixture.wait(*client, [&] { return client->received().ends_with("GET /3?"); }));
      CHECK(answers(client->received(), false).size() == 3);
    }
  }

  TEST_CASE("a request with a body is answered at once, and the client can finish sending it") {
    UnixFixture fixture;
    const auto client = fixture.connect();
    const auto all = fixture.ask(*client, "POST /p HTTP/1.1\r\nHost: x\r\nContent-Length: 500000\r\n\r\n");
    REQUIRE(all.size() == 1);
    CHECK(all[0].has("Connection: close"));
    fixture.send(*client, std::string(500'000, 'x'));
    CHECK(!client->reset());
    client->end_output();
    CHECK(fixture.wait(*client, [&] { return client->ended() && fixture.open() == 0; }));
    CHECK(!client->reset());
  }

  TEST_CASE("a client that sends on and on after the last answer is cut off") {
    UnixFixture fixture({.linger_bytes_max = 100'000});
    const auto client = fixture.connect();
    REQUIRE(fixture.ask(*client, "POST /p HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999\r\n\r\n").size() ==
            1);
    const std::string piece(50'000, 'x');
    CHECK(fixture.wait(*client, [&] {
      client->send_some(piece);
      return fixture.open() == 0;
    }));
    CHECK(fixture.errors(ErrorReason::linger_exceeded) == 1);
  }

  TEST_CASE("a client that stops sending gets the answers it has asked for") {
    UnixFixture fixture({.requests_per_turn_max = 2});
    const auto client = fixture.connect();
    std::string input;
    for (int i = 0; i < 10; ++i) input += get("/x");
    fixture.send(*client, input);
    client->end_output();
    CHECK(fixture.wait(*client, [&] { return client->ended() && fixture.open() == 0; }));
    CHECK(answers(client->received()).size() == 10);
  }

  TEST_CASE("a client that never reads is given up; one that reads late gets everything") {
    UnixFixture fixture({.output_bytes_max = 1000, .idle_timeout = 2s});
    const auto deaf = fixture.connect();
    const auto late = fixture.connect();
    deaf->send_some(get("/big?20000000"));
    CHECK(fixture.ask(*late, get("/big?20000000"))[0].body.size() == 20'000'000);
    CHECK(pump(fixture.loop, [&] { return fixture.errors(ErrorReason::output_stalled) == 1; }));
  }

  TEST_CASE("a client that is gone is noticed") {
    UnixFixture fixture;
    const auto client = fixture.connect();
    fixture.send(*client, "GET / HT");
    CHECK(pump(fixture.loop, [&] { return fixture.open() == 1; }));
    client->hang_up();
    CHECK(pump(fixture.loop, [&] { return fixture.open() == 0; }));
    CHECK(fixture.errors(ErrorReason::head_truncated) == 1);
  }

  TEST_CASE("drain removes the path, closes who stays idle and answers what has arrived") {
    UnixFixture fixture({.drain_idle_timeout = 50ms, .linger_timeout = 50ms});
    const auto idle = fixture.connect();
    const auto asking = fixture.connect();
    CHECK(fixture.ask(*idle, get("/i")).size() == 1);
    CHECK(fixture.ask(*asking, get("/a")).size() == 1);
    for (int turn = 0; turn < 3; ++turn) uv_run(fixture.loop.get(), UV_RUN_NOWAIT);
    asking->forget();
    asking->send_some(get("/last"));  // in the kernel, not yet read, when the drain begins
    fixture.server->drain();
    CHECK(fixture.wait(*idle, [&] { return idle->ended(); }));
    CHECK(!std::filesystem::exists(fixture.unix_path->text()));
    CHECK(fixture.server->status().listeners.empty());
    CHECK(fixture.wait(*asking, [&] { return asking->ended(); }));
    REQUIRE(answers(asking->received()).size() == 1);
    CHECK(answers(asking->received())[0].has("Connection: close"));
    CHECK(pump(fixture.loop, [&] { return fixture.server->drained(); }));
    fixture.loop.run();  // returns: nothing is left to wait for
  }

  TEST_CASE("a path that cannot be had is an error, and the server can be asked again") {
    Fixture fixture;
    const auto refused = fixture.server->listen_unix({"/nowhere/at/all"});
    REQUIRE(!refused.has_value());
    CHECK(refused.error().find("there is no directory /nowhere/at") != std::string::npos);
    CHECK(fixture.server->status().listeners.size() == 1);
    fixture.use_unix();
    const auto client = fixture.connect();
    CHECK(fixture.ask(*client, get("/x")).size() == 1);
  }
}
