// Ten real engines that answer 100,000 requests a second each: what their gossip costs, against the answers
// themselves and against telling everything every 100 ms.
//
// Virtual time, real CPU time. A turn of a node's loop is 500 us long: it takes in the datagrams that have
// arrived, answers 50 requests (one for each of 50 connections), and does what its clock asks for, as
// node/node.cpp does. The callers are the same in every run.
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
  Hits requests = 50'000;
  std::uint32_t window_s = 10;
  std::optional<Duration> fixed_interval = {};
  bool sealed = false;
  int measured_s = 10;
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

class Cluster {
 public:
  explicit Cluster(const Run& run) : run_(run) {
    for (std::size_t i = 0; i < callers_count; ++i) names_.push_back(fmt::format("user-{}@example.com", i));
    RuleSet rules = RuleSet::built_in();
    rules.rules[0].limits = {Limit{.requests = run.requests, .window_s = run.window_s}};
    std::vector<Endpoint> listed;
    for (std::size_t i = 0; i < nodes_count; ++i) {
      EngineOptions options{.origin = OriginId{1000 + i},
                            .seed = i + 1,
                            .node_name = fmt::format("node-{}", i),
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
      nodes_.push_back(std::make_unique<Node>(*this, i));
      nodes_[i]->engine = std::make_unique<Engine>(options, rules, now_);
      listed.push_back(Endpoint{Address::v4(10, 0, 0, static_cast<std::uint8_t>(i)), 4291});
    }
    for (auto& node : nodes_) node->engine->on_resolved(listed, now_, *node);
  }

  Outcome measure() {
    // Until all know each other; then to the start of a window, with requests for the last second of it.
    while (now_ < start + seconds(4)) live(nullptr);
    while (ms_since_epoch(wall()) % (run_.window_s * 1000) != 0)
      live(run_.window_s * 1000 - ms_since_epoch(wall()) % (run_.window_s * 1000) <= 1000 ? &ignored_
                                                                                          : nullptr);
    admitted_.assign(callers_count, 0);
    Outcome outcome;
    const Traffic before = sent();
    const std::uint64_t entries_before = entries();
    const Instant end = now_ + seconds(run_.measured_s);
    std::size_t over_count = 0;
    while (now_ < end) {
      live(&outcome);
      if (ms_since_epoch(wall()) % (run_.window_s * 1000) != 0 || now_ == last_window_) continue;
      last_window_ = now_;
      for (Hits& admitted : admitted_) {
        if (admitted >= run_.requests) {
          outcome.over_pct +=
              100.0 * static_cast<double>(admitted - run_.requests) / static_cast<double>(run_.requests);
          ++over_count;
        }
        admitted = 0;
      }
    }
    const Traffic after = sent();
    const double node_seconds = static_cast<double>(nodes_count) * run_.measured_s;
    outcome.bytes_per_node_s = static_cast<double>(after.bytes - before.bytes) / node_seconds;
    outcome.packets_per_node_s = static_cast<double>(after.packets - before.packets) / node_seconds;
    outcome.entries_per_node_s = static_cast<double>(entries() - entries_before) / node_seconds;
    if (over_count != 0) outcome.over_pct /= static_cast<double>(over_count);
    return outcome;
  }

 private:
  struct Packet {
    Instant at;
    std::size_t from = 0;
    Port port{};
    std::vector<std::byte> bytes;
  };
  struct Node final : Effects {
    Node(Cluster& of, std::size_t number) : cluster(of), index(number) {}
    void send(Port via, const Endpoint& to, std::span<const std::byte> bytes) override {
      Node& other = *cluster.nodes_[to.address.bytes[15]];
      Packet packet;
      if (!cluster.spare_.empty()) {
        packet = std::move(cluster.spare_.back());
        cluster.spare_.pop_back();
      }
      packet.at = cluster.now_ + delay;
      packet.from = index;
      packet.port = via;
      packet.bytes.assign(bytes.begin(), bytes.end());
      other.inbox.push_back(std::move(packet));
    }
    void notify(const Notice&) override {}

    Cluster& cluster;
    std::size_t index;
    std::unique_ptr<Engine> engine;
    std::deque<Packet> inbox;
  };

  WallTime wall() const { return wall_start + std::chrono::duration_cast<WallClock::duration>(now_ - start); }

  Traffic sent() const {
    Traffic all;
    for (const auto& node : nodes_)
      for (const Traffic& traffic : node->engine->counts().sent) {
        all.packets += traffic.packets;
        all.bytes += traffic.bytes;
      }
    return all;
  }
  std::uint64_t entries() const {
    std::uint64_t all = 0;
    for (const auto& node : nodes_) all += node->engine->counts().gossip.entries_sent;
    return all;
  }

  /// One turn of every node; with requests if `outcome` is given.
  void live(Outcome* outcome) {
    now_ += turn;
    for (auto& node : nodes_) {
      Stopwatch gossiping, deciding;
      gossiping.begin();
      const WallTime wall_now = wall();
      while (!node->inbox.empty() && node->inbox.front().at <= now_) {
        Packet& packet = node->inbox.front();
        const Endpoint from{Address::v4(10, 0, 0, static_cast<std::uint8_t>(packet.from)),
                            static_cast<std::uint16_t>(packet.port == Port::sync ? 4290 : 4291)};
        const auto taken = node->engine->on_datagram(from, packet.port, packet.bytes, now_, wall_now, *node);
        STARLING_CHECK(taken.has_value() || taken.error().code == ErrorCode::from_self);
        spare_.push_back(std::move(packet));
        node->inbox.pop_front();
      }
      gossiping.end();
      if (outcome != nullptr) {
        drawn_.clear();
        for (int i = 0; i < requests_per_turn; ++i) drawn_.push_back(zipf_.draw(random_));
        deciding.begin();
        for (std::size_t& caller : drawn_) {
          const Entry entry{.key = "principal", .value = names_[caller]};
          const Descriptor descriptor{.entries = std::span(&entry, 1)};
          const Decision decision =
              node->engine->decide(Request{.descriptors = std::span(&descriptor, 1)}, now_, wall_now);
          if (!decision.allowed) caller = callers_count;
        }
        deciding.end();
        if (!admitted_.empty())
          for (const std::size_t caller : drawn_)
            if (caller < callers_count) ++admitted_[caller];
      }
      gossiping.begin();
      if (node->engine->next_deadline() <= now_) node->engine->on_tick(now_, wall_now, *node);
      benchmark::DoNotOptimize(node->engine->next_deadline());
      gossiping.end();
      if (outcome == nullptr) continue;
      outcome->decide_s += deciding.total_s();
      outcome->gossip_s += gossiping.total_s();
      outcome->decisions += requests_per_turn;
      outcome->turn_max_us = std::max(outcome->turn_max_us, 1e6 * gossiping.total_s());
    }
  }

  Run run_;
  Zipf zipf_;
  Random random_{17};
  std::vector<std::string> names_;
  std::vector<std::unique_ptr<Node>> nodes_;
  std::vector<Packet> spare_;
  std::vector<std::size_t> drawn_;
  std::vector<Hits> admitted_;
  Outcome ignored_;
  Instant now_ = start;
  Instant last_window_ = start;
};

/// What a fixed 100 ms interval sends for the same requests; measured once for each kind of run.
double fixed_bytes(const Run& run) {
  static std::vector<std::pair<std::uint32_t, double>> known;
  const auto found = std::find_if(known.begin(), known.end(), [&](const auto& each) {
    return each.first == run.window_s * 2 + (run.sealed ? 1 : 0);
  });
  if (found != known.end()) return found->second;
  Run fixed = run;
  fixed.fixed_interval = milliseconds(100);
  const double bytes = Cluster(fixed).measure().bytes_per_node_s;
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
