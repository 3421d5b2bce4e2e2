#include "sim/simulation.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/check.hpp"

namespace starling::sim {
namespace {

constexpr std::uint16_t sync_port = 4290;
constexpr std::uint16_t heartbeat_port = 4291;
/// An arbitrary wall clock at the start, at the beginning of a window of any usual length.
constexpr std::uint64_t wall_start_ms = 1'800'000'000'000;
constexpr Duration poll_interval = std::chrono::milliseconds(1);

Address address_of(NodeIndex node) {
  return Address::v4(10, static_cast<std::uint8_t>(node >> 16), static_cast<std::uint8_t>(node >> 8),
                     static_cast<std::uint8_t>(node));
}

}  // namespace

/// The outside world of one node.
class Simulation::Shell final : public Effects {
 public:
  Shell(Simulation& simulation, NodeIndex node) : simulation_(simulation), node_(node) {}
  void send(Port via, const Endpoint& to, std::span<const std::byte> datagram) override {
    simulation_.send(node_, via, to, datagram);
  }
  void notify(const Notice& notice) override {
    simulation_.trace(static_cast<std::uint64_t>(notice.kind) + 1000 * node_);
    if (simulation_.observer_) simulation_.observer_(node_, notice);
  }

 private:
  Simulation& simulation_;
  NodeIndex node_;
};

Simulation::Simulation(SimulationOptions options)
    : options_(std::move(options)),
      random_(options_.seed),
      network_(options_.link, random_),
      nodes_(options_.nodes) {
  for (NodeIndex node = 0; node < nodes_.size(); ++node) listed_.push_back(node);
}

Simulation::~Simulation() = default;

Endpoint Simulation::heartbeat_endpoint(NodeIndex node) const {
  return Endpoint{address_of(node), heartbeat_port};
}

WallTime Simulation::wall(NodeIndex node) const {
  const auto elapsed =
      std::chrono::duration_cast<WallClock::duration>(now_.time_since_epoch() - std::chrono::hours(1));
  return WallTime(WallClock::duration(wall_start_ms) + elapsed + nodes_[node].skew);
}

void Simulation::trace(std::uint64_t what) {
  // FNV-1a over whole words: cheap, and any difference shows.
  for (const std::uint64_t word : {static_cast<std::uint64_t>(now_.time_since_epoch().count()), what})
    trace_hash_ = (trace_hash_ ^ word) * 0x100000001b3;
}

void Simulation::start(NodeIndex index) {
  Node& node = nodes_[index];
  STARLING_CHECK(node.engine == nullptr);
  EngineOptions options = options_.engine;
  options.origin = OriginId{random_.next() | 1};
  options.seed = random_.next();
  options.node_name = fmt::format("node-{}", index);
  options.sync_port = sync_port;
  options.has_neighborhood = options_.connected;
  node.engine = std::make_unique<Engine>(options, options_.rules, now_);
  node.armed = never;
  ++node.life;
  trace(index);
  if (options_.connected) {
    std::vector<Endpoint> listed;
    for (const NodeIndex other : listed_) listed.push_back(heartbeat_endpoint(other));
    Shell shell(*this, index);
    node.engine->on_resolved(listed, now_, shell);
  }
  arm(index);
}

void Simulation::start_all() {
  for (NodeIndex node = 0; node < nodes_.size(); ++node) start(node);
}

void Simulation::kill(NodeIndex index) {
  nodes_[index].engine.reset();
  ++nodes_[index].life;
  nodes_[index].armed = never;
}

void Simulation::leave(NodeIndex index, Duration timeout) {
  Shell shell(*this, index);
  nodes_[index].engine->begin_leave(now_, shell);
  nodes_[index].engine->finish_leave(now_ + timeout);
  arm(index);
}

void Simulation::list_in_dns(const std::vector<NodeIndex>& nodes) {
  listed_ = nodes;
  std::vector<Endpoint> listed;
  for (const NodeIndex node : nodes) listed.push_back(heartbeat_endpoint(node));
  for (NodeIndex index = 0; index < nodes_.size(); ++index) {
    if (!is_up(index)) continue;
    Shell shell(*this, index);
    nodes_[index].engine->on_resolved(listed, now_, shell);
    arm(index);
  }
}

void Simulation::at(Instant at, std::function<void()> action) {
  events_.add_action(std::max(at, now_), std::move(action));
}

void Simulation::arm(NodeIndex index) {
  Node& node = nodes_[index];
  const Instant deadline = std::max(node.engine->next_deadline(), now_);
  if (deadline >= node.armed) return;
  node.armed = deadline;
  events_.add_tick(deadline, index, node.life);
}

void Simulation::tick(NodeIndex index, std::uint64_t life) {
  Node& node = nodes_[index];
  if (node.life != life || node.armed != now_) return;  // killed, or armed anew for an earlier time
  node.armed = never;
  Shell shell(*this, index);
  node.engine->on_tick(now_, wall(index), shell);
  arm(index);
}

std::optional<NodeIndex> Simulation::node_at(const Endpoint& endpoint) const {
  const auto& bytes = endpoint.address.bytes;
  const NodeIndex node = (NodeIndex{bytes[13]} << 16) | (NodeIndex{bytes[14]} << 8) | bytes[15];
  if (node >= nodes_.size() || endpoint.address != address_of(node)) return std::nullopt;
  return node;
}

void Simulation::send(NodeIndex from, Port via, const Endpoint& to, std::span<const std::byte> bytes) {
  ++datagrams_sent_;
  const auto target = node_at(to);
  trace(bytes.size() + 2000 * from);
  if (!target || to.port != (via == Port::sync ? sync_port : heartbeat_port)) return;
  for (const Duration delay : network_.fate(from, *target))
    events_.add_arrival(now_ + delay, from, *target, via, bytes);
}

void Simulation::deliver(NodeIndex from, NodeIndex to, Port port, std::span<const std::byte> bytes) {
  if (!is_up(to)) return;
  inject(to, Endpoint{address_of(from), port == Port::sync ? sync_port : heartbeat_port}, port, bytes);
  if (port == Port::sync && options_.on_delta) options_.on_delta(from, to);
}

Result<void> Simulation::inject(NodeIndex to, const Endpoint& from, Port port,
                                std::span<const std::byte> bytes) {
  Shell shell(*this, to);
  const Result<void> outcome = nodes_[to].engine->on_datagram(from, port, bytes, now_, wall(to), shell);
  trace(outcome ? 1 : 2 + static_cast<std::uint64_t>(outcome.error().code));
  arm(to);
  if (options_.check_every_step && port == Port::sync && !last_principal_.empty())
    check(to, last_principal_, false);
  return outcome;
}

std::optional<bool> Simulation::request(NodeIndex index, std::string_view principal, Hits hits) {
  if (!is_up(index)) return std::nullopt;
  Engine& engine = *nodes_[index].engine;
  const Entry entry{.key = "principal", .value = principal};
  const Descriptor descriptor{.entries = std::span(&entry, 1)};
  const Decision decision = engine.decide(
      Request{.domain = {}, .descriptors = std::span(&descriptor, 1), .hits = hits}, now_, wall(index));
  for (const LimitStatus& status : decision.limits) {
    const Ledger::Key key{std::string(status.rule), status.window_s, status.window_id,
                          std::string(principal)};
    const Hits limit = options_.cluster_limit != 0 ? options_.cluster_limit : status.limit;
    if (decision.allowed && status.counted) ledger_.on_admitted(key, limit, engine.origin(), hits);
    if (!status.allowed) ledger_.on_denied(key, limit, hits);
  }
  const bool allowed = decision.allowed;
  trace(allowed ? 3 : 4);
  if (last_principal_ != principal) last_principal_ = principal;
  if (options_.check_every_step && allowed) check(index, principal, true);
  arm(index);
  return allowed;
}

void Simulation::check(NodeIndex index, std::string_view principal, bool admitted_now) {
  if (!failure_.empty()) return;
  Engine& engine = *nodes_[index].engine;
  const Entry entry{.key = "principal", .value = principal};
  const Descriptor descriptor{.entries = std::span(&entry, 1)};
  const Request request{.domain = {}, .descriptors = std::span(&descriptor, 1), .hits = 0};
  for (const CounterView& view : engine.counters(request, wall(index))) {
    const Window now = Window::at(wall(index), view.window_s);
    const Ledger::Key key{view.rule, view.window_s, view.window_id, std::string(principal)};
    std::string broken =
        ledger_.check(key, engine.origin(), view, admitted_now && now.id.value == view.window_id);
    if (broken.empty()) continue;
    failure_ = fmt::format("seed {}: at {} ns: {}", options_.seed, now_.time_since_epoch().count(), broken);
    return;
  }
}

void Simulation::load(NodeIndex node, std::string_view principal, double per_second, Instant until) {
  schedule_arrival(node, std::string(principal), per_second, until);
}

void Simulation::schedule_arrival(NodeIndex node, std::string principal, double per_second, Instant until) {
  const double gap_s = -std::log(1.0 - random_.unit()) / per_second;
  const Instant next = now_ + Duration(static_cast<std::int64_t>(gap_s * 1e9) + 1);
  if (next >= until) return;
  at(next, [this, node, principal = std::move(principal), per_second, until] {
    request(node, principal);
    schedule_arrival(node, principal, per_second, until);
  });
}

void Simulation::run(const EventQueue::Event& event) {
  now_ = event.at;
  switch (event.kind) {
    case EventQueue::Kind::action:
      events_.take_action(event)();
      return;
    case EventQueue::Kind::tick:
      tick(event.slot, event.life);
      return;
    case EventQueue::Kind::arrival: {
      const InTransit& datagram = events_.datagram(event);
      deliver(datagram.from, datagram.to, datagram.port, datagram.bytes);
      events_.release_datagram(event);
      return;
    }
  }
}

void Simulation::run_until(Instant until) {
  while (!events_.empty() && events_.next_at() <= until && failure_.empty()) run(events_.pop());
  now_ = std::max(now_, until);
}

bool Simulation::run_until(const std::function<bool()>& condition, Instant deadline) {
  while (!condition()) {
    if (now_ >= deadline || !failure_.empty()) return false;
    run_until(std::min(now_ + poll_interval, deadline));
  }
  return true;
}

bool Simulation::views_agree(std::string_view principal) {
  const Entry entry{.key = "principal", .value = principal};
  const Descriptor descriptor{.entries = std::span(&entry, 1)};
  const Request request{.domain = {}, .descriptors = std::span(&descriptor, 1), .hits = 0};
  std::optional<std::vector<std::pair<std::uint64_t, Hits>>> first;
  for (NodeIndex index = 0; index < nodes_.size(); ++index) {
    if (!is_up(index)) continue;
    std::vector<std::pair<std::uint64_t, Hits>> mine;
    for (const CounterView& view : nodes_[index].engine->counters(request, wall(index)))
      for (const CounterView::Share& share : view.shares) {
        mine.emplace_back(view.window_id, share.hits);
        mine.emplace_back(share.origin.value, view.window_s);
      }
    if (!first) first = mine;
    if (*first != mine) return false;
  }
  return true;
}

}  // namespace starling::sim
