#include "node/udp_socket.hpp"

#include <doctest/doctest.h>

#include <string>

namespace starling {
namespace {

struct Inbox final : UdpSocket::Receiver {
  Loop& loop;
  std::size_t wanted = 1;
  std::vector<std::pair<Endpoint, std::string>> got;
  explicit Inbox(Loop& on) : loop(on) {}
  void on_datagram(UdpSocket&, const Endpoint& from, std::span<const std::byte> bytes) override {
    got.emplace_back(from, std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size()));
    if (got.size() >= wanted) loop.stop();
  }
};

std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

Endpoint loopback() {
  return Endpoint{Address::v4(127, 0, 0, 1), 0};
}

}  // namespace

TEST_SUITE("node.udp_socket") {
  TEST_CASE("a burst larger than one system call's worth arrives whole and in order") {
    Loop loop;
    Inbox inbox(loop);
    UdpSocket receiver(loop, inbox);
    UdpSocket sender(loop, inbox);
    REQUIRE(receiver.open(loopback()).has_value());
    REQUIRE(sender.open(loopback()).has_value());
    inbox.wanted = 100;
    for (int i = 0; i < 100; ++i)
      sender.send(receiver.local_endpoint(), bytes_of("datagram " + std::to_string(i)));
    loop.run();
    REQUIRE(inbox.got.size() == 100);
    for (int i = 0; i < 100; ++i) {
      CHECK(inbox.got[static_cast<std::size_t>(i)].second == "datagram " + std::to_string(i));
      CHECK(inbox.got[static_cast<std::size_t>(i)].first == sender.local_endpoint());
    }
  }

  TEST_CASE("what lies in the kernel is received at once, twenty at a time, without the loop") {
    Loop loop;
    Inbox inbox(loop);
    inbox.wanted = 1000;
    UdpSocket receiver(loop, inbox);
    UdpSocket sender(loop, inbox);
    receiver.receive_waiting();  // not open yet
    REQUIRE(receiver.open(loopback()).has_value());
    REQUIRE(sender.open(loopback()).has_value());
    receiver.receive_waiting();
    CHECK(inbox.got.empty());
    CHECK(receiver.counters().receive_failed == 0);
    for (int i = 0; i < 30; ++i)
      sender.send(receiver.local_endpoint(), bytes_of("datagram " + std::to_string(i)));
    receiver.receive_waiting();
    CHECK(inbox.got.size() == 20);
    receiver.receive_waiting();
    REQUIRE(inbox.got.size() == 30);
    for (int i = 0; i < 30; ++i) {
      CHECK(inbox.got[static_cast<std::size_t>(i)].second == "datagram " + std::to_string(i));
      CHECK(inbox.got[static_cast<std::size_t>(i)].first == sender.local_endpoint());
    }
  }

  TEST_CASE("the receive buffer is asked for and read back") {
    Loop loop;
    Inbox inbox(loop);
    UdpSocket socket(loop, inbox);
    REQUIRE(socket.open(loopback()).has_value());
    CHECK(socket.receive_buffer_bytes() > 0);
    CHECK(socket.local_endpoint().port != 0);
  }

  TEST_CASE("an empty datagram is a datagram") {
    Loop loop;
    Inbox inbox(loop);
    UdpSocket receiver(loop, inbox);
    UdpSocket sender(loop, inbox);
    REQUIRE(receiver.open(loopback()).has_value());
    REQUIRE(sender.open(loopback()).has_value());
    sender.send(receiver.local_endpoint(), {});
    loop.run();
    CHECK(inbox.got.at(0).second.empty());
  }

  TEST_CASE("an address in use is an error with its reason, and the socket can be opened elsewhere") {
    Loop loop;
    Inbox inbox(loop);
    UdpSocket first(loop, inbox);
    UdpSocket second(loop, inbox);
    REQUIRE(first.open(loopback()).has_value());
    const auto taken = second.open(first.local_endpoint());
    REQUIRE_FALSE(taken.has_value());
    CHECK(taken.error() == UV_EADDRINUSE);
    CHECK(second.open(loopback()).has_value());
  }

  TEST_CASE("a dual-stack socket and an IPv4 one reach each other, addresses look like IPv4 on both") {
    Loop loop;
    Inbox inbox(loop);
    UdpSocket both(loop, inbox);
    UdpSocket v4(loop, inbox);
    if (!both.open(Endpoint{Address{}, 0})) {
      MESSAGE("skipped: this machine has no IPv6");
      return;
    }
    REQUIRE(v4.open(loopback()).has_value());
    both.send(v4.local_endpoint(), bytes_of("from both"));
    loop.run();
    const Endpoint reply_to = inbox.got.at(0).first;
    CHECK(reply_to.address == Address::v4(127, 0, 0, 1));
    inbox.wanted = 2;
    v4.send(reply_to, bytes_of("from v4"));
    loop.run();
    CHECK(inbox.got.at(1).first == v4.local_endpoint());
  }

  TEST_CASE("what the kernel refuses is counted and harms nothing") {
    Loop loop;
    Inbox inbox(loop);
    UdpSocket socket(loop, inbox);
    REQUIRE(socket.open(loopback()).has_value());
    const std::string too_long(70'000, 'x');
    socket.send(socket.local_endpoint(), bytes_of(too_long));
    CHECK(socket.counters().send_failed == 1);
    socket.send(socket.local_endpoint(), bytes_of("fine"));
    loop.run();
    CHECK(inbox.got.at(0).second == "fine");
  }
}

}  // namespace starling
