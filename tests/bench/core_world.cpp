#include "core_world.hpp"

#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <fstream>

#include "base/check.hpp"
#include "base/random.hpp"

namespace starling::bench {
namespace {

/// At the start of an hour, so that a run stays in one window of an hour.
constexpr std::uint64_t start_ms = 1'700'000'000'000 / 3'600'000 * 3'600'000;

}  // namespace

double cpu_ns() {
  timespec now{};
  STARLING_CHECK(clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now) == 0);
  return static_cast<double>(now.tv_sec) * 1e9 + static_cast<double>(now.tv_nsec);
}

double quantile(std::vector<double> values, double part) {
  if (values.empty()) return 0;
  const auto at = static_cast<std::ptrdiff_t>(part * static_cast<double>(values.size() - 1));
  std::nth_element(values.begin(), values.begin() + at, values.end());
  return values[static_cast<std::size_t>(at)];
}

double median(std::vector<double> values) {
  return quantile(std::move(values), 0.5);
}

std::size_t resident_bytes() {
  std::ifstream statm("/proc/self/statm");
  std::size_t size = 0;
  std::size_t resident = 0;
  statm >> size >> resident;
  return resident * static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
}

CallerText::CallerText(std::uint64_t number) {
  std::snprintf(text.data(), text.size(), "user-%07llu",
                static_cast<unsigned long long>(number % 10'000'000));
}

RuleSet one_rule(Hits requests) {
  RuleSet set = RuleSet::built_in();
  set.rules.front().limits = {Limit{.requests = requests, .window_s = 3600}};
  return set;
}

EngineOptions engine_options(std::uint32_t counters_max) {
  return EngineOptions{.origin = OriginId{0x5eed},
                       .seed = 1,
                       .keys = {},
                       .heartbeat_interval = {},
                       .counters_max = counters_max,
                       .components_max = 4 * counters_max};
}

World::World(EngineOptions options, RuleSet rules)
    : engine(std::move(options), std::move(rules), Instant(std::chrono::hours(1))),
      now(std::chrono::hours(1)),
      wall(std::chrono::milliseconds(start_ms)) {
  turn();
}

double World::turn() {
  now += std::chrono::microseconds(decisions_per_turn);
  wall = WallTime(std::chrono::milliseconds(start_ms) + std::chrono::duration_cast<WallClock::duration>(
                                                            now.time_since_epoch() - std::chrono::hours(1)));
  if (engine.next_deadline() > now) return 0;
  const double begin = cpu_ns();
  engine.on_tick(now, wall, sink);
  return cpu_ns() - begin;
}

std::vector<std::uint32_t> random_order(std::size_t count, std::size_t length, std::uint64_t seed) {
  Random random(seed);
  std::vector<std::uint32_t> order(length);
  for (std::uint32_t& each : order) each = static_cast<std::uint32_t>(random.below(count));
  return order;
}

}  // namespace starling::bench
