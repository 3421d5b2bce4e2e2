// What is checked after every step, and what is demanded in the end.
#include <fmt/format.h>

#include <algorithm>
#include <tuple>

#include "counter/window.hpp"
#include "sim/simulation.hpp"

namespace starling::sim {
namespace {

using Share = CounterView::Share;

/// Counters looked at in search of one that lives.
constexpr int tries_max = 8;
/// What was under way when a node died has arrived by now, or been replaced by repair.
constexpr Duration long_after_death = std::chrono::seconds(1);

bool by_origin(const Share& a, const Share& b) {
  return std::tuple(a.origin, a.hits) < std::tuple(b.origin, b.hits);
}

Hits hits_of(const std::vector<Share>& shares, OriginId origin) {
  for (const Share& share : shares)
    if (share.origin == origin) return share.hits;
  return 0;
}

std::string listed(const std::vector<Share>& shares) {
  std::string out;
  for (const Share& share : shares) out += fmt::format(" {:016x}={}", share.origin.value, share.hits);
  return out.empty() ? " nothing" : out;
}

/// None of it was read.
bool was_kept_out(ErrorCode code) {
  return code == ErrorCode::not_sealed || code == ErrorCode::sealed || code == ErrorCode::unknown_key ||
         code == ErrorCode::bad_seal || code == ErrorCode::too_many_senders;
}

}  // namespace

void Simulation::fail_check(const std::string& broken) {
  if (broken.empty() || !failure_.empty()) return;
  const auto since_start =
      std::chrono::duration_cast<std::chrono::microseconds>(now_.time_since_epoch() - std::chrono::hours(1));
  failure_ = fmt::format("seed {}: at {:.6f} s: {}", options_.seed,
                         static_cast<double>(since_start.count()) / 1e6, broken);
}

bool Simulation::may_have_forgotten(NodeIndex node, const Window& window) const {
  return WindowRetention{}.expires_ms(window) <= ms_since_epoch(nodes_[node].wall_highest);
}

void Simulation::check(NodeIndex node, Ledger::Counter& counter, bool admitted_now) {
  const Hits total = nodes_[node].engine->look(counter.id, shares_);
  check_looked(node, counter, total, admitted_now);
}

void Simulation::check_looked(NodeIndex node, Ledger::Counter& counter, Hits total, bool admitted_now) {
  ++checks_count_;
  fail_check(ledger_.check(counter,
                           Ledger::View{.observer = nodes_[node].engine->origin(),
                                        .total = total,
                                        .shares = shares_,
                                        .admitted_now = admitted_now,
                                        .may_have_forgotten = may_have_forgotten(node, counter.id.window)}));
}

void Simulation::check_any(NodeIndex node) {
  std::deque<Ledger::Counter>& counters = ledger_.counters();
  const std::uint64_t now_ms = ms_since_epoch(wall_highest_);
  for (; check_first_ < counters.size(); ++check_first_) {
    Ledger::Counter& first = counters[check_first_];
    // Long enough ago for every clock that may be behind.
    if (WindowRetention{}.expires_ms(first.id.window) + 4 * first.id.window.length_ms() + 10'000 > now_ms)
      break;
    first.observers = {};
  }
  for (int tries = 0; tries < tries_max && check_first_ < counters.size(); ++tries) {
    if (check_next_ < check_first_ || check_next_ >= counters.size()) check_next_ = check_first_;
    Ledger::Counter& counter = counters[check_next_++];
    if (may_have_forgotten(node, counter.id.window)) continue;
    check(node, counter, false);
    return;
  }
}

void Simulation::check_sizes(NodeIndex node) {
  const EngineSizes sizes = nodes_[node].engine->sizes();
  const std::size_t components_max = options_.engine.components_max;
  const std::array<std::tuple<std::string_view, std::size_t, std::size_t>, 9> bounds{{
      {"counters", sizes.counters, options_.engine.counters_max},
      {"components", sizes.components, components_max},
      {"origins", sizes.origins, origins_max},
      {"peers", sizes.peers, peers_max},
      {"addresses", sizes.addresses, candidates_max},
      {"live overrides", sizes.overrides, options_.engine.live_overrides_max},
      {"streams", sizes.gossip.streams, peers_max},
      {"deltas in flight", sizes.gossip.in_flight_most, Gossip::in_flight_packets_max},
      // Beside each place of a living component there may be one of a component that was forgotten.
      {"places in the publish queue", sizes.gossip.waiting, 2 * components_max},
  }};
  for (const auto& [what, used, bound] : bounds)
    if (used > bound) fail_check(fmt::format("bounds: node {}: {} {}, at most {}", node, used, what, bound));
}

void Simulation::check_counted_once(const Decision& decision, std::span<const CounterId> decided, Hits hits) {
  for (std::size_t i = 0; i < decision.limits.size(); ++i) {
    if (decision.limits[i].unlimited) continue;
    for (std::size_t j = 0; j < i; ++j)
      if (!decision.limits[j].unlimited && decided[j] == decided[i])
        fail_check(fmt::format("double count: rules {} and {} lead to one counter", decision.limits[j].rule,
                               decision.limits[i].rule));
    const LimitStatus& status = decision.limits[i];
    const auto is_same_limit = [&](const LimitStatus& other) {
      return !other.unlimited && other.rule == status.rule && other.window_s == status.window_s;
    };
    // Once for each limit, through however many counters.
    const auto first = std::find_if(decision.limits.begin(), decision.limits.end(), is_same_limit);
    if (decision.allowed && status.counted &&
        first - decision.limits.begin() == static_cast<std::ptrdiff_t>(i))
      admitted_[{std::string(status.rule), status.window_s}] += hits;
  }
}

std::vector<const LiveTable*> Simulation::live_tables() const {
  std::vector<const LiveTable*> tables;
  for (const Node& node : nodes_)
    if (node.engine) tables.push_back(&node.engine->live_table());
  return tables;
}

LiveTruth::Known Simulation::overrides_known() const {
  return LiveTruth::known(live_tables());
}

std::string Simulation::overrides_disagreement(const LiveTruth::Known& known) const {
  const auto elapsed = std::chrono::duration_cast<WallClock::duration>(now_ - start_of_time);
  return live_truth_.disagreement(live_tables(), known, wall_start + elapsed, wall_highest_);
}

void Simulation::check_delta(NodeIndex node, std::span<const std::byte> bytes, const Result<void>& outcome) {
  if (!failure_.empty()) return;
  if (!outcome && was_kept_out(outcome.error().code)) return;
  if (reader_.open(bytes, Port::sync, now_) != wire::Kind::delta) return;
  const auto decoded = reader_.message().delta();
  if (!decoded) return;
  const wire::Delta& delta = **decoded;
  const OriginId self = nodes_[node].engine->origin();
  if (delta.sender == self || delta.origin == self) return;
  const bool may_refuse = !outcome && (outcome.error().code == ErrorCode::table_full ||
                                       outcome.error().code == ErrorCode::window_out_of_range);
  for (const wire::DeltaEntry& entry : delta.entries) {
    const CounterId id{.key = entry.key, .window = {.length_s = entry.window_s, .id = entry.window_id}};
    const Hits total = nodes_[node].engine->look(id, shares_);
    Ledger::Counter* counter = ledger_.find(id);
    if (counter == nullptr) {
      if (ledger_.demands_truth && !shares_.empty())
        fail_check(fmt::format("truth: node {} holds a counter in which nobody has counted", node));
      continue;
    }
    if (hits_of(shares_, delta.origin) < entry.count) {
      if (!may_refuse)
        fail_check(fmt::format("join: node {}: took a delta with {} hits of origin {:016x} and holds {}",
                               node, entry.count, delta.origin.value, hits_of(shares_, delta.origin)));
      counter->observer(self).refused = true;
    }
    const bool is_new = entry.count > hits_of(counter->observer(self).seen, delta.origin);
    if (is_new && delta.sender == delta.origin && long_dead(delta.origin)) counter->heard_the_dead = true;
    check_looked(node, *counter, total, false);
  }
}

bool Simulation::long_dead(OriginId origin) const {
  const auto found = died_.find(origin);
  return found != died_.end() && now_ - found->second > long_after_death;
}

std::string Simulation::disagreement_about(Ledger::Counter& counter) {
  // What the dead told somebody to the end, everybody must know.
  std::vector<OriginId> whole;
  std::vector<std::pair<OriginId, std::string>> incomplete;
  for (NodeIndex index = 0; index < nodes_.size(); ++index) {
    if (!is_up(index)) continue;
    const Engine& engine = *nodes_[index].engine;
    const Ledger::Observer* observer = counter.find_observer(engine.origin());
    if (observer != nullptr && observer->refused) continue;
    engine.look(counter.id, shares_);
    ++views_compared_;
    for (const Share& share : shares_)
      if (share.hits > counter.entry.admitted_by(share.origin))
        return fmt::format("node {} sees {} hits of {:016x}, which admitted {}", index, share.hits,
                           share.origin.value, counter.entry.admitted_by(share.origin));
    for (const Share& truth : counter.entry.by_origin) {
      if (hits_of(shares_, truth.origin) == truth.hits) {
        whole.push_back(truth.origin);
        continue;
      }
      const bool lives = !died_.contains(truth.origin);
      if (!lives && counter.heard_the_dead) continue;
      std::sort(shares_.begin(), shares_.end(), by_origin);
      std::string said =
          fmt::format("rule {}, {} s window {}, principal {}: node {} sees{}, but {:016x} ({}) admitted {}",
                      counter.key.rule, counter.key.window_s, counter.key.window_id, counter.key.principal,
                      index, listed(shares_), truth.origin.value, lives ? "living" : "dead", truth.hits);
      if (lives) return said;
      incomplete.emplace_back(truth.origin, std::move(said));
    }
  }
  for (const auto& [origin, said] : incomplete)
    if (std::find(whole.begin(), whole.end(), origin) != whole.end()) return said + ", as others know";
  return {};
}

std::string Simulation::disagreement(WallTime since) {
  std::deque<Ledger::Counter>& counters = ledger_.counters();
  const std::uint64_t passed_ms = ms_since_epoch(wall_highest_);
  const auto judged = [&](const Ledger::Counter& counter) {
    const Window& window = counter.id.window;
    return window.id.value * window.length_ms() >= ms_since_epoch(since) &&
           WindowRetention{}.expires_ms(window) > passed_ms;
  };
  views_compared_ = 0;
  if (disagreed_ < counters.size() && judged(counters[disagreed_])) {
    std::string differs = disagreement_about(counters[disagreed_]);
    if (!differs.empty()) return differs;
  }
  views_compared_ = 0;
  for (std::size_t i = check_first_; i < counters.size(); ++i) {
    if (!judged(counters[i])) continue;
    std::string differs = disagreement_about(counters[i]);
    if (differs.empty()) continue;
    disagreed_ = i;
    return differs;
  }
  return {};
}

bool Simulation::views_agree(std::string_view principal) {
  const starling::Entry entry{.key = "principal", .value = principal};
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
