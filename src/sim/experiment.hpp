/// "What will my cluster do?" One limit, one principal, a steady load: how much more than the limit passes,
/// how much is refused that should have passed, and what does the agreement cost in packets?
///
/// Runs real engines (`simulation.hpp`): lets the cluster settle, offers load for a window to warm up, then
/// measures whole windows. The judge is the ledger, which sees what no node can: the sum of all admissions at
/// every moment. The load is the same for the same seed, whatever else is changed (`arrivals.hpp`), so two
/// experiments differ by their options alone.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "limiter/rules.hpp"
#include "sim/arrivals.hpp"
#include "sim/convergence.hpp"
#include "sim/simulation.hpp"

namespace starling::sim {

/// How the nodes come to hold one limit.
enum class Scheme : std::uint8_t {
  gossip,  ///< as `starling node` does
  split,   ///< limit / N each and not a word to the others, as Tyk and Traefik do
};
constexpr std::string_view name(Scheme scheme) {
  return scheme == Scheme::gossip ? "gossip" : "split";
}

struct ExperimentOptions {
  std::size_t nodes = 10;
  Limit limit{.requests = 1000, .window_s = 1};
  double load = 10;  ///< requests offered to the whole cluster per window, in limits
  Spread spread = Spread::even;
  LinkOptions link;
  Scheme scheme = Scheme::gossip;
  Admission admission = Admission::optimistic;
  std::optional<Duration> fixed_interval;  ///< nothing: publish by the flush rule
  std::uint32_t windows = 30;              ///< measured
  std::uint64_t seed = 1;
};

/// Over the windows measured.
struct Summary {
  double mean = 0;
  double p99 = 0;
  double max = 0;
};

struct ExperimentResult {
  bool settled = true;  ///< all nodes knew each other before the load began
  std::uint64_t offered = 0;
  std::uint64_t admitted = 0;
  Summary over_admission_pct;   ///< admitted beyond the limit, of the limit
  Summary false_rejection_pct;  ///< denied while the cluster was below the limit, of the requests offered
  double admitted_pct_mean = 0;
  double packets_per_node_per_window = 0;                   ///< sent; datagrams
  double bytes_per_node_per_window = 0;                     ///< their UDP payloads
  std::array<double, purposes_count> packets_by_purpose{};  ///< per node per window
  Convergence::Percentiles convergence;
  Convergence::Percentiles
      convergence_at_limit;  ///< of hits admitted when less than 10 % of the limit was left
};

class Experiment {
 public:
  explicit Experiment(const ExperimentOptions& options);

  /// Runs it, once. `on_progress` hears from time to time which share of the virtual time is over.
  ExperimentResult run(std::function<void(double)> on_progress = {});

 private:
  void start();
  bool is_complete();
  bool settle();
  Instant next_window_start();
  void offer_until(Instant until);
  void offer(NodeIndex node);
  void advance(Instant until);
  std::array<Traffic, purposes_count> traffic();
  void judge_window(std::uint64_t window_id, ExperimentResult& result);

  ExperimentOptions options_;
  std::unique_ptr<Convergence> convergence_;
  std::unique_ptr<Simulation> simulation_;
  std::unique_ptr<Arrivals> arrivals_;
  Arrivals::Arrival next_;
  const Ledger::Counter* judged_ = nullptr;  // what the last request was held to
  std::function<void(double)> on_progress_;
  Instant begin_;
  Instant end_;
  Instant next_report_;
  std::vector<double> over_pct_;
  std::vector<double> false_pct_;
};

}  // namespace starling::sim
