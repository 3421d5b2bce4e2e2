#include "limiter/guard.hpp"

#include <doctest/doctest.h>

namespace starling {
namespace {

using std::chrono::milliseconds;

constexpr ComponentIndex component{3};

/// Ten nodes, a peer delay of 2 ms, at time 0.
Surroundings ten_nodes(std::uint32_t rank = 0) {
  return Surroundings{.now = Instant{milliseconds(1000)},
                      .wall = WallTime{milliseconds(1'000'000)},
                      .nodes_count = 10,
                      .known_count = 10,
                      .rank = rank,
                      .peer_delay = milliseconds(2)};
}

Surroundings later(Surroundings around, int ms) {
  around.now += milliseconds(ms);
  around.wall += milliseconds(ms);
  return around;
}

/// How many of the ten nodes have their turn in the slot `slot`, for a request of cost 1.
int turns(Hits remaining, int slot) {
  int count = 0;
  for (std::uint32_t rank = 0; rank < 10; ++rank)
    count += Guard::admits({remaining, 0, 1}, later(ten_nodes(rank), 2 * slot)) ? 1 : 0;
  return count;
}

}  // namespace

TEST_SUITE("limiter.guard") {
  TEST_CASE("hits are unseen until they have been published for the peer delay") {
    Guard guard(10);
    const Surroundings start = ten_nodes();
    guard.follow(component);
    CHECK(guard.unseen(component, 5, start) == 5);
    guard.on_published(component, 5, start.now);
    CHECK(guard.unseen(component, 5, later(start, 1)) == 5);
    CHECK(guard.unseen(component, 7, later(start, 2)) == 2);
    CHECK(guard.unseen(component, 7, later(start, 100)) == 2);  // not published: never seen
  }

  TEST_CASE("a stream of publications is followed in steps of at least the peer delay and less than two") {
    Guard guard(10);
    guard.follow(component);
    const Surroundings start = ten_nodes();
    for (int ms = 0; ms < 50; ++ms) {
      const Surroundings around = later(start, ms);
      const auto own = static_cast<Hits>(ms + 1);  // a hit a millisecond, published at once
      const Hits unseen = guard.unseen(component, own, around);
      CHECK(unseen >= std::min<Hits>(own, 2));
      CHECK(unseen <= 4);
      guard.on_published(component, own, around.now);
    }
  }

  TEST_CASE("after a pause everything published is seen at once") {
    Guard guard(10);
    guard.follow(component);
    const Surroundings start = ten_nodes();
    guard.on_published(component, 1, start.now);
    guard.on_published(component, 9, later(start, 1).now);
    CHECK(guard.unseen(component, 9, later(start, 1000)) == 0);
  }

  TEST_CASE("what a rule had admitted before it was guarded counts as seen; a row used again starts anew") {
    Guard guard(10);
    CHECK(guard.unseen(component, 40, ten_nodes()) == 0);
    CHECK(guard.unseen(component, 43, ten_nodes()) == 3);
    guard.forget(component);
    guard.follow(component);
    CHECK(guard.unseen(component, 2, ten_nodes()) == 2);
    guard.on_published(ComponentIndex{7}, 5, ten_nodes().now);  // not followed: nothing to note
    CHECK(guard.unseen(no_component, 0, ten_nodes()) == 0);
  }

  TEST_CASE("unseen hits are held to this node's share of what remains") {
    CHECK(Guard::admits({100, 9, 1}, ten_nodes()));
    CHECK_FALSE(Guard::admits({100, 10, 1}, ten_nodes()));
    CHECK(Guard::admits({100, 0, 10}, ten_nodes()));
    CHECK_FALSE(Guard::admits({100, hits_max, 1}, ten_nodes()));
    Surroundings alone = ten_nodes();
    alone.nodes_count = 1;
    CHECK(Guard::admits({1, 100, 1}, alone));
  }

  TEST_CASE("with less than a hit per node as many nodes as hits remain have their turn, each in its slot") {
    for (const Hits remaining : {1U, 3U, 9U})
      for (int slot = 0; slot < 25; ++slot) CHECK(turns(remaining, slot) == static_cast<int>(remaining));
    for (std::uint32_t rank = 0; rank < 10; ++rank) {
      int own_slots = 0;
      for (int slot = 0; slot < 10; ++slot)
        own_slots += Guard::admits({1, 0, 1}, later(ten_nodes(rank), 2 * slot)) ? 1 : 0;
      CHECK(own_slots == 1);                                             // fair: everyone once in ten slots
      CHECK_FALSE(Guard::admits({1, 1, 1}, later(ten_nodes(rank), 2)));  // not while the last one is unseen
    }
  }

  TEST_CASE("an exact turn ends halfway, so that its news is there before the next") {
    for (int ms = 0; ms < 40; ++ms) {
      const Surroundings around = later(ten_nodes(), ms);
      const bool own = Guard::admits({1, 0, 1}, around);
      CHECK(Guard::admits({.remaining = 1, .exact = true}, around) == (own && ms % 2 == 0));
    }
  }

  TEST_CASE("a request dearer than any share passes in its node's turn") {
    int admitted = 0;
    for (std::uint32_t rank = 0; rank < 10; ++rank)
      admitted += Guard::admits({100, 0, 60}, ten_nodes(rank)) ? 1 : 0;
    CHECK(admitted == 1);
  }
}

}  // namespace starling
