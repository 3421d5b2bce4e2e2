#include <doctest/doctest.h>

#include "net.hpp"

namespace starling {
namespace {

using std::chrono::milliseconds;

/// Two nodes that know each other; `mode` and a beat every 100 ms.
void meet(Net& net, SyncMode mode) {
  for (const std::uint64_t origin : {1, 2}) {
    EngineOptions options = net.options_for(OriginId{origin});
    options.sync_mode = mode;
    options.sync_interval = milliseconds(100);
    net.add(options);
  }
  net.settle();
  REQUIRE(net.sides[0].engine->state() == EngineState::ready);
}

}  // namespace

TEST_SUITE("engine.sync_mode") {
  TEST_CASE("adaptive: the last hit below the limit is told at once") {
    Net net(one_limit(10, 3600));
    meet(net, SyncMode::adaptive);
    for (int i = 0; i < 10; ++i) CHECK(net.ask(net.sides[0], "alice"));
    net.pass(milliseconds(1));
    CHECK(net.total(net.sides[1], "alice") == 10);
    CHECK(net.sides[0].engine->counts().sent[static_cast<std::size_t>(Purpose::urgent)].packets > 0);
  }

  TEST_CASE("fixed: nothing is urgent, however near the limit, and everything goes with the beat") {
    Net net(one_limit(10, 3600));
    meet(net, SyncMode::fixed);
    for (int round = 0; round < 5; ++round) {
      net.ask(net.sides[0], "alice", 2);
      net.ask(net.sides[1], "alice", 2);
      net.pass(milliseconds(130));
    }
    CHECK(net.total(net.sides[0], "alice") == net.total(net.sides[1], "alice"));
    for (const Net::Side& side : net.sides) {
      const auto sent = side.engine->counts().sent;
      CHECK(sent[static_cast<std::size_t>(Purpose::lazy)].packets > 0);
      CHECK(sent[static_cast<std::size_t>(Purpose::urgent)].packets == 0);
    }
  }

  TEST_CASE("fixed: what a node counts while it leaves still goes at once") {
    Net net(one_limit(10, 3600));
    meet(net, SyncMode::fixed);
    net.sides[0].engine->begin_leave(net.now, net.sides[0]);
    net.ask(net.sides[0], "alice");
    net.pass(milliseconds(1));
    CHECK(net.total(net.sides[1], "alice") == 1);
  }
}

}  // namespace starling
