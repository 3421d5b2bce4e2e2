#include "http/connection.hpp"

#include <array>
#include <string>

#include "support.hpp"

using namespace starling;
using namespace starling::http;
using namespace starling::http::testing;

TEST_SUITE("http.connection") {
  TEST_CASE("an HTTP/1.1 connection stays open for the next request") {
    Fixture fixture;
    const auto client = fixture.connect();
    for (int i = 0; i < 3; ++i) {
      const auto all = fixture.ask(*client, get("/a?b=1"));
      REQUIRE(all.size() == 1);
      CHECK(all[0].status == 200);
      CHECK(all[0].body == "GET /a?b=1");
      CHECK(!all[0].has("Connection: close"));
    }
    CHECK(fixture.server->counters().connections_accepted == 1);
    CHECK(fixture.server->counters().requests == 3);
  }

  TEST_CASE("a request that asks to close is answered and the connection ends") {
    Fixture fixture;
    const auto all = fixture.ask_once("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    REQUIRE(all.size() == 1);
    CHECK(all[0].has("Connection: close"));
    CHECK(pump(fixture.loop, [&] { return fixture.open() == 0; }));
  }

  TEST_CASE("a handler can close the connection after its answer") {
    Fixture fixture;
    const auto all = fixture.ask_once(get("/close") + get("/never"));
    REQUIRE(all.size() == 1);
    CHECK(all[0].has("Connection: close"));
  }

  TEST_CASE("pipelined requests are answered in order, wherever the bytes are cut") {
    Fixture fixture;
    const std::string first = "\r\n" + get("/1");
    const std::string second = "HEAD /2 HTTP/1.1\r\nHost: x\r\nX-Empty:\r\n\r\n";
    const std::string input = first + second + get("/3?q=%20");
    const auto whole = fixture.connect();
    fixture.send(*whole, input);
    REQUIRE(fixture.wait(*whole, [&] { return whole->received().ends_with("GET /3?q=%20"); }));
    for (std::size_t cut = 1; cut < input.size(); ++cut) {
      CAPTURE(cut);
      const auto client = fixture.connect();
      const std::uint64_t requests_before = fixture.server->counters().requests;
      fixture.send(*client, std::string_view(input).substr(0, cut));
      const std::uint64_t complete =
          (cut >= first.size() ? 1 : 0) + (cut >= first.size() + second.size() ? 1 : 0);
      REQUIRE(fixture.wait(
          *client, [&] { return fixture.server->counters().requests == requests_before + complete; }));
      for (int turn = 0; turn < 3; ++turn) uv_run(fixture.loop.get(), UV_RUN_NOWAIT);
      fixture.send(*client, std::string_view(input).substr(cut));
      REQUIRE(fixture.wait(*client, [&] { return client->received().size() >= whole->received().size(); }));
      CHECK(client->received() == whole->received());
    }
  }

  TEST_CASE("a request that comes byte by byte is read like any other") {
    Fixture fixture;
    const auto client = fixture.connect();
    for (const char byte : get("/slow")) {
      fixture.send(*client, std::string_view(&byte, 1));
      uv_run(fixture.loop.get(), UV_RUN_NOWAIT);
    }
    REQUIRE(fixture.wait(*client, [&] { return answers(client->received()).size() == 1; }));
    CHECK(answers(client->received())[0].body == "GET /slow?");
  }

  TEST_CASE("more pipelined requests than fit a turn are all answered, in order") {
    Fixture fixture({.requests_per_turn_max = 3});
    std::string input;
    for (int i = 0; i < 100; ++i) input += get("/" + std::to_string(i));
    const auto client = fixture.connect();
    const auto all = fixture.ask(*client, input, 100);
    REQUIRE(all.size() == 100);
    for (int i = 0; i < 100; ++i)
      CHECK(all[static_cast<std::size_t>(i)].body == "GET /" + std::to_string(i) + "?");
  }

  TEST_CASE("HTTP/1.0 closes unless the client asks to keep alive") {
    Fixture fixture;
    const auto closed = fixture.ask_once("GET /old HTTP/1.0\r\n\r\n");
    REQUIRE(closed.size() == 1);
    CHECK(closed[0].status == 200);
    CHECK(closed[0].has("Connection: close"));

    const auto client = fixture.connect();
    for (int i = 0; i < 2; ++i) {
      const auto kept = fixture.ask(*client, "GET /old HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
      REQUIRE(kept.size() == 1);
      CHECK(kept[0].has("Connection: keep-alive"));
    }
    CHECK(fixture.ask_once("GET / HTTP/1.0\r\nConnection: close, keep-alive\r\n\r\n")[0].has(
        "Connection: close"));
  }

  TEST_CASE("HEAD gets the headers of GET and no body") {
    Fixture fixture;
    const auto client = fixture.connect();
    const auto all = fixture.ask(*client, "HEAD /a HTTP/1.1\r\nHost: x\r\n\r\n" + get("/b"), 2, false);
    REQUIRE(all.size() == 2);
    CHECK(all[0].has("Content-Length: 8"));
    CHECK(client->received().find("HEAD /a?") == std::string::npos);
    CHECK(client->received().ends_with("GET /b?"));
  }

  TEST_CASE("a request with a body is answered at once, and the client can finish sending it") {
    Fixture fixture;
    for (const std::string_view framing :
         {"Content-Length: 500000\r\n", "Transfer-Encoding: chunked\r\n",
          "Transfer-Encoding: gzip, chunked\r\n", "Content-Length: 500000\r\nExpect: 100-continue\r\n"}) {
      CAPTURE(framing);
      const auto client = fixture.connect();
      const auto all =
          fixture.ask(*client, "POST /p HTTP/1.1\r\nHost: x\r\n" + std::string(framing) + "\r\n");
      REQUIRE(all.size() == 1);
      CHECK(all[0].status == 200);
      CHECK(all[0].has("Connection: close"));
      fixture.send(*client, std::string(500'000, 'x'));
      CHECK(!client->reset());
      client->end_output();
      CHECK(fixture.wait(*client, [&] { return client->ended() && fixture.open() == 0; }));
      CHECK(!client->reset());
    }
    CHECK(fixture.echo.asked.size() == 4);
  }

  TEST_CASE("a body of length 0 owes nothing") {
    Fixture fixture;
    const auto client = fixture.connect();
    const auto all =
        fixture.ask(*client, "POST /p HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n" + get("/next"), 2);
    REQUIRE(all.size() == 2);
    CHECK(all[1].body == "GET /next?");
  }

  TEST_CASE("a client that sends on and on after the last answer is cut off") {
    Fixture fixture({.linger_bytes_max = 100'000});
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

  TEST_CASE("Upgrade changes nothing and CONNECT is refused") {
    Fixture fixture;
    const auto client = fixture.connect();
    const auto all = fixture.ask(*client,
                                 "GET /u HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, HTTP2-Settings\r\n"
                                 "Upgrade: h2c\r\nHTTP2-Settings: AAMAAABkAARAAAAA\r\n\r\n" +
                                     get("/v"),
                                 2);
    REQUIRE(all.size() == 2);
    CHECK(all[0].status == 200);
    CHECK(all[1].body == "GET /v?");
    CHECK(fixture.ask_once("CONNECT x:1 HTTP/1.1\r\nHost: x:1\r\n\r\n\x16\x03")[0].status == 501);
  }

  TEST_CASE("bad input is told why, and the connection ends") {
    struct Case {
      std::string input;
      int status;
      ErrorReason reason;
    };
    using enum ErrorReason;
    const std::string long_line = "GET /" + std::string(20'000, 'a');
    const std::string long_header = "GET / HTTP/1.1\r\nHost: x\r\nA: " + std::string(20'000, 'a');
    std::string many = "GET / HTTP/1.1\r\nHost: x\r\n";
    for (int i = 0; i < 64; ++i) many += "H" + std::to_string(i) + ": v\r\n";
    const std::string start = "GET / HTTP/1.1\r\nHost: x\r\n";
    const std::array cases{
        Case{"GET / HTTP/1.1\nHost: x\n\n", 400, malformed_request},
        Case{"GET / HTTP/1.1\r\nHost: x\nA: b\r\n\r\n", 400, malformed_request},
        Case{"GET / HTTP/1.1\r\nHost: x\rA: b\r\n\r\n", 400, malformed_request},
        Case{start + "A: b\r\n c\r\n\r\n", 400, malformed_request},
        Case{start + "A: b\r\n\tc\r\n\r\n", 400, malformed_request},
        Case{start + " A: b\r\n\r\n", 400, malformed_request},
        Case{start + std::string("A: b\0c\r\n\r\n", 10), 400, malformed_request},
        Case{std::string("GET /\0 HTTP/1.1\r\n", 17), 400, malformed_request},
        Case{"\x16\x03\x01\x02", 400, malformed_request},
        Case{start + "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n", 400, malformed_request},
        Case{start + "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n", 400, malformed_request},
        Case{start + "Content-Length: 3\r\nContent-Length: 4\r\n\r\n", 400, malformed_request},
        Case{start + "Content-Length : 3\r\n\r\n", 400, malformed_request},
        Case{start + "Transfer-Encoding: gzip\r\n\r\n", 400, malformed_request},
        Case{"GET / HTTP/1.1\r\n\r\n", 400, malformed_request},
        Case{start + "Host: y\r\n\r\n", 400, malformed_request},
        Case{"GET /\r\n", 400, malformed_request},
        Case{"GET /a b HTTP/1.1\r\n", 400, malformed_request},
        Case{"GET  / HTTP/1.1\r\n", 400, malformed_request},
        Case{long_line, 414, target_too_long},
        Case{long_line + " HTTP/1.1\r\nHost: x\r\n\r\n", 414, target_too_long},
        Case{long_header, 431, headers_too_large},
        Case{long_header + "\r\n\r\n", 431, headers_too_large},
        Case{many + "\r\n", 431, headers_too_many},
        Case{"BREW / HTTP/1.1\r\nHost: x\r\n\r\n", 501, method_unsupported},
        Case{"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505, version_unsupported},
        Case{"GET / HTTP/1.2\r\n", 505, version_unsupported},
    };
    Fixture fixture;
    for (const Case& bad : cases) {
      CAPTURE(bad.input.substr(0, 100));
      const std::uint64_t before = fixture.errors(bad.reason);
      const auto all = fixture.ask_once(bad.input);
      REQUIRE(all.size() == 1);
      CHECK(all[0].status == bad.status);
      CHECK(all[0].has("Connection: close"));
      CHECK(all[0].body.starts_with(R"({"message":")"));
      CHECK(fixture.errors(bad.reason) == before + 1);
    }
    CHECK(fixture.echo.asked.empty());
  }

  TEST_CASE("requests before a bad one are answered first") {
    Fixture fixture;
    const auto all = fixture.ask_once(get("/good") + "bad\n" + get("/never"));
    REQUIRE(all.size() == 2);
    CHECK(all[0].body == "GET /good?");
    CHECK(all[1].status == 400);
    CHECK(fixture.echo.asked.size() == 1);
  }

  TEST_CASE("headers up to their bounds are taken") {
    Fixture fixture;
    const auto client = fixture.connect();
    const std::string start = "GET / HTTP/1.1\r\nHost: x\r\nA: ";
    const std::string full = start + std::string(16 * 1024 - start.size() - 4, 'a') + "\r\n\r\n";
    CHECK(fixture.ask(*client, full)[0].status == 200);
    std::string many = "GET / HTTP/1.1\r\nHost: x\r\n";
    for (int i = 0; i < 63; ++i) many += "H" + std::to_string(i) + ": v\r\n";
    CHECK(fixture.ask(*client, many + "\r\n")[0].status == 200);
  }

  TEST_CASE("a client that stops sending gets the answers it has asked for") {
    Fixture fixture({.requests_per_turn_max = 2});
    const auto client = fixture.connect();
    std::string input;
    for (int i = 0; i < 10; ++i) input += get("/x");
    fixture.send(*client, input);
    client->end_output();
    CHECK(fixture.wait(*client, [&] { return client->ended() && fixture.open() == 0; }));
    CHECK(answers(client->received()).size() == 10);

    const auto torn = fixture.connect();
    fixture.send(*torn, get("/y") + "GET /half");
    torn->end_output();
    CHECK(fixture.wait(*torn, [&] { return torn->ended() && fixture.open() == 0; }));
    CHECK(answers(torn->received()).size() == 1);
    CHECK(fixture.errors(ErrorReason::head_truncated) == 1);
  }

  TEST_CASE("a handler that throws is a 500, not the end") {
    Fixture fixture;
    const auto all = fixture.ask_once(get("/throw"));
    REQUIRE(all.size() == 1);
    CHECK(all[0].status == 500);
    CHECK(fixture.errors(ErrorReason::handler_failed) == 1);
    CHECK(fixture.ask_once(get("/close"))[0].status == 200);
  }
}
