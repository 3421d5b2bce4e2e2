/// Requests with bodies, at a handler that wants them. Those at one that does not are in connection_test.cpp.
#include <array>
#include <string>

#include "http/connection.hpp"
#include "support.hpp"

using namespace starling;
using namespace starling::http;
using namespace starling::http::testing;

namespace {

struct BodyFixture : Fixture {
  explicit BodyFixture(const ServerOptions& options = {}) : Fixture(options) { echo.body_max = 1'000; }
};

std::string post(std::string_view target, std::string_view body) {
  return "POST " + std::string(target) +
         " HTTP/1.1\r\nHost: x\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" +
         std::string(body);
}

const std::string chunked_head = "PUT /c HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n";

}  // namespace

TEST_SUITE("http.connection.body") {
  TEST_CASE("bodies reach the handler and the connection stays, wherever the bytes are cut") {
    BodyFixture fixture;
    const std::string input = post("/1", "\r\n\r\nGET") + chunked_head +
                              "3;x=y\r\nabc\r\n2\r\n\r\n\r\n0\r\nSum: 5\r\n\r\n" + get("/3") +
                              post("/4", "z");
    const std::string expected_bodies = "POST /1?\r\n\r\nGET|PUT /c?abc\r\n|GET /3?|POST /4?z|";
    for (std::size_t cut = 1; cut < input.size(); ++cut) {
      CAPTURE(cut);
      const auto client = fixture.connect();
      fixture.send(*client, std::string_view(input).substr(0, cut));
      for (int turn = 0; turn < 3; ++turn) uv_run(fixture.loop.get(), UV_RUN_NOWAIT);
      fixture.send(*client, std::string_view(input).substr(cut));
      REQUIRE(fixture.wait(*client, [&] { return answers(client->received()).size() == 4; }));
      std::string bodies;
      for (const Answer& answer : answers(client->received())) {
        CHECK(answer.status == 200);
        CHECK(!answer.has("Connection: close"));
        bodies += answer.body + "|";
      }
      CHECK(bodies == expected_bodies);
    }
  }

  TEST_CASE("a body that comes byte by byte, and many in one read with few in a turn") {
    BodyFixture fixture({.requests_per_turn_max = 2});
    const auto client = fixture.connect();
    for (const char byte : chunked_head + "2\r\nab\r\n0\r\n\r\n") {
      fixture.send(*client, std::string_view(&byte, 1));
      uv_run(fixture.loop.get(), UV_RUN_NOWAIT);
    }
    REQUIRE(fixture.wait(*client, [&] { return answers(client->received()).size() == 1; }));
    CHECK(answers(client->received())[0].body == "PUT /c?ab");

    std::string input;
    for (int i = 0; i < 50; ++i) input += post("/" + std::to_string(i), std::string(500, 'b'));
    const auto all = fixture.ask(*client, input, 50);
    REQUIRE(all.size() == 50);
    for (std::size_t i = 0; i < all.size(); ++i)
      CHECK(all[i].body == "POST /" + std::to_string(i) + "?" + std::string(500, 'b'));
  }

  TEST_CASE("a large body takes many reads") {
    BodyFixture fixture;
    fixture.echo.body_max = 300'000;
    const auto client = fixture.connect();
    const std::string body(300'000, 'L');
    const auto all = fixture.ask(*client, post("/l", body) + get("/next"), 2);
    REQUIRE(all.size() == 2);
    CHECK(all[0].body == "POST /l?" + body);
    CHECK(all[1].body == "GET /next?");
  }

  TEST_CASE("a body is wanted or not by the request, and one that is not owes the connection") {
    BodyFixture fixture;
    const auto all = fixture.ask_once(post("/wanted", "b") + post("/unwanted", "b") + get("/never"));
    REQUIRE(all.size() == 2);
    CHECK(all[0].body == "POST /wanted?b");
    CHECK(all[1].body == "POST /unwanted?");
    CHECK(all[1].has("Connection: close"));
    CHECK(fixture.errors(ErrorReason::malformed_request) == 0);
  }

  TEST_CASE("GET and HEAD may have bodies like any other method") {
    BodyFixture fixture;
    const auto client = fixture.connect();
    const std::string tail = " /m HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nok";
    const auto all = fixture.ask(*client, "HEAD" + tail + "GET" + tail, 2, false);
    REQUIRE(all.size() == 2);
    CHECK(client->received().find("HEAD /m?ok") == std::string::npos);
    CHECK(client->received().ends_with("GET /m?ok"));
  }

  TEST_CASE("Expect: 100-continue is told to go on, once, and then answered") {
    BodyFixture fixture;
    const auto client = fixture.connect();
    const std::string head =
        "POST /e HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nExpect: 100-Continue\r\n\r\n";
    fixture.send(*client, head);
    REQUIRE(fixture.wait(*client, [&] { return client->received().ends_with("\r\n\r\n"); }));
    CHECK(client->received() == "HTTP/1.1 100 Continue\r\n\r\n");
    fixture.send(*client, "ok");
    REQUIRE(fixture.wait(*client, [&] { return answers(client->received()).size() == 2; }));
    CHECK(answers(client->received())[1].body == "POST /e?ok");
    // Nobody asks for a body that is refused or not wanted, and HTTP/1.0 knows no such answer.
    const auto refused = fixture.ask_once(
        "POST /e HTTP/1.1\r\nHost: x\r\nContent-Length: 1001\r\nExpect: 100-continue\r\n\r\n");
    REQUIRE(refused.size() == 1);
    CHECK(refused[0].status == 413);
    const auto old =
        fixture.ask_once("POST /e HTTP/1.0\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\nok");
    REQUIRE(old.size() == 1);
    CHECK(old[0].body == "POST /e?ok");
  }

  TEST_CASE("what cannot be taken is told why, and the connection ends") {
    struct Case {
      std::string input;
      int status;
      ErrorReason reason;
    };
    using enum ErrorReason;
    const std::string start = "POST /p HTTP/1.1\r\nHost: x\r\n";
    const std::array cases{
        Case{start + "Content-Length: 1001\r\n\r\n", 413, body_too_large},
        Case{start + "Content-Length: 18446744073709551615\r\n\r\n", 413, body_too_large},
        Case{chunked_head + "3E9\r\n", 413, body_too_large},
        Case{chunked_head + "1\r\na\r\n3E8\r\n", 413, body_too_large},
        Case{chunked_head + "x\r\n", 400, malformed_request},
        Case{chunked_head + "1\r\nabc", 400, malformed_request},
        Case{start + "Transfer-Encoding: gzip, chunked\r\n\r\n", 501, coding_unsupported},
        Case{start + "Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n", 501,
             coding_unsupported},
        Case{"POST /p HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", 400, malformed_request},
        Case{start + "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n", 400,
             malformed_request},
        Case{"POST /throw HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc", 500, handler_failed},
    };
    BodyFixture fixture;
    for (const Case& bad : cases) {
      CAPTURE(bad.input);
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

  TEST_CASE("a client that stops in the middle of a body gets what it has asked for before") {
    BodyFixture fixture;
    const auto torn = fixture.connect();
    fixture.send(*torn, get("/y") + "POST /p HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nabc");
    torn->end_output();
    CHECK(fixture.wait(*torn, [&] { return torn->ended() && fixture.open() == 0; }));
    CHECK(answers(torn->received()).size() == 1);
    CHECK(fixture.errors(ErrorReason::body_truncated) == 1);
    CHECK(fixture.errors(ErrorReason::head_truncated) == 0);
  }

  TEST_CASE("a body that stops coming is a 408, however it trickles") {
    BodyFixture fixture({.header_timeout = std::chrono::milliseconds(50)});
    const auto client = fixture.connect();
    fixture.send(*client, "POST /p HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n");
    REQUIRE(fixture.wait(*client, [&] {
      if (!client->ended()) client->send_some("x");
      return answers(client->received()).size() == 1;
    }));
    CHECK(answers(client->received())[0].status == 408);
    CHECK(fixture.errors(ErrorReason::body_timeout) == 1);
    CHECK(fixture.echo.asked.empty());
  }

  TEST_CASE("a drain waits for a body under way and answers it") {
    BodyFixture fixture;
    const auto client = fixture.connect();
    fixture.send(*client, "POST /d HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n");
    REQUIRE(fixture.wait(*client, [&] { return !client->received().empty(); }));
    fixture.server->drain();
    client->forget();
    fixture.send(*client, "ok");
    REQUIRE(fixture.wait(*client, [&] { return client->ended(); }));
    const auto all = answers(client->received());
    REQUIRE(all.size() == 1);
    CHECK(all[0].body == "POST /d?ok");
    CHECK(all[0].has("Connection: close"));
  }

  TEST_CASE("a handler is told who asks") {
    BodyFixture fixture;
    const auto client = fixture.connect();
    for (const std::string& input : {get("/"), post("/", "b")}) {
      fixture.echo.from = {};
      REQUIRE(fixture.ask(*client, input).size() == 1);
      CHECK(fixture.echo.from.address == Address::v4(127, 0, 0, 1));
      CHECK(fixture.echo.from.address.is_loopback());
      CHECK(fixture.echo.from.port != 0);
    }
  }
}
