#include <doctest/doctest.h>

#include "membership/membership.hpp"
#include "support.hpp"

namespace starling {
namespace {

/// We are at 10.0.0.1, and know it.
struct Listed : Fixture {
  void list(std::initializer_list<int> last_bytes) {
    std::vector<Endpoint> listed;
    for (const int last : last_bytes) listed.push_back(at(static_cast<std::uint8_t>(last)));
    membership.on_resolved(listed, now, effects);
    hear(at(1), from(self));
  }
  void say_goodbye(OriginId origin, const Endpoint& endpoint) {
    const wire::Heartbeat ours = compose(endpoint);
    wire::Heartbeat goodbye = from(origin, &ours);
    goodbye.state = wire::NodeState::left;
    hear(endpoint, goodbye);
  }
};

}  // namespace

TEST_SUITE("membership.census") {
  TEST_CASE("without DNS the known are the living") {
    Listed f;
    CHECK(f.membership.known_count() == 1);
    CHECK_FALSE(f.membership.isolated());
    f.meet(other, at(2));
    CHECK(f.membership.known_count() == 2);
    f.pass(seconds(4));
    CHECK(f.membership.nodes_count() == 1);
    CHECK(f.membership.known_count() == 1);
    CHECK_FALSE(f.membership.isolated());
  }

  TEST_CASE("listed addresses count, our own and those of live peers not twice") {
    Listed f;
    f.list({1, 2, 3, 4});
    CHECK(f.membership.known_count() == 4);
    CHECK(f.membership.isolated());
    f.meet(other, at(2));
    CHECK(f.membership.known_count() == 4);
    CHECK_FALSE(f.membership.isolated());
    f.meet(OriginId{300}, at(9));  // lives, but is not listed
    CHECK(f.membership.known_count() == 5);
    CHECK(f.membership.nodes_count() == 3);
    f.list({1, 2});
    CHECK(f.membership.known_count() == 3);
    f.list({});
    CHECK(f.membership.known_count() == 3);
  }

  TEST_CASE("until our own heartbeat has come back our address is taken for another's") {
    Fixture f;
    const Endpoint listed[] = {at(1)};
    f.membership.on_resolved(listed, f.now, f.effects);
    CHECK(f.membership.known_count() == 2);
    f.hear(at(1), f.from(self));
    CHECK(f.membership.known_count() == 1);
    CHECK_FALSE(f.membership.isolated());
    // And it may become another's.
    f.hear(at(1), f.from(other));
    CHECK(f.membership.known_count() == 2);
  }

  TEST_CASE("a node with two listed addresses counts once as soon as it was heard at both, dead or alive") {
    Listed f;
    f.list({1, 2, 3});
    CHECK(f.membership.known_count() == 3);
    f.meet(other, at(2));
    CHECK(f.membership.known_count() == 3);
    f.meet(other, at(3));
    CHECK(f.membership.known_count() == 2);
    f.pass(seconds(4));
    REQUIRE(f.state_of(other) == PeerState::dead);
    CHECK(f.membership.known_count() == 2);
    CHECK(f.membership.isolated());
    // Our own second address.
    f.list({1, 2, 3, 5});
    CHECK(f.membership.known_count() == 3);
    f.hear(at(5), f.from(self));
    CHECK(f.membership.known_count() == 2);
  }

  TEST_CASE("the dead count while DNS lists them, those that said goodbye do not") {
    Listed f;
    f.list({1, 2, 3});
    f.meet(other, at(2));
    f.meet(OriginId{300}, at(3));
    f.pass(seconds(4));
    CHECK(f.membership.nodes_count() == 1);
    CHECK(f.membership.known_count() == 3);
    CHECK(f.membership.isolated());
    f.meet(other, at(2));
    f.say_goodbye(other, at(2));
    CHECK(f.membership.known_count() == 2);
    f.meet(OriginId{300}, at(3));
    f.say_goodbye(OriginId{300}, at(3));
    CHECK(f.membership.known_count() == 1);
    CHECK_FALSE(f.membership.isolated());  // alone, as it was meant
    f.meet(OriginId{301}, at(3));          // restarted at its address
    CHECK(f.membership.known_count() == 2);
  }

  TEST_CASE("a goodbye holds for all addresses of the node, however long DNS lists one of them") {
    Listed f;
    f.list({1, 2, 3});
    f.meet(other, at(2));
    f.meet(other, at(3));
    f.say_goodbye(other, at(2));
    CHECK(f.membership.known_count() == 1);
    f.list({1, 3});
    for (int minute = 0; minute < 3; ++minute) {
      f.now += seconds(60);
      f.tick();
    }
    CHECK(f.membership.known_count() == 1);
    f.list({1});
    f.tick();
    CHECK(f.membership.find(other) == nullptr);
    CHECK(f.membership.known_count() == 1);
  }

  TEST_CASE("the rank is our place among the living by origin, and changes with them") {
    Listed f;
    CHECK(f.membership.rank() == 0);
    f.meet(OriginId{300}, at(3));
    CHECK(f.membership.rank() == 0);
    f.meet(OriginId{50}, at(4));
    f.meet(OriginId{99}, at(5));
    f.meet(OriginId{101}, at(6));
    CHECK(f.membership.rank() == 2);
    f.say_goodbye(OriginId{50}, at(4));
    CHECK(f.membership.rank() == 1);
    f.meet(OriginId{60}, at(5));  // replaces 99
    CHECK(f.membership.rank() == 1);
    f.pass(seconds(4));
    CHECK(f.membership.rank() == 0);
    f.meet(OriginId{60}, at(5));
    CHECK(f.membership.rank() == 1);
  }

  TEST_CASE("a suspect counts and holds its rank") {
    Listed f;
    f.meet(OriginId{50}, at(4));
    f.pass(seconds(1));
    REQUIRE(f.state_of(OriginId{50}) == PeerState::suspect);
    CHECK(f.membership.rank() == 1);
    CHECK(f.membership.known_count() == 2);
  }
}

}  // namespace starling
