#include "node/neighborhood.hpp"

#include <doctest/doctest.h>

#include <string>

namespace starling {
namespace {

constexpr std::uint16_t default_port = 4291;

std::string fault(std::string_view text) {
  const auto parsed = parse_neighborhood(text, default_port);
  return parsed ? "none" : parsed.error();
}

std::string servers_fault(std::string_view text) {
  const auto parsed = parse_dns_servers(text);
  return parsed ? "none" : parsed.error();
}

Neighbor by_name(std::string name, std::uint16_t port) {
  return Neighbor{std::move(name), std::nullopt, port};
}
Neighbor by_address(std::string_view address, std::uint16_t port) {
  return Neighbor{{}, Address::parse(address), port};
}

void check_one_line(const std::string& message) {
  CAPTURE(message);
  CHECK(message.find('\n') == std::string::npos);
  CHECK(message.find("expected ") == 0);
  CHECK(message.find("found ") != std::string::npos);
  CHECK(message.find("; ") != std::string::npos);  // what to do
  CHECK(message.size() < 300);
}

TEST_SUITE("node.neighborhood") {
  TEST_CASE("blank text is an empty list: a cluster of one") {
    CHECK(parse_neighborhood("", default_port)->empty());
    CHECK(parse_neighborhood("  \t", default_port)->empty());
    CHECK(parse_dns_servers("")->empty());
  }

  TEST_CASE("names and addresses take the default port unless they bring their own") {
    const auto parsed = parse_neighborhood(
        "peers.default.svc.cluster.local. , "
        "node_1:5000,10.0.0.1,10.0.0.2:5001,fd00::1,[fd00::2],[fd00::3]:5002",
        default_port);
    REQUIRE(parsed);
    CHECK(*parsed == std::vector<Neighbor>{by_name("peers.default.svc.cluster.local.", 4291),
                                           by_name("node_1", 5000), by_address("10.0.0.1", 4291),
                                           by_address("10.0.0.2", 5001), by_address("fd00::1", 4291),
                                           by_address("fd00::2", 4291), by_address("fd00::3", 5002)});
  }

  TEST_CASE("an IPv6 address without brackets never ends in a port") {
    CHECK(*parse_neighborhood("fd00::1:4291", 1) == std::vector<Neighbor>{by_address("fd00::1:4291", 1)});
  }

  TEST_CASE("an IPv4-mapped address is the IPv4 address") {
    CHECK(*parse_neighborhood("[::ffff:10.0.0.1]:7", 1) == std::vector<Neighbor>{by_address("10.0.0.1", 7)});
  }

  TEST_CASE("an empty item is refused with its place") {
    CHECK(fault("a,,b") == "expected a name or an address as item 2, found nothing; remove the extra comma");
    CHECK(fault("a,b,") == "expected a name or an address as item 3, found nothing; remove the extra comma");
    CHECK(fault(",a").find("item 1") != std::string::npos);
    CHECK(fault(",").find("item 1") != std::string::npos);
  }

  TEST_CASE("a bad port is refused and shown") {
    CHECK(fault("a:0") ==
          "expected a port from 1 to 65535, found \"0\" in \"a:0\"; correct it or leave it out");
    for (const char* text : {"a:", "a:65536", "a:-1", "a:+1", "a:1x", "a: 1", "a:99999999999999999999",
                             "[::1]:", "http://peers"})
      CHECK(fault(text).find("expected a port from 1 to 65535") == 0);
  }

  TEST_CASE("the lengths of names and labels are bounded as in DNS") {
    const std::string label(63, 'a');
    const std::string name = label + '.' + label + '.' + label + '.' + std::string(61, 'b');
    REQUIRE(name.size() == 253);
    CHECK(fault(name) == "none");
    CHECK(fault(name + '.') == "none");
    CHECK(fault(name + 'b').find("expected a name of at most 253 characters, found 254") == 0);
    CHECK(fault(label + "a.b").find("expected at most 63 characters between dots, found 64") == 0);
    check_one_line(fault(std::string(100'000, 'a')));
  }

  TEST_CASE("characters that no host name has are refused and shown harmlessly") {
    for (const char* text : {"a b", "a/b", "a*", "pe\xc3\xa9rs", "a\x1b[31m", "a\nb", "user@host", "a.b]"}) {
      CHECK(fault(text).find("expected letters, digits") == 0);
      check_one_line(fault(text));
      CHECK(fault(text).find('\x1b') == std::string::npos);
    }
    CHECK(fault(std::string_view("a\0b", 3)).find("expected letters, digits") == 0);
  }

  TEST_CASE("empty labels are refused") {
    for (const char* text : {".", "..", ".a", "a..b", "a..", ":5000"})
      CHECK(fault(text).find("expected a character before each dot") == 0);
  }

  TEST_CASE("a mistyped address is not taken for a name") {
    for (const char* text : {"10.0.0.256", "10.0.0", "10.0.0.1.", "1.2.3.4.5", "12345", "a.1"})
      CHECK(fault(text).find("expected a name or an address") == 0);
    for (const char* text : {"fd00::g", "1:2:3", "[10.0.0.1]", "[name]", "[]", "fe80::1%eth0", "a:1:2"})
      CHECK(fault(text).find("expected an IPv6 address") == 0);
    CHECK(fault("[::1").find("expected \"]\"") == 0);
    CHECK(fault("[::1]5").find("expected \":port\" or nothing") == 0);
    for (const char* text : {"0.0.0.0", "::", "[::]:5", "::ffff:0.0.0.0"})
      CHECK(fault(text).find("expected the address of another machine") == 0);
  }

  TEST_CASE("every fault is one bounded line that says expected, found, and what to do") {
    for (const char* text : {"a,,b", "a:0", "a..b", "a b", "10.0.0.256", "[::1", "[::1]5", "fd00::g", "::"})
      check_one_line(fault(text));
    for (const char* text : {"dns.example.", "10.0.0.1,", "10.0.0.1:0", "x"})
      check_one_line(servers_fault(text));
  }

  TEST_CASE("the number of items is bounded") {
    std::string text = "a";
    for (std::size_t i = 1; i < neighbors_max; ++i) text += ",a";
    CHECK(parse_neighborhood(text, default_port)->size() == neighbors_max);
    CHECK(fault(text + ",a").find("expected at most 256 items") == 0);
  }

  TEST_CASE("DNS servers are addresses, on port 53 unless they say otherwise") {
    const auto parsed = parse_dns_servers("10.0.0.10, 10.0.0.11:5353,[fd00::10]:5354,fd00::11");
    REQUIRE(parsed);
    REQUIRE(parsed->size() == 4);
    CHECK((*parsed)[0].to_string() == "10.0.0.10:53");
    CHECK((*parsed)[1].to_string() == "10.0.0.11:5353");
    CHECK((*parsed)[2].to_string() == "[fd00::10]:5354");
    CHECK((*parsed)[3].to_string() == "[fd00::11]:53");
  }

  TEST_CASE("a DNS server given by name is refused") {
    CHECK(servers_fault("kube-dns.kube-system") ==
          "expected the IP address of a DNS server, found \"kube-dns.kube-system\"; a name would need a DNS "
          "server "
          "to resolve it");
    CHECK(servers_fault("10.0.0.256").find("expected the IP address of a DNS server") == 0);
    CHECK(servers_fault("10.0.0.1:99999").find("expected a port") == 0);
    CHECK(servers_fault("10.0.0.1,,10.0.0.2").find("item 2") != std::string::npos);
    CHECK(servers_fault("0.0.0.0").find("expected the address of another machine") == 0);
  }
}

}  // namespace
}  // namespace starling
