// A rolling upgrade: nodes of 0.1.0 and of today in one neighborhood.
#include <doctest/doctest.h>

#include "../wire/other_versions.hpp"
#include "net.hpp"

namespace starling {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

/// From now on the sides in `old` write, and are written to, as if they were of 0.1.0: all that is younger is
/// gone from what they send, and what they get they see through the old schema.
void make_old(Net& net, std::vector<std::size_t> old) {
  net.alter = [old = std::move(old)](Net::Datagram& datagram, std::size_t to) {
    const auto is_old = [&](std::size_t side) {
      return std::find(old.begin(), old.end(), side) != old.end();
    };
    if (!is_old(datagram.from) && !is_old(to)) return;
    auto as_old = wire::as_0_1_0(datagram.bytes);
    datagram.bytes = as_old ? std::move(*as_old) : std::vector<std::byte>{};  // unknown_kind
  };
}

std::uint32_t nodes_seen(Net::Side& side) {
  return side.engine->counts().nodes_count;
}

}  // namespace

TEST_SUITE("engine.mixed_versions") {
  TEST_CASE("one node of 0.1.0, or all but one: they meet, count together and notice a death") {
    for (const std::vector<std::size_t>& old :
         {std::vector<std::size_t>{0}, std::vector<std::size_t>{1, 2, 3}}) {
      Net net(one_limit(1000, 3600));
      for (int i = 0; i < 4; ++i) net.add();
      make_old(net, old);
      net.settle();
      for (Net::Side& side : net.sides) {
        CHECK(nodes_seen(side) == 4);
        CHECK(side.engine->state() == EngineState::ready);
        for (int i = 0; i < 5; ++i) net.ask(side, "alice");
      }
      net.pass(seconds(2));
      for (Net::Side& side : net.sides) CHECK(net.total(side, "alice") == 20);
      net.sides[3].engine.reset();
      net.pass(milliseconds(3200));
      for (std::size_t i = 0; i < 3; ++i) CHECK(nodes_seen(net.sides[i]) == 3);
      net.pass(seconds(5));
      for (std::size_t i = 0; i < 3; ++i) CHECK(nodes_seen(net.sides[i]) == 3);
    }
  }

  TEST_CASE("a node of 0.1.0 leaves and is replaced by today's, which gets its counts") {
    Net net(one_limit(1000, 3600));
    for (int i = 0; i < 3; ++i) net.add();
    make_old(net, {0, 1, 2});
    net.settle();
    for (int i = 0; i < 5; ++i) net.ask(net.sides[0], "alice");
    net.sides[0].engine->begin_leave(net.now, net.sides[0]);
    net.sides[0].engine->finish_leave(net.now + seconds(5));
    net.pass(seconds(1));
    CHECK(net.sides[0].engine->state() == EngineState::left);
    net.sides[0].engine = std::make_unique<Engine>(net.options_for(OriginId{77}), net.rules, net.now);
    make_old(net, {1, 2});
    net.settle();
    net.pass(seconds(1));
    CHECK(net.sides[0].engine->state() == EngineState::ready);
    for (Net::Side& side : net.sides) {
      CHECK(nodes_seen(side) == 3);
      CHECK(net.total(side, "alice") == 5);
    }
  }

  TEST_CASE(
      "a broken link between two of today is bridged by today's third, and 0.1.0 is not asked in vain") {
    Net net(one_limit(1000, 3600));
    for (int i = 0; i < 4; ++i) net.add();
    make_old(net, {3});
    net.settle();
    int asked_old = 0;
    net.copies = [&](const Net::Datagram& datagram, std::size_t to) {
      const bool question = datagram.bytes[5] == std::byte{4};
      asked_old += question && to == 3 ? 1 : 0;
      return datagram.from + to == 1 ? 0 : 1;  // between 0 and 1
    };
    net.pass(seconds(10));
    for (Net::Side& side : net.sides) CHECK(nodes_seen(side) == 4);
    CHECK(asked_old == 0);
  }
}

}  // namespace starling
