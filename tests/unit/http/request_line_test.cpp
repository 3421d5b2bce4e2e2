#include "http/request_line.hpp"

#include <doctest/doctest.h>

#include <array>
#include <string>
#include <string_view>

using namespace starling::http;

TEST_SUITE("http.request_line") {
  TEST_CASE("method, path, query and version are told apart") {
    const auto line = parse_request_line("GET /v1/check/a?b=c?d HTTP/1.1");
    REQUIRE(line.has_value());
    CHECK(line->method == "GET");
    CHECK(line->path == "/v1/check/a");
    CHECK(line->query == "b=c?d");
    CHECK(!line->http_1_0);
    CHECK(parse_request_line("GET / HTTP/1.0")->http_1_0);
    CHECK(parse_request_line("GET /? HTTP/1.0")->query.empty());
  }

  TEST_CASE("the absolute form names the same path and query") {
    struct Case {
      std::string_view target, path, query;
    };
    for (const Case& form : std::array{Case{"http://h:80/p?q", "/p", "q"}, Case{"HTTPS://h", "/", ""},
                                       Case{"http://h?q", "/", "q"}, Case{"*", "*", ""}}) {
      CAPTURE(form.target);
      const std::string text = "OPTIONS " + std::string(form.target) + " HTTP/1.1";
      const auto line = parse_request_line(text);
      REQUIRE(line.has_value());
      CHECK(line->path == form.path);
      CHECK(line->query == form.query);
    }
  }

  TEST_CASE("a line that is not exactly a request line is malformed") {
    for (const std::string_view bad :
         {"", " ", "GET", "GET /", "GET / ", " GET / HTTP/1.1", "GET  / HTTP/1.1", "GET /  HTTP/1.1",
          "GET / HTTP/1.1 ", "GET /a b HTTP/1.1", "GET /a\tb HTTP/1.1", "GET /#f HTTP/1.1", "G(T / HTTP/1.1",
          "GET / HTTP/1", "GET / HTTP/1.10", "GET / HTTP/x.1", "GET / http/1.1", "GET / RTSP/1.0",
          "GET / ICE/1.0"}) {
      CAPTURE(bad);
      const auto line = parse_request_line(bad);
      REQUIRE(!line.has_value());
      CHECK(line.error().reason == ErrorReason::malformed_request);
    }
  }

  TEST_CASE("other versions of HTTP are a reason of their own") {
    for (const std::string_view other :
         {"PRI * HTTP/2.0", "GET / HTTP/0.9", "GET / HTTP/1.2", "GET / HTTP/3.0"}) {
      CAPTURE(other);
      const auto line = parse_request_line(other);
      REQUIRE(!line.has_value());
      CHECK(line.error().reason == ErrorReason::version_unsupported);
    }
  }
}
