// What one node costs in a neighborhood of a given size: idle, publishing, taking acks.
#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include "crowd.hpp"

namespace starling::bench {
namespace {

using std::chrono::milliseconds;

RuleSet rules_of(Hits requests, std::uint32_t window_s) {
  RuleSet rules = RuleSet::built_in();
  rules.rules[0].limits = {Limit{.requests = requests, .window_s = window_s}};
  return rules;
}

/// Nothing is asked of it: heartbeats, both ways, and its clocks. An iteration is a virtual second.
void idle(benchmark::State& state, bool counted) {
  Crowd crowd(
      Crowd::Options{.peers = static_cast<std::size_t>(state.range(0)), .rules = rules_of(1000, 3600)});
  crowd.settle();
  // `counted`: everybody has counted something in a window that lives, so heartbeats tell who holds what.
  if (counted) {
    const WindowId window = Window::at(crowd.wall(), 3600).id;
    for (std::size_t peer = 0; peer < crowd.peers_count(); ++peer) {
      const auto packet = crowd.delta(
          peer,
          {{.window_s = 3600, .window_id = window, .key = CounterKey{peer}, .count = 1, .version = {}}});
      STARLING_CHECK(crowd.hand_over(peer, Port::sync, packet).has_value());
    }
  }
  const std::uint64_t sent_before = crowd.datagrams_sent();
  double total_s = 0;
  for (auto _ : state) {
    Stopwatch time;
    crowd.pass_s(1, time);
    state.SetIterationTime(time.total_s());
    total_s += time.total_s();
  }
  STARLING_CHECK(crowd.engine().counts().nodes_count == crowd.peers_count() + 1);
  const auto virtual_s = static_cast<double>(state.iterations());
  state.counters["core_pct"] = 100 * total_s / virtual_s;
  state.counters["us_per_peer_and_s"] = 1e6 * total_s / virtual_s / static_cast<double>(state.range(0));
  state.counters["sent_per_s"] = static_cast<double>(crowd.datagrams_sent() - sent_before) / virtual_s;
}

/// So much that nothing waits for it: 1,000 peers told every millisecond are more than the 32 MiB/s that a
/// node sends by default, and what waits is sent when nobody measures.
constexpr std::uint64_t egress_bytes_per_s_ample = 1ULL << 40;

std::uint64_t deferred(const Crowd& crowd) {
  std::uint64_t sum = 0;
  for (const Traffic& traffic : crowd.engine().counts().sent) sum += traffic.deferred;
  return sum;
}

/// One hit that is urgent, told to everybody; then everybody's ack.
void urgent(benchmark::State& state, bool measure_acks) {
  Crowd crowd(Crowd::Options{.peers = static_cast<std::size_t>(state.range(0)),
                             .rules = rules_of(1, 3600),
                             .engine = {.egress_bytes_per_s = egress_bytes_per_s_ample}});
  crowd.settle();
  std::uint64_t told = 0;
  std::uint64_t acks = 0;
  std::size_t caller = 0;
  for (auto _ : state) {
    Stopwatch ticking, acking, others;
    crowd.decide(fmt::format("caller-{}", caller++));
    const std::uint64_t before = crowd.datagrams_sent();
    crowd.tick(ticking);
    told += crowd.datagrams_sent() - before;
    acks += crowd.ack_all(acking);
    state.SetIterationTime(measure_acks ? acking.total_s() : ticking.total_s());
    crowd.pass(milliseconds(1), others);
  }
  STARLING_CHECK(deferred(crowd) == 0);
  STARLING_CHECK(told >= static_cast<std::uint64_t>(state.iterations() * state.range(0)));
  STARLING_CHECK(acks >= static_cast<std::uint64_t>(state.iterations() * state.range(0)) / 2);
  state.SetItemsProcessed(state.iterations() * state.range(0));  // per peer
}

/// Counters far from their limit, told with the beat to everybody: up to 2,048 are told in one turn of the
/// loop. What it sends is copied into a list, which takes memory the first time, so that is not measured.
void beat(benchmark::State& state, std::size_t callers) {
  Crowd crowd(Crowd::Options{.peers = static_cast<std::size_t>(state.range(0)),
                             .rules = rules_of(1'000'000'000, 3600),
                             .engine = {.egress_bytes_per_s = egress_bytes_per_s_ample}});
  crowd.settle();
  const auto tell = [&] {
    for (std::size_t i = 0; i < callers; ++i) crowd.decide(fmt::format("caller-{}", i));
    Stopwatch time, others;
    crowd.pass_beat(time);
    crowd.ack_all(others);
    crowd.pass(milliseconds(100), others);
    crowd.ack_all(others);
    return time.total_s();
  };
  tell();
  const std::uint64_t entries_before = crowd.engine().counts().gossip.entries_sent;
  for (auto _ : state) state.SetIterationTime(tell());
  const std::uint64_t sent = crowd.engine().counts().gossip.entries_sent - entries_before;
  STARLING_CHECK(deferred(crowd) == 0);
  STARLING_CHECK(sent >= static_cast<std::uint64_t>(state.iterations() * state.range(0)) * callers);
  state.SetItemsProcessed(static_cast<std::int64_t>(sent));  // entries told, some twice, times peers
}

/// A decision between flushes, and the question when to wake up next: what size costs every request.
void decide(benchmark::State& state) {
  Crowd crowd(Crowd::Options{.peers = static_cast<std::size_t>(state.range(0)),
                             .rules = rules_of(1'000'000'000, 3600)});
  crowd.settle();
  crowd.decide("caller");
  for (auto _ : state) {
    crowd.decide("caller");
    benchmark::DoNotOptimize(crowd.engine().next_deadline());
  }
}

void sizes(benchmark::internal::Benchmark* benchmark) {
  for (const std::int64_t peers : {1, 10, 100, 1000}) benchmark->Arg(peers);
}

BENCHMARK_CAPTURE(idle, bare, false)->Name("idle/peers")->Apply(sizes)->UseManualTime()->Iterations(20);
BENCHMARK_CAPTURE(idle, counted, true)
    ->Name("idle/peers_with_counts")
    ->Apply(sizes)
    ->UseManualTime()
    ->Iterations(20);
BENCHMARK_CAPTURE(urgent, flush, false)->Name("flush/peers")->Apply(sizes)->UseManualTime()->Iterations(300);
BENCHMARK_CAPTURE(urgent, acks, true)->Name("acks/peers")->Apply(sizes)->UseManualTime()->Iterations(300);
BENCHMARK_CAPTURE(beat, c1000, 1000)
    ->Name("beat/1000_counters/peers")
    ->Apply(sizes)
    ->UseManualTime()
    ->Iterations(5);
BENCHMARK_CAPTURE(beat, c2000, 2000)
    ->Name("beat/2000_counters/peers")
    ->Apply(sizes)
    ->UseManualTime()
    ->Iterations(5);
BENCHMARK(decide)->Name("decide/peers")->Apply(sizes);

}  // namespace
}  // namespace starling::bench
