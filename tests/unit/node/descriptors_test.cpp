#include "node/descriptors.hpp"

#include <doctest/doctest.h>
#include <sys/resource.h>

#include <initializer_list>

namespace starling {

TEST_SUITE("node.descriptors") {
  TEST_CASE("the soft limit becomes the hard one") {
    rlimit before{};
    REQUIRE(getrlimit(RLIMIT_NOFILE, &before) == 0);
    rlimit low = before;
    low.rlim_cur = 100;
    REQUIRE(setrlimit(RLIMIT_NOFILE, &low) == 0);
    CHECK(raise_descriptors_limit() == before.rlim_max);
    rlimit after{};
    REQUIRE(getrlimit(RLIMIT_NOFILE, &after) == 0);
    CHECK(after.rlim_cur == before.rlim_max);
    REQUIRE(setrlimit(RLIMIT_NOFILE, &before) == 0);
  }

  TEST_CASE("with enough descriptors everybody has the usual bounds") {
    CHECK(connection_bounds(1'048'576, 2) == ConnectionBounds{10'000, 500});
    CHECK(connection_bounds(RLIM_INFINITY, 2) == ConnectionBounds{10'000, 500});
    CHECK(connection_bounds(20'564, 2) == ConnectionBounds{10'000, 500});
  }

  TEST_CASE("with fewer, all connections together leave the node its own") {
    for (const std::uint64_t descriptors : {100u, 128u, 256u, 1024u, 4096u, 20'000u})
      for (const std::size_t front_ends : {1u, 2u, 3u}) {
        CAPTURE(descriptors);
        CAPTURE(front_ends);
        const ConnectionBounds bounds = connection_bounds(descriptors, front_ends);
        CHECK(bounds.gateways * front_ends + bounds.admin + 64 <= descriptors);
        CHECK(bounds.gateways >= 8);
        CHECK(bounds.admin >= 4);
      }
    CHECK(connection_bounds(1024, 2) == ConnectionBounds{420, 120});
  }

  TEST_CASE("somebody can always ask, however few there are") {
    for (const std::uint64_t descriptors : {0u, 10u, 64u, 66u})
      CHECK(connection_bounds(descriptors, 2) == ConnectionBounds{4, 4});
  }
}

}  // namespace starling
