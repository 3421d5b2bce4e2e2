// What a flood of callers does to a node and its peers: nothing but what is promised.
//
// The numbers are a hundredth of those of a real table; STARLING_BOUNDS=100 makes them whole (10 million
// principals, a table of one million), which takes a minute.
#include <doctest/doctest.h>

#include <algorithm>
#include <cstdlib>
#include <string>

#include "net.hpp"

namespace starling {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

std::uint32_t scale() {
  const char* wanted = std::getenv("STARLING_BOUNDS");
  return wanted == nullptr ? 1 : static_cast<std::uint32_t>(std::clamp(std::atoi(wanted), 1, 100));
}

struct Alone final : Effects {
  const std::uint32_t counters_max = 10'000 * scale();
  Instant now{seconds(100)};
  WallTime wall{milliseconds(1'800'000'000'000)};
  std::size_t full_notices = 0;
  std::unique_ptr<Engine> engine;

  explicit Alone(WhenFull when_full) {
    RuleSet rules = RuleSet::built_in();
    rules.rules[0].limits = {Limit{5, 60}};
    rules.rules[0].when_full = when_full;
    EngineOptions options;
    options.origin = OriginId{7};
    options.seed = 7;
    options.counters_max = counters_max;
    options.components_max = 4 * counters_max;
    engine = std::make_unique<Engine>(options, rules, now);
  }

  void send(Port, const Endpoint&, std::span<const std::byte>) override {}
  void notify(const Notice& notice) override {
    if (notice.kind == Notice::Kind::counter_table_full) ++full_notices;
  }

  bool ask(std::uint64_t caller) {
    const std::string principal = "caller-" + std::to_string(caller);
    const Entry entry{"principal", principal};
    const Descriptor descriptor{std::span(&entry, 1)};
    return engine->decide(Request{.descriptors = std::span(&descriptor, 1)}, now, wall).allowed;
  }
  void pass(Duration duration) {
    now += duration;
    wall += std::chrono::duration_cast<milliseconds>(duration);
    engine->on_tick(now, wall, *this);
  }
  std::uint64_t flood(std::uint64_t from, std::uint64_t to) {
    std::uint64_t allowed = 0;
    for (std::uint64_t caller = from; caller < to; ++caller) {
      allowed += ask(caller) ? 1 : 0;
      if (caller % 1000 == 0) pass(milliseconds(1));
    }
    return allowed;
  }
};

}  // namespace

TEST_SUITE("engine.bounds") {
  TEST_CASE(
      "ten times more callers than counters: each policy holds, the known are counted, windows free all") {
    for (const WhenFull when_full : {WhenFull::learning, WhenFull::deny}) {
      Alone node(when_full);
      const std::uint64_t max = node.counters_max;
      CHECK(node.flood(0, max) == max);
      CHECK(node.engine->counts().counters_refused == 0);
      const std::uint64_t passed = node.flood(max, 10 * max);
      CHECK(passed == (when_full == WhenFull::deny ? 0 : 9 * max));
      CHECK(node.engine->counts().counters_used == max);
      CHECK(node.engine->counts().counters_refused == 9 * max);
      CHECK(node.engine->counts().uncounted == (when_full == WhenFull::deny ? 0 : 9 * max));
      CHECK(node.full_notices >= 1);
      CHECK(node.full_notices <= 2);  // one in ten seconds of its clock

      // One hit each is counted: four of five are left, to the hit.
      for (const std::uint64_t caller : {std::uint64_t{0}, max / 2, max - 1}) {
        for (int hit = 0; hit < 4; ++hit) CHECK(node.ask(caller));
        CHECK_FALSE(node.ask(caller));
      }

      // When the windows are over the rows come back a part at a time, and serve others at once.
      for (int i = 0; i < 100; ++i) node.pass(seconds(1));
      CHECK(node.engine->counts().counters_used == max);
      std::size_t turns = 0;
      std::size_t used = node.engine->counts().counters_used;
      std::size_t most = 0;
      while (used != 0 && turns < 100'000) {
        node.pass(milliseconds(10));
        const std::size_t left = node.engine->counts().counters_used;
        most = std::max(most, used - left);
        used = left;
        ++turns;
      }
      CHECK(used == 0);
      CHECK(most <= 1024);
      CHECK(node.flood(0, max) == max);
      CHECK(node.engine->counts().counters_refused == 9 * max);
    }
  }
}

}  // namespace starling
