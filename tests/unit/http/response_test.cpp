#include "http/response.hpp"

#include <doctest/doctest.h>

#include <string>

using starling::http::Response;

namespace {

std::string written(const Response& response, const Response::Framing& framing = {}) {
  std::string out;
  response.append_to(out, framing);
  return out;
}

}  // namespace

TEST_SUITE("http.response") {
  TEST_CASE("status, headers and body become an answer with a length") {
    Response response;
    response.set_status(429).add_header("Retry-After", 4).set_text("slow down");
    CHECK(written(response) ==
          "HTTP/1.1 429 Too Many Requests\r\nRetry-After: 4\r\nContent-Type: text/plain; charset=utf-8\r\n"
          "Content-Length: 9\r\n\r\nslow down");
  }

  TEST_CASE("it says how the connection goes on only where that is not the default") {
    Response response;
    CHECK(written(response) == "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    CHECK(written(response, {.keep_alive = false}) ==
          "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    CHECK(written(response, {.http_1_0 = true}) ==
          "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: keep-alive\r\n\r\n");
  }

  TEST_CASE("HEAD and bodiless statuses send no body") {
    Response response;
    response.body() = "abc";
    CHECK(written(response, {.head_only = true}) == "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n");
    response.set_status(204);
    CHECK(written(response) == "HTTP/1.1 204 No Content\r\n\r\n");
  }

  TEST_CASE("a value cannot forge another header") {
    Response response;
    response.add_header("X-Name", std::string_view("a\r\nSet-Cookie: b\0c\x7f\xc3\xa9", 21));
    CHECK(written(response).find("\r\nX-Name: a  Set-Cookie: b c \xc3\xa9\r\n") != std::string::npos);
  }

  TEST_CASE("a message is JSON whatever it quotes") {
    Response response;
    response.set_message(400, "found \"x\"\n");
    CHECK(response.status() == 400);
    CHECK(response.body() == R"({"message":"found \"x\"\n"})");
  }

  TEST_CASE("clear leaves nothing of the last answer") {
    Response response;
    response.set_message(500, "x").close_after();
    response.clear();
    CHECK(!response.closes());
    CHECK(written(response) == "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
  }
}
