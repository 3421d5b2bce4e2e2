#include "sim/experiment.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/check.hpp"

namespace starling::sim {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::string_view principal = "p";
/// With heavy loss nodes keep losing sight of each other: then the experiment begins all the same.
constexpr Duration settle_max = seconds(20);
constexpr Duration settle_poll = milliseconds(10);
/// Between settling and the first window. Clocks are set so that it need not be longer.
constexpr Duration rest_max = seconds(1);
/// After the last window, for what is still on its way to be seen.
constexpr Duration drain_max = seconds(2);
constexpr Duration report_interval_min = milliseconds(10);
constexpr int reports_max = 1000;
constexpr std::uint32_t watched_per_window = 10;
constexpr double near_limit_share = 0.1;
/// A window's counter lives for three lengths at most, and a second; the rest is slack.
constexpr std::uint32_t counters_per_node = 16;

Summary summarise(std::vector<double> values) {
  if (values.empty()) return {};
  std::sort(values.begin(), values.end());
  double sum = 0;
  for (const double value : values) sum += value;
  const double count = static_cast<double>(values.size());
  return {.mean = sum / count,
          .p99 = values[static_cast<std::size_t>(std::ceil(0.99 * count)) - 1],
          .max = values.back()};
}

/// Node `index`'s part of a limit that is split: the remainder goes to the first ones.
Hits share_of(Hits limit, std::size_t nodes, NodeIndex index) {
  return limit / nodes + (index < limit % nodes ? 1 : 0);
}

}  // namespace

Experiment::Experiment(const ExperimentOptions& options) : options_(options) {
  const double limit = static_cast<double>(options_.limit.requests);
  // Independent of each other, so that watching hits does not change the load.
  Random seeds(options_.seed);
  const std::uint64_t simulation_seed = seeds.next();
  const std::uint64_t convergence_seed = seeds.next();
  convergence_ = std::make_unique<Convergence>(
      Convergence::Options{.per_window = watched_per_window,
                           .admitted_per_window = limit * std::min(1.0, options_.load),
                           .near_limit_per_window = limit * near_limit_share,
                           .seed = convergence_seed});
  SimulationOptions simulation;
  simulation.seed = simulation_seed;
  simulation.nodes = options_.nodes;
  simulation.link = options_.link;
  simulation.check_every_step = false;
  simulation.connected = options_.scheme == Scheme::gossip;
  simulation.cluster_limit = options_.limit.requests;
  simulation.rules.rules[0].limits = {options_.limit};
  simulation.rules.rules[0].admission = options_.admission;
  simulation.engine.counters_max = counters_per_node;
  simulation.engine.components_max = counters_per_node * static_cast<std::uint32_t>(options_.nodes);
  if (options_.fixed_interval) {
    simulation.engine.sync_mode = SyncMode::fixed;
    simulation.engine.sync_interval = *options_.fixed_interval;
  }
  simulation.on_delta = [this](NodeIndex from, NodeIndex to) {
    convergence_->on_delta(*simulation_, from, to);
  };
  simulation_ = std::make_unique<Simulation>(std::move(simulation));
}

void Experiment::start() {
  simulation_->start_all();
  if (options_.scheme != Scheme::split) return;
  for (NodeIndex node = 0; node < options_.nodes; ++node) {
    RuleSet rules = simulation_->engine(node).rules();
    rules.rules[0].limits[0].requests = share_of(options_.limit.requests, options_.nodes, node);
    simulation_->engine(node).replace_rules(std::move(rules));
  }
}

bool Experiment::is_complete() {
  const std::size_t known = options_.scheme == Scheme::gossip ? options_.nodes : 1;
  for (NodeIndex node = 0; node < options_.nodes; ++node) {
    const Engine& engine = simulation_->engine(node);
    if (engine.state() != EngineState::ready || engine.counts().nodes_count != known) return false;
  }
  return true;
}

bool Experiment::settle() {
  const Instant deadline = simulation_->now() + settle_max;
  while (!is_complete()) {
    if (simulation_->now() >= deadline) return false;
    advance(simulation_->now() + settle_poll);
  }
  return true;
}

Instant Experiment::next_window_start() {
  const auto left = [&] {
    return milliseconds(
        Window::at(simulation_->wall(0), options_.limit.window_s).remaining_ms(simulation_->wall(0)));
  };
  // All clocks alike, so nobody is skewed; a window of a year is not waited for.
  if (left() > rest_max) {
    const auto ahead = std::chrono::duration_cast<milliseconds>(left() - rest_max);
    for (NodeIndex node = 0; node < options_.nodes; ++node) simulation_->set_clock_skew(node, ahead);
  }
  return simulation_->now() + left();
}

ExperimentResult Experiment::run(std::function<void(double)> on_progress) {
  STARLING_CHECK(arrivals_ == nullptr);  // once
  on_progress_ = std::move(on_progress);
  const Duration window = seconds(options_.limit.window_s);
  const Duration drain = std::min<Duration>(window, drain_max);
  begin_ = next_report_ = simulation_->now();
  end_ = begin_ + rest_max + window * (options_.windows + 1) + drain;  // a guess, until it has settled
  ExperimentResult result;
  start();
  result.settled = settle();
  const Instant first = next_window_start();
  const Instant last = first + window * (options_.windows + 1);
  end_ = last + drain;
  arrivals_ = std::make_unique<Arrivals>(Arrivals::Options{
      .nodes = options_.nodes,
      .per_second = options_.load * static_cast<double>(options_.limit.requests) / options_.limit.window_s,
      .spread = options_.spread,
      .window = window,
      .begin = first,
      .seed = options_.seed});
  next_ = arrivals_->next();
  offer_until(first + window);
  const auto before = traffic();
  for (std::uint32_t measured = 1; measured <= options_.windows; ++measured) {
    const std::uint64_t window_id = Window::at(simulation_->wall(0), options_.limit.window_s).id.value;
    offer_until(first + window * (measured + 1));
    judge_window(window_id, result);
  }
  const auto after = traffic();
  advance(end_);

  const double node_windows = static_cast<double>(options_.nodes) * options_.windows;
  for (std::size_t purpose = 0; purpose < purposes_count; ++purpose) {
    result.packets_by_purpose[purpose] =
        static_cast<double>(after[purpose].packets - before[purpose].packets) / node_windows;
    result.packets_per_node_per_window += result.packets_by_purpose[purpose];
    result.bytes_per_node_per_window +=
        static_cast<double>(after[purpose].bytes - before[purpose].bytes) / node_windows;
  }
  result.over_admission_pct = summarise(over_pct_);
  result.false_rejection_pct = summarise(false_pct_);
  result.admitted_pct_mean = 100.0 * static_cast<double>(result.admitted) /
                             (static_cast<double>(options_.limit.requests) * options_.windows);
  result.convergence = convergence_->all();
  result.convergence_at_limit = convergence_->near_limit();
  return result;
}

void Experiment::judge_window(std::uint64_t window_id, ExperimentResult& result) {
  const Hits limit = options_.limit.requests;
  const bool offered = judged_ != nullptr && judged_->key.window_id == window_id;
  const Ledger::Entry truth = offered ? judged_->entry : Ledger::Entry{};
  result.offered += truth.offered;
  result.admitted += truth.admitted;
  over_pct_.push_back(100.0 * static_cast<double>(saturating_sub(truth.admitted, limit)) /
                      static_cast<double>(limit));
  false_pct_.push_back(100.0 * static_cast<double>(truth.false_rejections) /
                       static_cast<double>(std::max<std::uint64_t>(truth.offered, 1)));
}

void Experiment::offer_until(Instant until) {
  for (; next_.at < until; next_ = arrivals_->next()) {
    advance(next_.at);
    offer(next_.node);
  }
  advance(until);
}

void Experiment::offer(NodeIndex node) {
  const bool admitted = simulation_->request(node, principal).value_or(false);
  const CounterId id = simulation_->engine(node).decided()[0];
  if (judged_ == nullptr || judged_->id != id) judged_ = simulation_->ledger().find(id);
  STARLING_CHECK(judged_ != nullptr);
  if (!admitted || options_.scheme == Scheme::split) return;
  const Ledger::Entry& truth = judged_->entry;
  const double left = static_cast<double>(saturating_sub(options_.limit.requests, truth.admitted));
  convergence_->on_admitted(
      *simulation_, principal,
      Convergence::Hit{.node = node,
                       .window_id = id.window.id.value,
                       .own = truth.admitted_by(simulation_->engine(node).origin()),
                       .near_limit = left < near_limit_share * static_cast<double>(options_.limit.requests)});
}

void Experiment::advance(Instant until) {
  while (on_progress_ && next_report_ <= until) {
    simulation_->run_until(next_report_);
    on_progress_(static_cast<double>((next_report_ - begin_).count()) /
                 static_cast<double>((end_ - begin_).count()));
    next_report_ += std::max<Duration>(report_interval_min, (end_ - begin_) / reports_max);
  }
  simulation_->run_until(until);
}

std::array<Traffic, purposes_count> Experiment::traffic() {
  std::array<Traffic, purposes_count> sum{};
  for (NodeIndex node = 0; node < options_.nodes; ++node) {
    const auto sent = simulation_->engine(node).counts().sent;
    for (std::size_t purpose = 0; purpose < purposes_count; ++purpose) {
      sum[purpose].packets += sent[purpose].packets;
      sum[purpose].bytes += sent[purpose].bytes;
    }
  }
  return sum;
}

}  // namespace starling::sim
