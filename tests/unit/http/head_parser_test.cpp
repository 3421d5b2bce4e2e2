#include "http/head_parser.hpp"

#include <doctest/doctest.h>

#include <array>
#include <string>
#include <string_view>

#include "base/random.hpp"

using namespace starling::http;

TEST_SUITE("http.head_parser") {
  TEST_CASE("headers are found in any case, without the white space around them") {
    std::array<Header, 8> headers;
    RequestView request;
    const std::string head =
        "GET /p?q HTTP/1.1\r\nHost: x\r\nX-Empty:\r\nX-Padded: \t a b \t\r\nX-Twice: 1\r\nx-twice: 2\r\n\r\n";
    REQUIRE(!parse_head(head, headers, request).has_value());
    CHECK(request.method == "GET");
    CHECK(request.path == "/p");
    CHECK(request.query == "q");
    CHECK(request.headers.size() == 5);
    CHECK(request.find("HOST")->value == "x");
    CHECK(request.find("x-empty")->value.empty());
    CHECK(request.find("x-padded")->value == "a b");
    CHECK(request.find("X-TWICE")->value == "1");
    CHECK(request.find("x-other") == nullptr);
    CHECK(request.keep_alive);
    CHECK(!request.body_owed);
  }

  TEST_CASE("keeping alive follows version and Connection") {
    struct Case {
      std::string_view version, header;
      bool keep_alive;
    };
    for (const Case& c : std::array{Case{"1.1", "", true}, Case{"1.1", "Connection: close\r\n", false},
                                    Case{"1.1", "Connection: x, CLOSE\r\n", false}, Case{"1.0", "", false},
                                    Case{"1.0", "Connection: Keep-Alive\r\n", true},
                                    Case{"1.0", "Connection: keep-alive, close\r\n", false},
                                    Case{"1.1", "Connection: closed\r\n", true}}) {
      CAPTURE(c.header);
      std::array<Header, 8> headers;
      RequestView request;
      const std::string head =
          "GET / HTTP/" + std::string(c.version) + "\r\nHost: x\r\n" + std::string(c.header) + "\r\n";
      REQUIRE(!parse_head(head, headers, request).has_value());
      CHECK(request.keep_alive == c.keep_alive);
    }
  }

  TEST_CASE("a body is owed by its framing, and doubtful framing is refused") {
    struct Case {
      std::string_view framing;
      bool accepted, owed;
    };
    for (const Case& c : std::array{
             Case{"Content-Length: 0\r\n", true, false}, Case{"Content-Length: 1\r\n", true, true},
             Case{"Content-Length: 18446744073709551615\r\n", true, true},
             Case{"Content-Length: 18446744073709551616\r\n", false, false},
             Case{"Transfer-Encoding: chunked\r\n", true, true},
             Case{"Transfer-Encoding: gzip, chunked\r\n", true, true},
             Case{"Transfer-Encoding: chunked, gzip\r\n", false, false},
             Case{"Transfer-Encoding: xchunked\r\n", false, false},
             Case{"Transfer-Encoding:\r\n", false, false}, Case{"Content-Length: -1\r\n", false, false},
             Case{"Content-Length: 1, 1\r\n", false, false},
             Case{"Content-Length: 1\r\nContent-Length: 1\r\n", false, false},
             Case{"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n", false, false},
             Case{"Content-Length: 0\r\nTransfer-Encoding: chunked\r\n", false, false},
             Case{"Content-Length : 1\r\n", false, false},
             Case{"Transfer-Encoding : chunked\r\n", false, false}, Case{": x\r\n", false, false},
             Case{"no colon\r\n", false, false}}) {
      CAPTURE(c.framing);
      std::array<Header, 8> headers;
      RequestView request;
      const auto error =
          parse_head("POST / HTTP/1.1\r\nHost: x\r\n" + std::string(c.framing) + "\r\n", headers, request);
      CHECK(error.has_value() == !c.accepted);
      if (!error) CHECK(request.body_owed == c.owed);
    }
  }

  TEST_CASE("HTTP/1.1 needs one Host, HTTP/1.0 at most one") {
    std::array<Header, 8> headers;
    RequestView request;
    CHECK(parse_head("GET / HTTP/1.1\r\n\r\n", headers, request).has_value());
    CHECK(parse_head("GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", headers, request).has_value());
    CHECK(parse_head("GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n", headers, request).has_value());
    CHECK(!parse_head("GET / HTTP/1.0\r\n\r\n", headers, request).has_value());
    CHECK(!parse_head("GET / HTTP/1.1\r\nHost:\r\n\r\n", headers, request).has_value());
  }

  TEST_CASE("more headers than there is room for are an error of their own") {
    std::array<Header, 2> headers;
    RequestView request;
    CHECK(!parse_head("GET / HTTP/1.1\r\nHost: a\r\nA: b\r\n\r\n", headers, request).has_value());
    const auto error = parse_head("GET / HTTP/1.1\r\nHost: a\r\nA: b\r\nC: d\r\n\r\n", headers, request);
    REQUIRE(error.has_value());
    CHECK(error->reason == ErrorReason::headers_too_many);
  }

  TEST_CASE("no bytes at all stop it, whether they are a head or not") {
    starling::Random random(7);
    const std::string seed =
        "POST http://h/p?a=b HTTP/1.1\r\nHost: h\r\nConnection: upgrade, close\r\nUpgrade: h2c\r\n"
        "Content-Length: 12\r\nTransfer-Encoding: chunked\r\nX:\r\n\r\n";
    std::array<Header, 8> headers;
    RequestView request;
    std::size_t accepted_count = 0;
    for (int round = 0; round < 50'000; ++round) {
      std::string head = seed;
      for (std::uint64_t edits = 1 + random.below(6); edits > 0 && !head.empty(); --edits) {
        const std::size_t at = random.below(head.size());
        if (random.chance(0.3))
          head.erase(at, 1 + random.below(24));
        else
          head[at] = random.chance(0.5) ? static_cast<char>(random.next()) : "\r\n :\t,"[random.below(6)];
      }
      if (random.chance(0.2)) head.resize(random.below(head.size() + 1));
      if (parse_head(head, headers, request).has_value()) continue;
      ++accepted_count;
      for (const Header& header : request.headers) {
        CHECK(header.name.data() >= head.data());
        CHECK(header.name.data() + header.name.size() <= head.data() + head.size());
      }
    }
    CHECK(accepted_count > 0);  // else the mutations never reach what lies behind the checks
  }
}
