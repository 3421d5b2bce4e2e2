#include "gossip/egress.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <limits>
#include <vector>

namespace starling {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr Instant start{seconds(100)};
constexpr std::uint64_t rate = 1'000'000;  // bytes per second: 50,000 in the bucket

/// As an Encoder would have made it, as far as the egress looks.
std::vector<std::byte> datagram(std::size_t bytes, wire::Kind kind = wire::Kind::delta) {
  std::vector<std::byte> made(bytes);
  made.at(5) = static_cast<std::byte>(kind);
  return made;
}

void send_bytes(Egress& egress, std::size_t bytes) {
  egress.on_sent(Purpose::urgent, datagram(bytes - Egress::datagram_overhead_bytes));
}

}  // namespace

TEST_SUITE("gossip.egress") {
  TEST_CASE("the fuller the wire, the fewer may send: lazy stops first, then repair, then acks") {
    Egress egress(rate);
    for (const Purpose purpose :
         {Purpose::urgent, Purpose::ack, Purpose::repair, Purpose::catch_up, Purpose::lazy})
      CHECK(egress.may_send(purpose, start));
    send_bytes(egress, 25'000);
    CHECK_FALSE(egress.may_send(Purpose::lazy, start));
    CHECK(egress.may_send(Purpose::repair, start));
    send_bytes(egress, 12'500);
    CHECK_FALSE(egress.may_send(Purpose::repair, start));
    CHECK_FALSE(egress.may_send(Purpose::catch_up, start));
    CHECK_FALSE(egress.may_send(Purpose::retransmit, start));
    CHECK(egress.may_send(Purpose::ack, start));
    send_bytes(egress, 6'250);
    CHECK_FALSE(egress.may_send(Purpose::ack, start));
    CHECK(egress.may_send(Purpose::urgent, start));
    send_bytes(egress, 6'250);
    CHECK_FALSE(egress.may_send(Purpose::urgent, start));
  }

  TEST_CASE("whoever waits until `next` may send then, and not long before") {
    for (const Purpose purpose : {Purpose::urgent, Purpose::ack, Purpose::repair, Purpose::lazy}) {
      Egress egress(rate);
      CHECK(egress.may_send(purpose, start));
      send_bytes(egress, 60'000);  // overdrawn
      REQUIRE_FALSE(egress.may_send(purpose, start));
      const Instant next = egress.next(purpose);
      CHECK_FALSE(egress.may_send(purpose, next - milliseconds(1)));
      CHECK(egress.may_send(purpose, next));
    }
  }

  TEST_CASE("over a long time exactly the rate is let through, however often it is asked") {
    Egress egress(rate);
    std::uint64_t sent = 0;
    for (Instant now = start; now < start + seconds(10); now += std::chrono::microseconds(7))
      if (egress.may_send(Purpose::urgent, now)) {
        send_bytes(egress, 1000);
        sent += 1000;
      }
    CHECK(sent >= 10 * rate);
    CHECK(sent <= 10 * rate + 50'000 + 1000);
  }

  TEST_CASE("what is sent and what had to wait is counted by purpose, and by kind") {
    Egress egress(rate);
    CHECK(egress.may_send(Purpose::lazy, start));
    egress.on_sent(Purpose::ack, datagram(100));
    egress.on_sent(Purpose::heartbeat, datagram(200, wire::Kind::heartbeat));
    egress.on_sent(Purpose::repair, datagram(50, wire::Kind::names));
    send_bytes(egress, 60'000);
    CHECK_FALSE(egress.may_send(Purpose::lazy, start));
    CHECK_FALSE(egress.may_send(Purpose::lazy, start));
    const auto of = [&](Purpose purpose) { return egress.traffic()[static_cast<std::size_t>(purpose)]; };
    CHECK(of(Purpose::ack).packets == 1);
    CHECK(of(Purpose::ack).bytes == 100);
    CHECK(of(Purpose::lazy).deferred == 2);
    CHECK(of(Purpose::lazy).packets == 0);
    const auto of_kind = [&](wire::Kind kind) { return egress.traffic_by_kind()[wire::index_of(kind)]; };
    CHECK(of_kind(wire::Kind::delta).packets == 2);
    CHECK(of_kind(wire::Kind::delta).bytes == 100 + 60'000 - Egress::datagram_overhead_bytes);
    CHECK(of_kind(wire::Kind::heartbeat).bytes == 200);
    CHECK(of_kind(wire::Kind::names).packets == 1);
    CHECK(of_kind(wire::Kind::pull).packets == 0);
  }

  TEST_CASE("the smallest and the largest rate work") {
    Egress slow(1);
    CHECK(slow.may_send(Purpose::lazy, start));
    slow.on_sent(Purpose::lazy, datagram(1232));
    CHECK_FALSE(slow.may_send(Purpose::lazy, start + seconds(1)));
    CHECK(slow.may_send(Purpose::lazy, slow.next(Purpose::lazy)));
    Egress fast(std::numeric_limits<std::uint64_t>::max());
    const auto full = datagram(1232);
    for (int i = 0; i < 100'000; ++i) fast.on_sent(Purpose::urgent, full);
    CHECK(fast.may_send(Purpose::lazy, start));
    CHECK(fast.may_send(Purpose::lazy, start + std::chrono::hours(1000)));
  }
}

}  // namespace starling
