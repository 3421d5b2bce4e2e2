#include "node/unix_address.hpp"

#include <doctest/doctest.h>

#include <string>

namespace starling {

TEST_SUITE("node.unix_address") {
  TEST_CASE("a path, with the mode that lets every user connect or the one that is given") {
    const auto plain = UnixAddress::parse("unix:/run/starling/http.sock");
    REQUIRE(plain);
    CHECK(plain->path == "/run/starling/http.sock");
    CHECK(plain->mode == 0666);
    CHECK(plain->to_string() == "unix:/run/starling/http.sock");
    const auto narrow = UnixAddress::parse("unix:///run/x?mode=0660");
    REQUIRE(narrow);
    CHECK(narrow->path == "/run/x");
    CHECK(narrow->mode == 0660);
  }

  TEST_CASE("anything else is refused, with what was found") {
    for (const std::string text :
         {"", "/run/x", "unix:", "unix:x", "unix:./x", "unix:@abstract", "unix:/", "unix:/run/", "tcp:1",
          "UNIX:/x", "unix:/x?", "unix:/x?mode=", "unix:/x?mode=9", "unix:/x?mode=1777", "unix:/x?mode=0440",
          "unix:/x?mode=-1", "unix:/x?mode=0660x", "unix:/x?user=a"}) {
      CAPTURE(text);
      const auto refused = UnixAddress::parse(text);
      REQUIRE(!refused);
      CHECK(refused.error().starts_with("expected "));
      CHECK(refused.error().find("found \"" + text + "\"") != std::string::npos);
    }
  }

  TEST_CASE("as long as the system allows, and not a byte longer") {
    const std::string longest = "/" + std::string(unix_path_bytes_max - 1, 'x');
    CHECK(unix_path_bytes_max == 107);
    CHECK(UnixAddress::parse("unix:" + longest)->path == longest);
    const auto longer = UnixAddress::parse("unix:" + longest + "x");
    REQUIRE(!longer);
    CHECK(longer.error().find("at most 107 bytes") != std::string::npos);
    CHECK(longer.error().find("found 108 bytes") != std::string::npos);
  }

  TEST_CASE("a list has up to eight sockets, each path once") {
    CHECK(parse_unix_addresses("")->empty());
    const auto two = parse_unix_addresses(" unix:/a , unix:/b?mode=0600");
    REQUIRE(two);
    REQUIRE(two->size() == 2);
    CHECK((*two)[1] == UnixAddress{"/b", 0600});
    for (const std::string text : {",", "unix:/a,", ",unix:/a", "unix:/a,,unix:/b", "unix:/a,unix:///a"}) {
      CAPTURE(text);
      CHECK(!parse_unix_addresses(text));
    }
    std::string many = "unix:/0";
    for (int i = 1; i < 8; ++i) many += ",unix:/" + std::to_string(i);
    CHECK(parse_unix_addresses(many)->size() == 8);
    CHECK(parse_unix_addresses(many + ",unix:/8").error() == "expected at most 8 sockets, found more");
  }
}

}  // namespace starling
