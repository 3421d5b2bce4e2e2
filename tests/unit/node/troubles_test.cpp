/// Troubles on a virtual clock: what is told when, and what is forgotten.
#include "node/troubles.hpp"

#include <doctest/doctest.h>

#include <chrono>

#include "node/recent_senders.hpp"

namespace starling {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;

Instant at(Duration since_start) {
  return Instant(std::chrono::hours(5)) + since_start;
}

constexpr Trouble some = Trouble::send_failed;

TEST_SUITE("node.troubles") {
  TEST_CASE("the first is told at once, later ones together when the time is over") {
    Troubles troubles;
    CHECK_FALSE(troubles.due(some, seconds(10), at(seconds(0))));
    troubles.add(some, 1, at(seconds(0)), "first");
    const auto first = troubles.due(some, seconds(10), at(seconds(0)));
    REQUIRE(first);
    CHECK(first->count == 1);
    CHECK(first->detail == "first");
    troubles.add(some, 2, at(seconds(1)), "second");
    troubles.add(some, 3, at(seconds(2)), "third");
    CHECK_FALSE(troubles.due(some, seconds(10), at(seconds(9))));
    const auto rest = troubles.due(some, seconds(10), at(seconds(10)));  // nothing new: the rest is told
    REQUIRE(rest);
    CHECK(rest->count == 5);
    CHECK(rest->detail == "third");
    CHECK_FALSE(troubles.due(some, seconds(10), at(seconds(100))));
    troubles.add(some, 1, at(seconds(101)));
    CHECK(troubles.due(some, seconds(10), at(seconds(101))));
  }

  TEST_CASE("each trouble is told for itself") {
    Troubles troubles;
    troubles.add(Trouble::send_failed, 1, at(seconds(0)));
    troubles.add(Trouble::accept_failed, 1, at(seconds(0)));
    CHECK(troubles.due(Trouble::send_failed, seconds(10), at(seconds(0))));
    CHECK(troubles.due(Trouble::accept_failed, seconds(10), at(seconds(0))));
  }

  TEST_CASE("what happened is recent for nine to ten minutes, and counts for ever") {
    Troubles troubles;
    troubles.add(some, 4, at(seconds(30)));
    troubles.add(some, 3, at(minutes(5)));
    CHECK(troubles.view(some, at(minutes(5))).recent == 7);
    CHECK(troubles.view(some, at(minutes(9))).recent == 7);
    CHECK(troubles.view(some, at(minutes(10) + seconds(30))).recent == 3);
    CHECK(troubles.view(some, at(minutes(15))).recent == 0);
    CHECK(troubles.view(some, at(minutes(600))).recent == 0);
    CHECK(troubles.view(some, at(minutes(600))).total == 7);
    troubles.add(some, 1, at(minutes(600)));  // a minute that shares its place with an old one
    CHECK(troubles.view(some, at(minutes(600))).recent == 1);
  }

  TEST_CASE("counts that are kept elsewhere are taken by what they have grown") {
    Troubles troubles;
    troubles.observe(some, 5, at(seconds(0)));
    troubles.observe(some, 5, at(seconds(1)));
    CHECK(troubles.view(some, at(seconds(1))).total == 5);
    troubles.observe(some, 7, at(minutes(20)));
    CHECK(troubles.view(some, at(minutes(20))).recent == 2);
    troubles.observe(some, 1, at(minutes(20)));  // it began anew
    CHECK(troubles.view(some, at(minutes(20))).total == 7);
    troubles.observe(some, 2, at(minutes(20)));
    CHECK(troubles.view(some, at(minutes(20))).total == 8);
  }

  TEST_CASE("a long detail is cut") {
    Troubles troubles;
    troubles.add(some, 1, at(seconds(0)), std::string(10'000, 'x'));
    CHECK(troubles.due(some, seconds(10), at(seconds(0)))->detail.size() == Troubles::detail_bytes_max);
  }

  TEST_CASE("the last few senders, the latest first, and none that are long ago") {
    RecentSenders senders;
    CHECK(senders.list(minutes(10), at(seconds(0))).empty());
    for (std::uint8_t i = 1; i <= 6; ++i) senders.add(Address::v4(10, 0, 0, i), at(seconds(i)));
    senders.add(Address::v4(10, 0, 0, 4), at(seconds(7)));  // again: no second row
    using Texts = std::vector<std::string>;
    CHECK(senders.list(minutes(10), at(seconds(8))) == Texts{"10.0.0.4", "10.0.0.6", "10.0.0.5", "10.0.0.3"});
    CHECK(senders.list(minutes(10), at(minutes(10) + seconds(5))) == Texts{"10.0.0.4", "10.0.0.6"});
  }
}

}  // namespace
}  // namespace starling
