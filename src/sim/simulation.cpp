#include "sim/simulation.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/check.hpp"

namespace starling::sim {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr Duration resolve_interval = seconds(5);
constexpr std::size_t waiting_requests_max = 64;
/// Datagrams that a node reads before it looks at its timers.
constexpr std::size_t datagrams_per_read = 32;
/// More than a clogged link holds; a deadline that never moves on makes more.
constexpr std::uint64_t events_at_once_max = 1'000'000;

std::uint32_t narrow(NodeIndex node) {
  return static_cast<std::uint32_t>(node);
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
      reader_(options_.engine.cluster),
      now_(start_of_time),
      nodes_(options_.nodes) {
  ledger_.demands_truth = live_truth_.demands_truth = !options_.believe_damage;
  reader_.learn(options_.engine.keys);
  std::vector<Endpoint> all;
  for (NodeIndex node = 0; node < nodes_.size(); ++node) all.push_back(heartbeat_endpoint(node));
  for (Node& node : nodes_) node.dns = all;
}

Simulation::~Simulation() = default;

Endpoint Simulation::heartbeat_endpoint(NodeIndex node) const {
  return Endpoint{address_of(node), port_number(Port::heartbeat)};
}

WallTime Simulation::wall(NodeIndex node) const {
  const auto elapsed = std::chrono::duration_cast<WallClock::duration>(now_ - start_of_time);
  return wall_start + elapsed + nodes_[node].skew;
}

void Simulation::set_clock_skew(NodeIndex index, WallClock::duration skew) {
  nodes_[index].skew = skew;
}

void Simulation::see_wall(NodeIndex index) {
  Node& node = nodes_[index];
  node.wall_highest = std::max(node.wall_highest, node.expiry_clock.at(now_, wall(index)));
  wall_highest_ = std::max(wall_highest_, wall(index));
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
  options.sync_port = port_number(Port::sync);
  options.has_neighborhood = options_.connected;
  if (node.keys) options.keys = *node.keys;
  node.engine = std::make_unique<Engine>(options, node.rules.value_or(options_.rules), now_);
  node.strangers = std::make_unique<StrangerAccount>(options.origin, reader_);
  node.armed = never;
  node.paused_until = Instant{};
  node.expiry_clock = ExpiryClock{};
  node.wall_highest = WallTime{};
  node.keys_unread = false;
  node.is_estranged = node.keys_are_foreign;
  node.keys_changes = 0;
  node.opened.clear();
  node.counters_highest.clear();
  node.awake_since = now_;
  ++lives_count_;
  ++node.life;
  trace(index);
  see_wall(index);
  if (options_.connected) {
    resolve(index);
  } else {
    arm(index);
  }
}

void Simulation::start_all() {
  for (NodeIndex node = 0; node < nodes_.size(); ++node) start(node);
}

void Simulation::kill(NodeIndex index) {
  Node& node = nodes_[index];
  if (node.engine) died_[node.engine->origin()] = now_;
  node.engine.reset();
  node.strangers.reset();
  ++node.life;
  node.armed = never;
  for (const std::uint32_t slot : node.socket) datagrams_.free(slot);
  node.socket.clear();
  node.socket_bytes = {};
  node.waiting.clear();
}

void Simulation::leave(NodeIndex index, Duration timeout) {
  Shell shell(*this, index);
  nodes_[index].engine->begin_leave(now_, shell);
  nodes_[index].engine->finish_leave(now_ + timeout);
  arm(index);
}

void Simulation::pause(NodeIndex index, Instant until) {
  Node& node = nodes_[index];
  if (!is_up(index) || until <= node.paused_until) return;
  node.paused_until = until;
  events_.push({.at = until, .kind = Event::Kind::resume, .node = narrow(index), .life = node.life});
}

void Simulation::resume(NodeIndex index) {
  Node& node = nodes_[index];
  if (is_paused(index)) return;  // paused anew, for longer
  const std::uint64_t life = node.life;
  std::vector<std::uint32_t> socket;
  socket.swap(node.socket);
  node.socket_bytes = {};
  std::vector<Waiting> waiting;
  waiting.swap(node.waiting);
  node.awake_since = now_;
  // It reads its sockets and the key file in any order.
  if (!node.keys_unread || random_.chance(0.5)) read_keys(index);
  std::size_t read = 0;
  for (const std::uint32_t slot : socket) {
    deliver(slot);
    if (++read == datagrams_per_read && node.life == life) tick(index);
  }
  read_keys(index);
  if (node.life == life) tick(index);
  for (const Waiting& each : waiting) request(index, each.principal, each.hits);
}

void Simulation::resolve(NodeIndex index) {
  Node& node = nodes_[index];
  events_.push({.at = now_ + random_.jittered(resolve_interval, 0.1),
                .kind = Event::Kind::resolve,
                .node = narrow(index),
                .life = node.life});
  if (is_paused(index)) return;
  node.strangers->on_listed(node.dns);
  Shell shell(*this, index);
  node.engine->on_resolved(node.dns, now_, shell);
  arm(index);
}

void Simulation::list_in_dns(const std::vector<NodeIndex>& nodes) {
  std::vector<Endpoint> listed;
  listed.reserve(nodes.size());
  for (const NodeIndex node : nodes) listed.push_back(heartbeat_endpoint(node));
  for (NodeIndex index = 0; index < nodes_.size(); ++index) {
    Node& node = nodes_[index];
    node.dns = listed;
    if (!is_up(index) || is_paused(index)) continue;
    node.strangers->on_listed(listed);
    Shell shell(*this, index);
    node.engine->on_resolved(listed, now_, shell);
    arm(index);
  }
}

void Simulation::replace_rules(NodeIndex index, RuleSet rules) {
  Node& node = nodes_[index];
  node.rules = std::move(rules);
  if (is_up(index)) node.engine->replace_rules(*node.rules);
}

void Simulation::replace_keys(NodeIndex index, const wire::KeyRing& ring, bool is_foreign) {
  Node& node = nodes_[index];
  if (!is_foreign) reader_.learn(ring);
  node.keys = ring;
  node.keys_are_foreign = is_foreign;
  node.is_estranged = node.is_estranged || is_foreign;
  node.keys_unread = is_up(index);
  if (!is_paused(index)) read_keys(index);
}

void Simulation::read_keys(NodeIndex index) {
  Node& node = nodes_[index];
  if (!is_up(index)) node.is_estranged = node.keys_are_foreign;
  if (!is_up(index) || !node.keys_unread) return;
  node.keys_unread = false;
  ++node.keys_changes;
  node.is_estranged = node.keys_are_foreign;
  node.engine->replace_keys(*node.keys);
}

bool Simulation::keys_are_read() const {
  return std::none_of(nodes_.begin(), nodes_.end(),
                      [](const Node& node) { return node.engine != nullptr && node.keys_unread; });
}

bool Simulation::set_live(NodeIndex index, const LiveOverride& what,
                          std::optional<WallClock::duration> expires_in) {
  if (!is_up(index) || is_paused(index)) return false;
  Shell shell(*this, index);
  Engine& engine = *nodes_[index].engine;
  std::optional<WallTime> expires_at;
  if (expires_in) expires_at = wall(index) + *expires_in;
  const auto set = engine.set_live(what, expires_at, "somebody", now_, wall(index), shell);
  const LiveTable::Place place = engine.live_table().place(what);
  if (set) live_truth_.on_changed(place, *engine.live_table().find(place));
  trace(set ? 5 : 6);
  arm(index);
  return set.has_value();
}

bool Simulation::clear_live(NodeIndex index, const LiveOverride& subject) {
  if (!is_up(index) || is_paused(index)) return false;
  Shell shell(*this, index);
  Engine& engine = *nodes_[index].engine;
  const bool cleared = engine.clear_live(subject, "somebody", now_, wall(index), shell);
  const LiveTable::Place place = engine.live_table().place(subject);
  if (cleared) live_truth_.on_changed(place, *engine.live_table().find(place));
  trace(cleared ? 7 : 8);
  arm(index);
  return cleared;
}

void Simulation::at(Instant at, std::function<void()> action) {
  const std::uint32_t slot = actions_.take();
  actions_[slot] = std::move(action);
  events_.push({.at = std::max(at, now_), .kind = Event::Kind::action, .slot = slot});
}

void Simulation::arm(NodeIndex index) {
  Node& node = nodes_[index];
  if (!is_up(index) || is_paused(index)) return;
  const Instant deadline = std::max(node.engine->next_deadline(), now_);
  if (deadline >= node.armed) return;
  node.armed = deadline;
  events_.push({.at = deadline, .kind = Event::Kind::tick, .node = narrow(index), .life = node.life});
}

void Simulation::tick(NodeIndex index) {
  Node& node = nodes_[index];
  node.armed = never;
  see_wall(index);
  Shell shell(*this, index);
  node.engine->on_tick(now_, wall(index), shell);
  if (options_.check_every_step) {
    check_any(index);
    check_sizes(index);
    check_dead(index);
  }
  arm(index);
}

Result<void> Simulation::hand_over(const Datagram& datagram) {
  Shell shell(*this, datagram.to);
  return nodes_[datagram.to].engine->on_datagram(datagram.from, datagram.port, datagram.bytes, now_,
                                                 wall(datagram.to), shell);
}

std::optional<bool> Simulation::request(NodeIndex index, std::string_view principal, Hits hits) {
  if (!is_up(index)) return std::nullopt;
  Node& node = nodes_[index];
  if (is_paused(index)) {
    if (node.waiting.size() < waiting_requests_max)
      node.waiting.push_back(Waiting{std::string(principal), hits});
    return std::nullopt;
  }
  ++requests_count_;
  Engine& engine = *node.engine;
  const starling::Entry entry{.key = "principal", .value = principal};
  const Descriptor descriptor{.entries = std::span(&entry, 1)};
  const Decision decision = engine.decide(
      Request{.domain = {}, .descriptors = std::span(&descriptor, 1), .hits = hits}, now_, wall(index));
  trace(decision.allowed ? 3 : 4);
  if (options_.check_every_step) check_counted_once(decision, engine.decided(), hits);
  for (std::size_t i = 0; i < decision.limits.size(); ++i) {
    const LimitStatus& status = decision.limits[i];
    if (status.unlimited) continue;
    const bool counted = decision.allowed && status.counted && hits > 0;
    if (!counted && status.allowed) continue;
    const Hits limit = options_.cluster_limit != 0 ? options_.cluster_limit : status.limit;
    Ledger::Counter& counter = ledger_.counter(engine.decided()[i], status.rule, principal, limit);
    if (counted) Ledger::on_admitted(counter, engine.origin(), hits);
    if (!status.allowed) Ledger::on_denied(counter, hits);
    // What a rule lets pass because it only learns is no admission within the limit.
    if (counted && options_.check_every_step) check(index, counter, status.allowed);
  }
  arm(index);
  return decision.allowed;
}

void Simulation::load(NodeIndex node, std::string_view principal, double per_second, Instant until,
                      Hits hits_max) {
  const std::uint32_t slot = loads_.take();
  loads_[slot] = Load{node, std::string(principal), per_second, until, hits_max};
  schedule_arrival(slot);
}

void Simulation::schedule_arrival(std::uint32_t slot) {
  const Load& load = loads_[slot];
  const double gap_s = -std::log(1.0 - random_.unit()) / load.per_second;
  const Instant next = now_ + Duration(static_cast<std::int64_t>(gap_s * 1e9) + 1);
  if (next >= load.until) {
    loads_.free(slot);
    return;
  }
  events_.push({.at = next, .kind = Event::Kind::arrival, .slot = slot});
}

void Simulation::run(const Event& event) {
  const NodeIndex index = event.node;
  const bool same_life = nodes_[index].life == event.life;
  switch (event.kind) {
    case Event::Kind::tick:
      // Killed, paused, or armed anew for an earlier time.
      if (same_life && nodes_[index].armed == event.at && !is_paused(index)) tick(index);
      break;
    case Event::Kind::deliver:
      deliver(event.slot);
      break;
    case Event::Kind::arrival: {
      const Load& load = loads_[event.slot];
      request(load.node, load.principal, load.hits_max > 1 ? 1 + random_.below(load.hits_max) : 1);
      schedule_arrival(event.slot);
      break;
    }
    case Event::Kind::resolve:
      if (same_life) resolve(index);
      break;
    case Event::Kind::resume:
      if (same_life) resume(index);
      break;
    case Event::Kind::action: {
      const std::function<void()> action = std::move(actions_[event.slot]);
      actions_.free(event.slot);
      action();
      break;
    }
  }
}

void Simulation::run_until(Instant until) {
  while (failure_.empty() && events_.next_at() <= until) {
    const Event event = events_.pop();
    events_at_once_ = event.at == now_ ? events_at_once_ + 1 : 0;
    if (events_at_once_ > events_at_once_max)
      return fail_check("standstill: a node asks for ticks without end");
    now_ = event.at;
    run(event);
  }
  if (failure_.empty()) now_ = std::max(now_, until);
}

bool Simulation::run_until(const std::function<bool()>& condition, Instant deadline, Duration poll) {
  while (!condition()) {
    if (now_ >= deadline || !failure_.empty()) return false;
    run_until(std::min(now_ + poll, deadline));
  }
  return true;
}

}  // namespace starling::sim
