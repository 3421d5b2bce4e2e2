// Ten real engines that answer 100,000 requests a second each: what their gossip costs, against the answers
// themselves and against telling everything every 100 ms.
//
// Virtual time, real CPU time of one of them. A turn of a node's loop is 500 us long: it takes in the
// datagrams that have arrived, answers 50 requests (one for each of 50 connections), and does what its clock
// asks for, as node/node.cpp does. The callers are the same in every run.
#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "base/effects.hpp"
#include "base/random.hpp"
#include "cpu_time.hpp"
#include "engine/engine.hpp"

namespace starling::bench {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::size_t nodes_count = 10;
constexpr std::size_t callers_count = 10'000;
constexpr Duration turn = microseconds(500);
constexpr int requests_per_turn = 50;
constexpr std::uint32_t known_after_s = 4;
constexpr Duration delay = microseconds(300);
constexpr Instant start{std::chrono::hours(1)};
constexpr WallTime wall_start{milliseconds(1'800'000'000'000)};

/// Caller i has weight 1 / (i + 1).
class Zipf {
 public:
  Zipf() {
    double sum = 0;
    for (std::size_t i = 0; i < callers_count; ++i) {
      sum += 1.0 / static_cast<double>(i + 1);
      cumulative_.push_back(sum);
    }
  }
  std::size_t draw(Random& random) const {
    const double at = random.unit() * cumulative_.back();
    return static_cast<std::size_t>(std::lower_bound(cumulative_.begin(), cumulative_.end(), at) -
                                    cumulative_.begin());
  }

 private:
  std::vector<double> cumulative_;
};

struct Run {
  Hits requests = 20'000;
  std::uint32_t window_s = 4;
  std::optional<Duration> fixed_interval = {};
  bool sealed = false;
  std::uint32_t measured_s = 4;
};

struct Outcome {
  double decide_s = 0;
  double gossip_s = 0;
  double decisions = 0;
  double bytes_per_node_s = 0;
  double packets_per_node_s = 0;
  double entries_per_node_s = 0;
  double over_pct = 0;  // admitted beyond the limit in whole windows, of the limit, callers that reached it
  double turn_max_us = 0;
};

/// A datagram on its way.
struct Packet {
  Instant at;
  std::size_t from = 0;
  Port port{};
  std::vector<std::byte> bytes;
};

/// What happened to one node in a turn.
struct Turn {
  std::vector<Packet> packets;
  std::vector<std::size_t> callers;
};

Instant turn_start(std::size_t number) {
  return start + turn * static_cast<std::int64_t>(number + 1);
}
WallTime wall_at(Instant now) {
  return wall_start + std::chrono::duration_cast<WallClock::duration>(now - start);
}

/// Ten nodes with tables of the usual size in one process would wait for memory most of the time.
constexpr std::uint32_t counters_max_of_ten = 50'000;

EngineOptions engine_options(const Run& run, std::size_t index) {
  EngineOptions options{.origin = OriginId{1000 + index},
                        .seed = index + 1,
                        .node_name = fmt::format("node-{}", index),
                        .has_neighborhood = true};
  if (run.sealed) {
    options.keys.keys.emplace_back();
    options.keys.keys[0].bytes[0] = 9;
    options.keys.plain = wire::PlainPackets::refused;
  }
  if (run.fixed_interval) {
    options.sync_mode = SyncMode::fixed;
    options.sync_interval = *run.fixed_interval;
  }
  return options;
}

/// One engine, driven as its node would.
class Node {
 public:
  Node(const Run& run, std::size_t index, Effects& effects, std::optional<std::uint32_t> counters_max = {})
      : effects_(effects) {
    RuleSet rules = RuleSet::built_in();
    rules.rules[0].limits = {Limit{.requests = run.requests, .window_s = run.window_s}};
    EngineOptions options = engine_options(run, index);
    if (counters_max) {
      options.counters_max = *counters_max;
      options.components_max = *counters_max * static_cast<std::uint32_t>(nodes_count);
    }
    engine = std::make_unique<Engine>(std::move(options), std::move(rules), start);
    std::vector<Endpoint> listed;
    for (std::size_t i = 0; i < nodes_count; ++i)
      listed.push_back(Endpoint{Address::v4(10, 0, 0, static_cast<std::uint8_t>(i)), 4291});
    engine->on_resolved(listed, start, effects_);
  }

  void take_in(const Packet& packet, Instant now) {
    const Endpoint from{Address::v4(10, 0, 0, static_cast<std::uint8_t>(packet.from)),
                        static_cast<std::uint16_t>(packet.port == Port::sync ? 4290 : 4291)};
    const auto taken = engine->on_datagram(from, packet.port, packet.bytes, now, wall_at(now), effects_);
    STARLING_CHECK(taken.has_value() || taken.error().code == ErrorCode::from_self);
  }
  bool decide(std::string_view caller, Instant now) {
    const Entry entry{.key = "principal", .value = caller};
    const Descriptor descriptor{.entries = std::span(&entry, 1)};
    return engine->decide(Request{.descriptors = std::span(&descriptor, 1)}, now, wall_at(now)).allowed;
  }
  void before_sleep(Instant now) {
    if (engine->next_deadline() <= now) engine->on_tick(now, wall_at(now), effects_);
    benchmark::DoNotOptimize(engine->next_deadline());
  }

  std::unique_ptr<Engine> engine;

 private:
  Effects& effects_;
};

Traffic sent_by(const Node& node) {
  Traffic all;
  for (const Traffic& traffic : node.engine->counts().sent) {
    all.packets += traffic.packets;
    all.bytes += traffic.bytes;
  }
  return all;
}

class Cluster {
 public:
  explicit Cluster(const Run& run) : run_(run) {
    for (std::size_t i = 0; i < callers_count; ++i) names_.push_back(fmt::format("user-{}@example.com", i));
    for (std::size_t i = 0; i < nodes_count; ++i) wires_.push_back(std::make_unique<Wire>(*this, i));
    for (std::size_t i = 0; i < nodes_count; ++i)
      nodes_.push_back(std::make_unique<Node>(run, i, *wires_[i], counters_max_of_ten));
  }

  /// Runs all, then the first node again by itself, with the very same inputs and tables of the usual size:
  /// so what is measured has the caches of a machine for itself, as a node has.
  Outcome measure() {
    Outcome outcome = run();
    const Traffic sent = sent_by(*nodes_[0]);
    nodes_.clear();
    Silence silence;
    Node again(run_, 0, silence);
    live_again(again, outcome);
    STARLING_CHECK(sent_by(again).bytes == sent.bytes && sent_by(again).packets == sent.packets);
    return outcome;
  }

  /// What is sent and admitted, and nothing of what it costs.
  Outcome run() {
    Outcome outcome;
    const std::size_t first = first_measured();
    const std::size_t end = first + turns_per(run_.measured_s);
    admitted_.assign(callers_count, 0);
    std::size_t over_count = 0;
    Traffic before;
    std::uint64_t entries_before = 0;
    for (std::size_t number = 0; number < end; ++number) {
      if (number == first) {
        before = sent();
        entries_before = entries();
      }
      if (number == first) admitted_.assign(callers_count, 0);
      if (number > first && (number - first) % turns_per(run_.window_s) == 0) judge(outcome, over_count);
      now_ = turn_start(number);
      Turn& record = recorded_.emplace_back();
      for (std::size_t i = 0; i < nodes_count; ++i)
        live(i, number + turns_per(1) >= first, i == 0 ? &record : nullptr);
    }
    judge(outcome, over_count);
    const double node_seconds = static_cast<double>(nodes_count) * run_.measured_s;
    outcome.bytes_per_node_s = static_cast<double>(sent().bytes - before.bytes) / node_seconds;
    outcome.packets_per_node_s = static_cast<double>(sent().packets - before.packets) / node_seconds;
    outcome.entries_per_node_s = static_cast<double>(entries() - entries_before) / node_seconds;
    if (over_count != 0) outcome.over_pct /= static_cast<double>(over_count);
    return outcome;
  }

 private:
  struct Silence final : Effects {
    void send(Port, const Endpoint&, std::span<const std::byte>) override {}
    void notify(const Notice&) override {}
  };
  struct Wire final : Effects {
    Wire(Cluster& of, std::size_t number) : cluster(of), index(number) {}
    void send(Port via, const Endpoint& to, std::span<const std::byte> bytes) override {
      cluster.wires_[to.address.bytes[15]]->inbox.push_back(Packet{
          .at = cluster.now_ + delay, .from = index, .port = via, .bytes = {bytes.begin(), bytes.end()}});
    }
    void notify(const Notice&) override {}

    Cluster& cluster;
    std::size_t index;
    std::deque<Packet> inbox;
  };

  std::size_t turns_per(std::uint32_t s) const { return s * (seconds(1) / turn); }
  /// Measured are whole windows from the first that begins when all know each other; requests come from a
  /// second before.
  std::size_t first_measured() const {
    const std::uint32_t windows = (known_after_s + run_.window_s - 1) / run_.window_s;
    return turns_per(windows * run_.window_s) - 1;
  }

  /// A window is over.
  void judge(Outcome& outcome, std::size_t& over_count) {
    for (Hits& admitted : admitted_) {
      if (admitted >= run_.requests) {
        outcome.over_pct +=
            100.0 * static_cast<double>(admitted - run_.requests) / static_cast<double>(run_.requests);
        ++over_count;
      }
      admitted = 0;
    }
  }

  void live(std::size_t index, bool with_requests, Turn* record) {
    Node& node = *nodes_[index];
    std::deque<Packet>& inbox = wires_[index]->inbox;
    while (!inbox.empty() && inbox.front().at <= now_) {
      node.take_in(inbox.front(), now_);
      if (record != nullptr) record->packets.push_back(std::move(inbox.front()));
      inbox.pop_front();
    }
    for (int i = 0; with_requests && i < requests_per_turn; ++i) {
      const std::size_t caller = zipf_.draw(random_);
      if (node.decide(names_[caller], now_)) ++admitted_[caller];
      if (record != nullptr) record->callers.push_back(caller);
    }
    node.before_sleep(now_);
  }

  void live_again(Node& node, Outcome& outcome) {
    for (std::size_t number = 0; number < recorded_.size(); ++number) {
      const Instant now = turn_start(number);
      const Turn& record = recorded_[number];
      Stopwatch gossiping, deciding;
      gossiping.begin();
      for (const Packet& packet : record.packets) node.take_in(packet, now);
      gossiping.end();
      std::uint64_t allowed = 0;
      deciding.begin();
      for (const std::size_t caller : record.callers) allowed += node.decide(names_[caller], now) ? 1 : 0;
      deciding.end();
      benchmark::DoNotOptimize(allowed);
      gossiping.begin();
      node.before_sleep(now);
      gossiping.end();
      if (number < first_measured()) continue;
      outcome.decide_s += deciding.total_s();
      outcome.gossip_s += gossiping.total_s();
      outcome.decisions += static_cast<double>(record.callers.size());
      outcome.turn_max_us = std::max(outcome.turn_max_us, 1e6 * gossiping.total_s());
    }
  }

  Traffic sent() const {
    Traffic all;
    for (const auto& node : nodes_) {
      all.packets += sent_by(*node).packets;
      all.bytes += sent_by(*node).bytes;
    }
    return all;
  }
  std::uint64_t entries() const {
    std::uint64_t all = 0;
    for (const auto& node : nodes_) all += node->engine->counts().gossip.entries_sent;
    return all;
  }

  Run run_;
  Zipf zipf_;
  Random random_{17};
  std::vector<std::string> names_;
  std::vector<std::unique_ptr<Wire>> wires_;
  std::vector<std::unique_ptr<Node>> nodes_;
  std::vector<Turn> recorded_;
  std::vector<Hits> admitted_;
  Instant now_ = start;
};

/// What a fixed 100 ms interval sends for the same requests; found out once for each kind of run.
double fixed_bytes(const Run& run) {
  static std::vector<std::pair<std::uint32_t, double>> known;
  const auto found = std::find_if(known.begin(), known.end(), [&](const auto& each) {
    return each.first == run.window_s * 2 + (run.sealed ? 1 : 0);
  });
  if (found != known.end()) return found->second;
  Run fixed = run;
  fixed.fixed_interval = milliseconds(100);
  const double bytes = Cluster(fixed).run().bytes_per_node_s;
  known.emplace_back(run.window_s * 2 + (run.sealed ? 1 : 0), bytes);
  return bytes;
}

void cluster(benchmark::State& state, const Run& run) {
  Outcome outcome;
  for (auto _ : state) {
    outcome = Cluster(run).measure();
    state.SetIterationTime(outcome.gossip_s);
  }
  state.counters["decide_ns"] = 1e9 * outcome.decide_s / outcome.decisions;
  state.counters["gossip_ns_per_decision"] = 1e9 * outcome.gossip_s / outcome.decisions;
  state.counters["gossip_to_decide"] = outcome.gossip_s / outcome.decide_s;
  state.counters["bytes_per_node_s"] = outcome.bytes_per_node_s;
  state.counters["packets_per_node_s"] = outcome.packets_per_node_s;
  state.counters["entries_per_node_s"] = outcome.entries_per_node_s;
  state.counters["over_admission_pct"] = outcome.over_pct;
  state.counters["gossip_turn_max_us"] = outcome.turn_max_us;
  if (!run.fixed_interval)
    state.counters["bytes_to_fixed_100ms"] = outcome.bytes_per_node_s / fixed_bytes(run);
}

BENCHMARK_CAPTURE(cluster, adaptive, Run{})
    ->Name("cluster/10_nodes/adaptive")
    ->UseManualTime()
    ->Iterations(1);
BENCHMARK_CAPTURE(cluster, sealed, Run{.sealed = true})
    ->Name("cluster/10_nodes/adaptive_sealed")
    ->UseManualTime()
    ->Iterations(1);
BENCHMARK_CAPTURE(cluster, short_windows, Run{.requests = 5'000, .window_s = 1})
    ->Name("cluster/10_nodes/adaptive_1s_windows")
    ->UseManualTime()
    ->Iterations(1);
BENCHMARK_CAPTURE(cluster, fixed, Run{.fixed_interval = milliseconds(100)})
    ->Name("cluster/10_nodes/fixed_100ms")
    ->UseManualTime()
    ->Iterations(1);

}  // namespace
}  // namespace starling::bench
