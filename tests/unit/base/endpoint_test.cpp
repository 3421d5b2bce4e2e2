#include "base/endpoint.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <vector>

namespace starling {
namespace {

TEST_SUITE("base.endpoint") {
  TEST_CASE("what parse reads, to_string writes") {
    for (const char* text : {"0.0.0.0", "10.0.0.1", "127.255.255.255", "255.255.255.255", "::", "::1",
                             "fd00::1", "2001:db8:1:2:3:4:5:6", "fe80::1"}) {
      CAPTURE(text);
      const auto address = Address::parse(text);
      REQUIRE(address);
      CHECK(address->to_string() == text);
    }
    CHECK(Address::parse("FD00:0:0::0001")->to_string() == "fd00::1");
  }

  TEST_CASE("an IPv4 address and its IPv6-mapped spelling are one value") {
    CHECK(*Address::parse("::ffff:10.0.0.1") == Address::v4(10, 0, 0, 1));
    CHECK(*Address::parse("::ffff:a00:1") == *Address::parse("10.0.0.1"));
    CHECK(Address::parse("::ffff:10.0.0.1")->is_v4());
    CHECK_FALSE(Address::parse("::10.0.0.1")->is_v4());
  }

  TEST_CASE("anything but a plain address is not read") {
    for (const char* text : {"", " ", "10.0.0", "10.0.0.256", "10.0.0.1 ", " 10.0.0.1", "10.0.0.1:80",
                             "010.0.0.1", "10.0.0.1/8", "[::1]", "::1%lo", "fd00::1::2", "fd00:::1",
                             "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "g::", "localhost", "0x7f000001"}) {
      CAPTURE(text);
      CHECK_FALSE(Address::parse(text).has_value());
    }
    CHECK_FALSE(Address::parse(std::string(100'000, '1')).has_value());
  }

  TEST_CASE("an address that is followed by a NUL and more is not read") {
    CHECK_FALSE(Address::parse(std::string_view("127.0.0.1\0.example.com", 22)).has_value());
    CHECK_FALSE(Address::parse(std::string_view("::1\0", 4)).has_value());
  }

  TEST_CASE("loopback and unspecified are told in both families") {
    for (const char* text : {"127.0.0.1", "127.9.9.9", "::1"}) CHECK(Address::parse(text)->is_loopback());
    for (const char* text : {"128.0.0.1", "0.0.0.0", "::", "::2", "1::1", "::ffff:1.0.0.1"})
      CHECK_FALSE(Address::parse(text)->is_loopback());
    for (const char* text : {"0.0.0.0", "::", "::ffff:0.0.0.0"})
      CHECK(Address::parse(text)->is_unspecified());
    for (const char* text : {"0.0.0.1", "::1", "1::", "127.0.0.1"})
      CHECK_FALSE(Address::parse(text)->is_unspecified());
    CHECK(Address{}.is_unspecified());
  }

  TEST_CASE("an endpoint shows its port, behind brackets for IPv6") {
    CHECK(Endpoint{Address::v4(10, 0, 0, 1), 4290}.to_string() == "10.0.0.1:4290");
    CHECK(Endpoint{*Address::parse("fd00::1"), 4290}.to_string() == "[fd00::1]:4290");
    CHECK(Endpoint{}.to_string() == "[::]:0");
  }

  TEST_CASE("endpoints differ by address, scope and port, and sort by address first") {
    Endpoint scoped{*Address::parse("fe80::1"), 1};
    const Endpoint unscoped = scoped;
    scoped.address.scope = 2;
    CHECK(scoped != unscoped);
    const Endpoint low{Address::v4(10, 0, 0, 1), 9};
    const Endpoint low_next{Address::v4(10, 0, 0, 1), 10};
    const Endpoint high{Address::v4(10, 0, 0, 2), 1};
    std::vector<Endpoint> endpoints{high, low_next, low};
    std::sort(endpoints.begin(), endpoints.end());
    CHECK(endpoints == std::vector<Endpoint>{low, low_next, high});
  }
}

}  // namespace
}  // namespace starling
