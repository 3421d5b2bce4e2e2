#include "http/write_access.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

namespace starling::http {
namespace {

const Endpoint here{.address = Address::v4(127, 0, 0, 1), .port = 50'000};
const Endpoint elsewhere{.address = Address::v4(10, 0, 0, 7), .port = 50'000};
const std::string token = "0123456789abcdef";

bool may(const WriteAccess& access, const Endpoint& from, const std::vector<Header>& headers) {
  const RequestView request{.method = "PUT", .path = "/v1/overrides", .headers = headers, .from = from};
  const auto refusal = access.refusal(request);
  if (refusal) CHECK(refusal->find("expected") != std::string_view::npos);
  return !refusal;
}

}  // namespace

TEST_SUITE("http.write_access") {
  TEST_CASE("without a token: clients on this machine only") {
    const WriteAccess access;
    CHECK(may(access, here, {{"Host", "127.0.0.1:9090"}}));
    CHECK(may(access, {.address = *Address::parse("::1")}, {{"Host", "[::1]:9090"}}));
    CHECK(may(access, {.address = Address::v4(127, 9, 8, 7)}, {{"Host", "localhost:9090"}}));
    CHECK(may(access, here, {{"Host", "[::1]"}}));
    CHECK(may(access, here, {}));
    CHECK_FALSE(may(access, elsewhere, {{"Host", "127.0.0.1:9090"}}));
    CHECK_FALSE(may(access, Endpoint{}, {{"Host", "127.0.0.1:9090"}}));  // the system did not tell
    CHECK_FALSE(may(access, elsewhere, {{"Host", "10.0.0.1"}, {"Authorization", "Bearer "}}));
    CHECK_FALSE(may(access, elsewhere, {{"Host", "10.0.0.1"}, {"Authorization", "Bearer x"}}));
  }

  TEST_CASE("with the token: from anywhere, by any name and through a proxy") {
    const WriteAccess access(token);
    const std::string shown = "Bearer " + token;
    CHECK(may(access, elsewhere, {{"Host", "node.example:9090"}, {"Authorization", shown}}));
    CHECK(may(access, elsewhere, {{"Host", "node.example"}, {"authorization", "bearer " + token}}));
    CHECK(may(access, here, {{"Host", "node.example"}, {"Via", "1.1 p"}, {"Authorization", shown}}));
    CHECK(may(access, here, {{"Host", "127.0.0.1"}}));
    CHECK_FALSE(may(access, elsewhere, {{"Host", "127.0.0.1"}}));
  }

  TEST_CASE("a wrong token is refused, wherever it comes from") {
    const WriteAccess access(token);
    for (const std::string wrong :
         {"", "Bearer", "Bearer ", "Bearer 0123456789abcdeX", "Bearer 0123456789abcde",
          "Bearer 0123456789abcdef0", "Basic 0123456789abcdef", "0123456789abcdef"}) {
      CAPTURE(wrong);
      CHECK_FALSE(may(access, elsewhere, {{"Host", "10.0.0.1"}, {"Authorization", wrong}}));
      CHECK_FALSE(may(access, here, {{"Host", "127.0.0.1"}, {"Authorization", wrong}}));
    }
  }

  TEST_CASE("of two Authorization headers neither holds, whichever is right") {
    const WriteAccess access(token);
    const std::string right = "Bearer " + token;
    for (const Endpoint& from : {here, elsewhere}) {
      CHECK_FALSE(may(access, from,
                      {{"Host", "127.0.0.1"}, {"Authorization", right}, {"Authorization", "Bearer x"}}));
      CHECK_FALSE(
          may(access, from, {{"Host", "127.0.0.1"}, {"Authorization", "Basic x"}, {"authorization", right}}));
      CHECK_FALSE(
          may(access, from, {{"Host", "127.0.0.1"}, {"Authorization", right}, {"Authorization", right}}));
    }
  }

  TEST_CASE("an IPv4 address in IPv6 is on this machine if the IPv4 address is") {
    const WriteAccess access;
    CHECK(
        may(access, {.address = *Address::parse("::ffff:127.0.0.1")}, {{"Host", "[::ffff:127.0.0.1]:9090"}}));
    CHECK_FALSE(may(access, {.address = *Address::parse("::ffff:10.0.0.7")}, {{"Host", "127.0.0.1"}}));
    CHECK_FALSE(may(access, {.address = *Address::parse("::127.0.0.1")}, {{"Host", "127.0.0.1"}}));
    CHECK_FALSE(may(access, {.address = *Address::parse("fe80::1")}, {{"Host", "[::1]"}}));
    CHECK_FALSE(may(access, {.address = Address::v4(0, 0, 0, 0)}, {{"Host", "127.0.0.1"}}));
  }

  TEST_CASE("a web page's own name for loopback does not make its requests local") {
    const WriteAccess access;
    for (const std::string host :
         {"evil.example:9090", "evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "", "[",
          "[::1", "[]", "[::1].evil.example", "[::1]evil", "localhost:80:90", "localhost:evil", "::1"}) {
      CAPTURE(host);
      CHECK_FALSE(may(access, here, {{"Host", host}}));
    }
  }

  TEST_CASE("a client behind a proxy on this machine is elsewhere") {
    const WriteAccess access;
    for (const std::string name : {"Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Real-IP", "Via",
                                   "X-Forwarded-Proto", "x-forwarded-port", "X-Client-IP", "True-Client-IP"})
      CHECK_FALSE(may(access, here, {{"Host", "127.0.0.1"}, {name, "for=10.0.0.7"}}));
  }
}

}  // namespace starling::http
