// Decisions against the number of live counters, and what nothing but a hash map costs on the same keys.
//
// `decide/known/N`: N counters, all known, asked for in random order. `median_ns` is that of rounds of
// decisions alone, `tick_ns` what the turns of the loop between them took per decision (publishing, expiry),
// `over_absl` the median against `absl/find_increment/N` measured around it.
#include <absl/container/flat_hash_map.h>
#include <benchmark/benchmark.h>

#include <algorithm>
#include <memory>

#include "base/check.hpp"
#include "core_world.hpp"

namespace starling::bench {
namespace {

constexpr std::size_t round_decisions = 8'192;
constexpr std::size_t order_length_max = 4'194'304;  // callers who ask, before the order begins anew

/// A key as random as those of counters are.
std::uint64_t mix(std::uint64_t word) {
  word += 0x9e3779b97f4a7c15;
  word = (word ^ (word >> 30)) * 0xbf58476d1ce4e5b9;
  word = (word ^ (word >> 27)) * 0x94d049bb133111eb;
  return word ^ (word >> 31);
}

std::size_t order_length(std::size_t counters) {
  return std::clamp<std::size_t>(4 * counters / round_decisions, 1, order_length_max / round_decisions) *
         round_decisions;
}

/// Find and increment: the floor.
class HashMap {
 public:
  explicit HashMap(std::size_t counters) {
    map_.reserve(counters);
    for (std::size_t i = 0; i < counters; ++i) map_.emplace(mix(i), 1);
    for (const std::uint32_t caller : random_order(counters, order_length(counters), counters))
      keys_.push_back(mix(caller));
  }
  double round_ns() {
    if (at_ == keys_.size()) at_ = 0;
    const double begin = cpu_ns();
    for (std::size_t i = 0; i < round_decisions; ++i) {
      const auto found = map_.find(keys_[at_++]);
      if (found == map_.end()) continue;
      benchmark::DoNotOptimize(++found->second);
    }
    return (cpu_ns() - begin) / static_cast<double>(round_decisions);
  }

 private:
  absl::flat_hash_map<std::uint64_t, std::uint64_t> map_;
  std::vector<std::uint64_t> keys_;
  std::size_t at_ = 0;
};

/// An engine that knows `counters` callers.
class Known {
 public:
  explicit Known(std::size_t counters)
      : world_(engine_options(static_cast<std::uint32_t>(std::max<std::size_t>(counters, 1'000'000))),
               one_rule()) {
    for (std::size_t i = 0; i < counters; ++i) {
      STARLING_CHECK(world_.ask(CallerText(i).view()));
      if (i % World::decisions_per_turn == 0) world_.turn();
    }
    STARLING_CHECK(world_.engine.sizes().counters == counters);
    for (const std::uint32_t caller : random_order(counters, order_length(counters), counters))
      callers_.emplace_back(caller);
  }

  /// Of decisions alone; what the turns between them take is added to `tick_ns`.
  double round_ns(double& tick_ns) {
    if (at_ == callers_.size()) at_ = 0;
    double ticks = 0;
    std::size_t passed = 0;
    const double begin = cpu_ns();
    for (std::size_t i = 0; i < round_decisions; i += World::decisions_per_turn) {
      for (std::size_t j = 0; j < World::decisions_per_turn; ++j)
        passed += world_.ask(callers_[at_++].view());
      ticks += world_.turn();
    }
    const double took = cpu_ns() - begin;
    STARLING_CHECK(passed == round_decisions);
    tick_ns += ticks;
    return (took - ticks) / static_cast<double>(round_decisions);
  }
  const World& world() const { return world_; }

 private:
  World world_;
  std::vector<CallerText> callers_;
  std::size_t at_ = 0;
};

/// Kept between the calls of one benchmark, of one size at a time.
template <class T>
T& kept(std::size_t counters) {
  static std::unique_ptr<T> made;
  static std::size_t made_for = 0;
  if (made_for != counters) {
    made.reset();
    made = std::make_unique<T>(counters);
    made_for = counters;
  }
  return *made;
}

void report(benchmark::State& state, const std::vector<double>& rounds) {
  state.counters["median_ns"] = median(rounds);
  state.counters["p10_ns"] = quantile(rounds, 0.1);
  state.counters["p90_ns"] = quantile(rounds, 0.9);
}

void known(benchmark::State& state) {
  const auto counters = static_cast<std::size_t>(state.range(0));
  Known& known = kept<Known>(counters);
  HashMap& map = kept<HashMap>(counters);
  std::vector<double> absl;
  std::vector<double> rounds;
  double tick_ns = 0;
  for (int i = 0; i < 32; ++i) absl.push_back(map.round_ns());
  for (int i = 0; i < 8; ++i) known.round_ns(tick_ns);
  tick_ns = 0;
  while (state.KeepRunningBatch(static_cast<std::int64_t>(round_decisions)))
    rounds.push_back(known.round_ns(tick_ns));
  for (int i = 0; i < 32; ++i) absl.push_back(map.round_ns());
  report(state, rounds);
  state.counters["tick_ns"] = tick_ns / static_cast<double>(rounds.size() * round_decisions);
  state.counters["absl_ns"] = median(absl);
  state.counters["over_absl"] = median(rounds) / median(absl);
}

void find_increment(benchmark::State& state) {
  HashMap& map = kept<HashMap>(static_cast<std::size_t>(state.range(0)));
  std::vector<double> rounds;
  while (state.KeepRunningBatch(static_cast<std::int64_t>(round_decisions))) rounds.push_back(map.round_ns());
  report(state, rounds);
}

/// `decide/new/N`: callers that come for the first time, until N counters are there. Each decision is timed
/// by the CPU time of its thread, in which the clock itself takes `clock_ns`.
void fresh(benchmark::State& state) {
  const auto counters = static_cast<std::size_t>(state.range(0));
  std::vector<double> rounds;
  std::vector<double> clock;
  double worst = 0;
  double worst_tick = 0;
  double over_1_ms = 0;
  while (state.KeepRunningBatch(static_cast<std::int64_t>(counters))) {
    World world(engine_options(static_cast<std::uint32_t>(counters)), one_rule());
    double round_begin = cpu_ns();
    double in_ticks = 0;
    double before = round_begin;
    for (std::size_t i = 0; i < counters; ++i) {
      const CallerText caller(i);
      before = cpu_ns();
      STARLING_CHECK(world.ask(caller.view()));
      const double took = cpu_ns() - before;
      worst = std::max(worst, took);
      over_1_ms += took > 1e6 ? 1 : 0;
      in_ticks += took;
      if (i % World::decisions_per_turn == 0) worst_tick = std::max(worst_tick, world.turn());
      if ((i + 1) % round_decisions != 0) continue;
      rounds.push_back(in_ticks / static_cast<double>(round_decisions));
      in_ticks = 0;
    }
    STARLING_CHECK(world.engine.sizes().counters == counters);
  }
  for (int i = 0; i < 10'000; ++i) {
    const double begin = cpu_ns();
    clock.push_back(cpu_ns() - begin);
  }
  for (double& round : rounds) round -= median(clock);
  report(state, rounds);
  state.counters["clock_ns"] = median(clock);
  state.counters["max_stall_ns"] = worst;
  state.counters["stalls_over_1_ms"] = over_1_ms;
  state.counters["max_tick_ns"] = worst_tick;
}

/// `decide/denied/N`: all N callers are over their limit of one request an hour.
void denied(benchmark::State& state) {
  const auto counters = static_cast<std::size_t>(state.range(0));
  World world(engine_options(static_cast<std::uint32_t>(counters)), one_rule(1));
  for (std::size_t i = 0; i < counters; ++i) STARLING_CHECK(world.ask(CallerText(i).view()));
  std::vector<CallerText> callers;
  for (const std::uint32_t caller : random_order(counters, order_length(counters), counters))
    callers.emplace_back(caller);
  std::vector<double> rounds;
  std::size_t at = 0;
  while (state.KeepRunningBatch(static_cast<std::int64_t>(round_decisions))) {
    if (at == callers.size()) at = 0;
    std::size_t passed = 0;
    const double begin = cpu_ns();
    for (std::size_t i = 0; i < round_decisions; ++i) passed += world.ask(callers[at++].view());
    rounds.push_back((cpu_ns() - begin) / static_cast<double>(round_decisions));
    STARLING_CHECK(passed == 0);
  }
  report(state, rounds);
}

}  // namespace

void register_decide() {
  for (const std::int64_t counters : {1'000, 10'000, 100'000, 1'000'000, 10'000'000}) {
    benchmark::RegisterBenchmark("absl/find_increment", find_increment)->Arg(counters);
    benchmark::RegisterBenchmark("decide/known", known)->Arg(counters);
  }
  for (const std::int64_t counters : {10'000, 1'000'000, 10'000'000})
    benchmark::RegisterBenchmark("decide/new", fresh)->Arg(counters);
  for (const std::int64_t counters : {100, 100'000})
    benchmark::RegisterBenchmark("decide/denied", denied)->Arg(counters);
}

}  // namespace starling::bench
