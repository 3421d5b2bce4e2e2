#include "http/client_address.hpp"

#include <doctest/doctest.h>

#include <random>
#include <string>
#include <vector>

#include "frontend/attribute_map.hpp"

using namespace starling;
using namespace starling::http;

namespace {

std::string address_in(std::string_view text) {
  const auto address = parse_forwarded_address(text);
  return address ? address->to_string() : "none";
}

/// Who asks with these X-Forwarded-For lines over a connection from 192.0.2.9.
std::string client(const std::vector<std::string>& lines, std::uint8_t hops,
                   Address peer = Address::v4(192, 0, 2, 9)) {
  std::vector<Header> headers{{"Host", "x"}};
  for (const std::string& line : lines) headers.push_back({"X-Forwarded-For", line});
  ClientAddress address(hops);
  return std::string(address.of({.headers = headers, .from = {.address = peer, .port = 4711}}));
}

}  // namespace

TEST_SUITE("http.client_address") {
  TEST_CASE("addresses as proxies write them") {
    CHECK(address_in("10.0.0.1") == "10.0.0.1");
    CHECK(address_in("10.0.0.1:80") == "10.0.0.1");
    CHECK(address_in("10.0.0.1:65535") == "10.0.0.1");
    CHECK(address_in("fd00::1") == "fd00::1");
    CHECK(address_in("FD00:0:0:0:0:0:0:1") == "fd00::1");
    CHECK(address_in("[fd00::1]") == "fd00::1");
    CHECK(address_in("[fd00::1]:443") == "fd00::1");
    CHECK(address_in("::ffff:10.0.0.1") == "10.0.0.1");
    CHECK(address_in("[::FFFF:10.0.0.1]:1") == "10.0.0.1");
  }

  TEST_CASE("what is no address is none") {
    for (const char* junk : {"",
                             "unknown",
                             "_hidden",
                             "10.0.0",
                             "10.0.0.1.2",
                             "10.0.0.256",
                             "010.0.0.1",
                             "10.0.0.1:",
                             "10.0.0.1:x",
                             "10.0.0.1:123456",
                             "10.0.0.1 ",
                             "[10.0.0.1]",
                             "[fd00::1",
                             "fd00::1]",
                             "[fd00::1]x",
                             "[fd00::1]:",
                             "[fd00::1]:-1",
                             "[]",
                             "[",
                             "[]:80",
                             "fd00::1%eth0",
                             "[fe80::1%25eth0]:80",
                             ":",
                             ":80",
                             "::1::",
                             "example.com",
                             "example.com:80",
                             "\"[fd00::1]\"",
                             "1111:2222:3333:4444:5555:6666:7777:8888:9999"}) {
      CAPTURE(junk);
      CHECK(address_in(junk) == "none");
    }
    CHECK(address_in(std::string(100'000, '1')) == "none");
    CHECK(address_in(std::string_view("10.0.0.1\0", 9)) == "none");
  }

  TEST_CASE("without trusted hops the header says nothing") {
    CHECK(client({"10.0.0.1"}, 0) == "192.0.2.9");
    CHECK(client({}, 0) == "192.0.2.9");
  }

  TEST_CASE("N trusted hops: the Nth value from the right, whatever a client adds on the left") {
    CHECK(client({"10.0.0.1"}, 1) == "10.0.0.1");
    CHECK(client({"10.0.0.1, 10.0.0.2"}, 1) == "10.0.0.2");
    CHECK(client({"10.0.0.1, 10.0.0.2"}, 2) == "10.0.0.1");
    for (const std::string forged :
         {"6.6.6.6", "6.6.6.6, 7.7.7.7", "junk", ",,,", "6.6.6.6,", "\"10.0.0.3", "[::1", "::1"}) {
      CAPTURE(forged);
      CHECK(client({forged + ", 10.0.0.1, 10.0.0.2"}, 2) == "10.0.0.1");
      CHECK(client({forged, "10.0.0.1, 10.0.0.2"}, 2) == "10.0.0.1");
      CHECK(client({forged, forged, "10.0.0.1", "10.0.0.2"}, 2) == "10.0.0.1");
    }
  }

  TEST_CASE("lines are one list: spaces, empty elements and ports do not matter") {
    CHECK(client({"10.0.0.1 ,\t10.0.0.2:5000 "}, 1) == "10.0.0.2");
    CHECK(client({"10.0.0.1", "", "10.0.0.2,"}, 2) == "10.0.0.1");
    CHECK(client({"10.0.0.1,[FD00::2]:5000"}, 1) == "fd00::2");
    CHECK(client({"10.0.0.1,fd00:0::2"}, 1) == "fd00::2");
  }

  TEST_CASE("too few values, or no address where one should be: who is connected") {
    CHECK(client({}, 1) == "192.0.2.9");
    CHECK(client({"10.0.0.1"}, 2) == "192.0.2.9");
    CHECK(client({"10.0.0.1, unknown"}, 1) == "192.0.2.9");
    CHECK(client({"10.0.0.1, unknown"}, 2) == "10.0.0.1");
    CHECK(client({"10.0.0.1, 10.0.0.2"}, trusted_hops_max) == "192.0.2.9");
  }

  TEST_CASE("a caller has one form only") {
    CHECK(client({}, 0, *Address::parse("FD00:0::9")) == "fd00::9");
    CHECK(client({}, 0, *Address::parse("::ffff:192.0.2.9")) == "192.0.2.9");
    const std::string longest = "1111:2222:3333:4444:5555:6666:7777:8888";
    CHECK(client({longest}, 1) == longest);
    CHECK(client({}, 0, Address::v4(255, 255, 255, 255)) == "255.255.255.255");
  }

  TEST_CASE("on a Unix socket nobody is connected, but a proxy can tell") {
    CHECK(client({}, 0, Address{}) == "");
    CHECK(client({"junk"}, 1, Address{}) == "");
    CHECK(client({"10.0.0.1"}, 1, Address{}) == "10.0.0.1");
  }

  TEST_CASE("no bytes at all on the left change who it is") {
    std::mt19937 dice(7);
    for (int round = 0; round < 3000; ++round) {
      std::string forged;
      for (std::size_t i = dice() % 40; i > 0; --i) forged += "0123456789.:[],, \t\"abcx"[dice() % 22];
      CAPTURE(forged);
      CHECK(client({forged + ",10.0.0.1", "10.0.0.2"}, 2) == "10.0.0.1");
      static_cast<void>(client({forged}, 1));  // anything, but in one piece
    }
  }
}
