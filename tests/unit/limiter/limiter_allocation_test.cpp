/// Deciding allocates nothing for known counters, whatever the rules say. The operators below are those of
/// the whole test program; they only count.
#include <doctest/doctest.h>

#include <cstdlib>
#include <new>

#include "random_rules.hpp"

namespace {
std::size_t allocations_count = 0;
}  // namespace

void* operator new(std::size_t size) {
  ++allocations_count;
  if (void* memory = std::malloc(size == 0 ? 1 : size)) return memory;
  throw std::bad_alloc();
}
void* operator new(std::size_t size, const std::nothrow_t&) noexcept {  // else sanitizers see two allocators
  ++allocations_count;
  return std::malloc(size == 0 ? 1 : size);
}
void operator delete(void* memory) noexcept {
  std::free(memory);
}
void operator delete(void* memory, std::size_t) noexcept {
  std::free(memory);
}

namespace starling {
namespace {

TEST_SUITE("limiter.limiter allocation") {
  TEST_CASE("a decision on known counters allocates nothing, and the count can see allocations") {
    const std::size_t before_any = allocations_count;
    CHECK(std::vector<int>(100).size() == 100);
    CHECK(allocations_count > before_any);
    std::size_t allowed = 0;
    for (std::uint64_t seed = 1; seed <= 100; ++seed) {
      CAPTURE(seed);
      Random random(seed);
      LimiterWorld world(draw_rule_set(random));
      world.limiter.set_live_overrides(draw_live(random));
      const DrawnRequest request(random);
      const Request view = request.view();
      world.around.wall = world.wall;
      world.limiter.decide(view, world.around, world.counters);
      const std::size_t before = allocations_count;
      for (int i = 0; i < 20; ++i)
        allowed += world.limiter.decide(view, world.around, world.counters).allowed ? 1 : 0;
      REQUIRE(allocations_count == before);
    }
    CHECK(allowed > 500);
  }
}

}  // namespace
}  // namespace starling
