#include "sim/chaos.hpp"

#include <doctest/doctest.h>

#include <cinttypes>
#include <cstdio>
#include <cstdlib>
#include <utility>

namespace starling::sim {
namespace {

/// STARLING_SEEDS=first:last runs another band.
std::pair<std::uint64_t, std::uint64_t> seeds() {
  std::uint64_t first = 1;
  std::uint64_t last = 240;
  if (const char* band = std::getenv("STARLING_SEEDS"))
    REQUIRE(std::sscanf(band, "%" SCNu64 ":%" SCNu64, &first, &last) == 2);
  return {first, last};
}

/// Runs the seeds of a scene. What was checked must not have been nothing.
void run(Scene scene) {
  const auto [first, last] = seeds();
  std::uint64_t runs = 0;
  std::uint64_t agreed_on_something = 0;
  for (std::uint64_t seed = first; seed <= last; ++seed) {
    if (scene_of(seed) != scene) continue;
    const ChaosReport report = run_chaos({.seed = seed});
    CHECK_MESSAGE(report.failure.empty(), report.failure);
    CHECK(report.checks > 0);
    ++runs;
    agreed_on_something += report.views_compared > 0 ? 1 : 0;
  }
  CHECK(agreed_on_something * 2 >= runs);
}

}  // namespace

TEST_SUITE("sim.chaos") {
  TEST_CASE("few principals at their limits: true, equal and quiet after whatever went wrong") {
    run(Scene::few);
  }

  TEST_CASE("the same with thousands of counters") {
    run(Scene::crowded);
  }

  TEST_CASE("the same with tables that fill up, but for what was refused") {
    run(Scene::full);
  }

  TEST_CASE("packets that nodes cannot but believe do no harm beyond their windows") {
    run(Scene::forged);
  }

  TEST_CASE("outsiders who replay, change, hold back and make up sealed packets do no harm at all") {
    run(Scene::sealed);
  }

  TEST_CASE("a run is repeated bit for bit by its seed") {
    for (std::uint64_t seed = 41; seed < 41 + scenes_count; ++seed) {
      const ChaosReport once = run_chaos({.seed = seed});
      const ChaosReport again = run_chaos({.seed = seed});
      CHECK(once.trace_hash == again.trace_hash);
      CHECK(once.story == again.story);
      CHECK(once.trace_hash != run_chaos({.seed = seed + scenes_count}).trace_hash);
    }
  }
}

}  // namespace starling::sim
