#include "http/url.hpp"

#include <doctest/doctest.h>

#include <array>
#include <string_view>

using namespace starling::http;

TEST_SUITE("http.url") {
  TEST_CASE("host, port and target are told apart") {
    struct Case {
      std::string_view text, host;
      std::uint16_t port;
      std::string_view target;
    };
    for (const Case& c : std::array{
             Case{"http://127.0.0.1:9090", "127.0.0.1", 9090, "/"},
             Case{"http://node-1.svc", "node-1.svc", 80, "/"}, Case{"HTTP://h:1/a/b?c=d", "h", 1, "/a/b?c=d"},
             Case{"http://[::1]:9090/x", "::1", 9090, "/x"},
             Case{"http://[fe80::1%eth0]", "fe80::1%eth0", 80, "/"}, Case{"http://h?a=b", "h", 80, "/?a=b"},
             Case{"http://h:65535/#f", "h", 65535, "/"}}) {
      CAPTURE(c.text);
      const auto url = parse_url(c.text);
      REQUIRE(url.has_value());
      CHECK(url->host == c.host);
      CHECK(url->port == c.port);
      CHECK(url->target == c.target);
    }
  }

  TEST_CASE("a message names the server as it can be typed") {
    CHECK(parse_url("http://h:9090/x")->server() == "http://h:9090");
    CHECK(parse_url("http://[::1]:9090")->server() == "http://[::1]:9090");
    CHECK(parse_url("http://h")->authority() == "h:80");
  }

  TEST_CASE("anything else is refused with what was expected and found") {
    for (const std::string_view bad : {"",
                                       "h:9090",
                                       "127.0.0.1:9090",
                                       "https://h",
                                       "http://",
                                       "http:///x",
                                       "http://:80",
                                       "http://h:",
                                       "http://h:0",
                                       "http://h:65536",
                                       "http://h:x",
                                       "http://h:1x",
                                       "http://u@h",
                                       "http://[::1",
                                       "http://[]",
                                       "http://[::1]x",
                                       "http://[::1]9",
                                       "http://h/a b",
                                       "http://h/\r\nX: y",
                                       "http://h\r\n",
                                       "http://h/\xff",
                                       "http://h h"}) {
      CAPTURE(bad);
      const auto url = parse_url(bad);
      REQUIRE(!url.has_value());
      CHECK(url.error().starts_with("expected http://host[:port][/path], found '"));
    }
  }
}
