/// Many real engines on a virtual network and a virtual clock.
///
/// Nothing here waits: the next event is taken from a queue and time jumps to it. All randomness comes from
/// one seed, so a run is repeated bit for bit by its seed, and `trace_hash` says whether it was. Engines are
/// the ones of `starling node`, not models of them.
///
/// A run usually has two phases: faults, then `heal` and a demand that all views become equal.
#pragma once

#include <starling/request.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/random.hpp"
#include "engine/engine.hpp"
#include "sim/event_queue.hpp"
#include "sim/ledger.hpp"
#include "sim/network.hpp"

namespace starling::sim {

struct SimulationOptions {
  std::uint64_t seed = 1;
  std::size_t nodes = 3;
  RuleSet rules = RuleSet::built_in();
  LinkOptions link;
  EngineOptions engine;          ///< a template: origin, seed and name are set per node
  bool check_every_step = true;  ///< run the ledger's checks after every admission and delivery
  bool connected = true;         ///< false: each node is configured as a cluster of one
  Hits cluster_limit = 0;        ///< what the ledger holds the cluster to; 0: the limit that the node names
  /// Told of each datagram that came to a node's sync port, after the node has taken it in.
  std::function<void(NodeIndex from, NodeIndex to)> on_delta;
};

class Simulation {
 public:
  explicit Simulation(SimulationOptions options);
  ~Simulation();

  /// Starts a node at its address; a node that was up before comes back as a new origin.
  void start(NodeIndex node);
  /// Stops it dead: nothing is flushed.
  void kill(NodeIndex node);
  void start_all();
  /// Tells it to stop as SIGTERM would, with no client left; its state becomes `left` within `timeout`.
  void leave(NodeIndex node, Duration timeout);

  /// What DNS lists from now on; every node that is up hears of it at once.
  void list_in_dns(const std::vector<NodeIndex>& nodes);

  /// Offers one request for `principal` to a node, now. Nothing if the node is down.
  std::optional<bool> request(NodeIndex node, std::string_view principal, Hits hits = 1);

  /// Offers `per_second` requests to the node, at random (Poisson) times, until `until`.
  void load(NodeIndex node, std::string_view principal, double per_second, Instant until);

  /// Calls `action` at `at`.
  void at(Instant at, std::function<void()> action);

  void run_until(Instant until);
  /// Runs until `condition` holds, checked every millisecond; false if `deadline` comes first.
  bool run_until(const std::function<bool()>& condition, Instant deadline);

  /// The clock of the simulation and that of a node's wall.
  Instant now() const { return now_; }
  WallTime wall(NodeIndex node) const;
  void set_clock_skew(NodeIndex node, WallClock::duration skew) { nodes_[node].skew = skew; }

  /// Calls `observer` for whatever a node has to say to people.
  void observe(std::function<void(NodeIndex, const Notice&)> observer) { observer_ = std::move(observer); }

  Network& network() { return network_; }
  Random& random() { return random_; }
  Ledger& ledger() { return ledger_; }
  bool is_up(NodeIndex node) const { return nodes_[node].engine != nullptr; }
  Engine& engine(NodeIndex node) { return *nodes_[node].engine; }
  std::size_t nodes_count() const { return nodes_.size(); }
  Endpoint heartbeat_endpoint(NodeIndex node) const;

  /// Hands raw bytes to a node as if they had come from `from`.
  Result<void> inject(NodeIndex to, const Endpoint& from, Port port, std::span<const std::byte> bytes);

  /// True if all nodes that are up hold the same components of `principal` in the current window.
  bool views_agree(std::string_view principal);

  /// The first check that failed, with the seed; empty while all is well.
  const std::string& failure() const { return failure_; }
  std::uint64_t trace_hash() const { return trace_hash_; }
  std::uint64_t datagrams_sent() const { return datagrams_sent_; }

 private:
  class Shell;
  struct Node {
    std::unique_ptr<Engine> engine;
    std::uint64_t life = 0;  // events of an earlier life are void
    Instant armed = never;
    WallClock::duration skew{};
  };

  void arm(NodeIndex node);
  void run(const EventQueue::Event& event);
  void tick(NodeIndex node, std::uint64_t life);
  void send(NodeIndex from, Port via, const Endpoint& to, std::span<const std::byte> bytes);
  void deliver(NodeIndex from, NodeIndex to, Port port, std::span<const std::byte> bytes);
  std::optional<NodeIndex> node_at(const Endpoint& endpoint) const;
  void check(NodeIndex node, std::string_view principal, bool admitted_now);
  void trace(std::uint64_t what);
  void schedule_arrival(NodeIndex node, std::string principal, double per_second, Instant until);

  SimulationOptions options_;
  Random random_;
  Network network_;
  Ledger ledger_;
  Instant now_{std::chrono::hours(1)};
  std::vector<Node> nodes_;
  std::vector<NodeIndex> listed_;
  EventQueue events_;
  std::uint64_t trace_hash_ = 0xcbf29ce484222325;
  std::uint64_t datagrams_sent_ = 0;
  std::function<void(NodeIndex, const Notice&)> observer_;
  std::string last_principal_;
  std::string failure_;
};

}  // namespace starling::sim
