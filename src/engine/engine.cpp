#include "engine/engine.hpp"

#include <starling/version.hpp>

#include <algorithm>
#include <utility>

#include "base/check.hpp"

namespace starling {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

/// Components of counters dropped per tick, or a counter's more: a million that expire together must not
/// stall requests, and a counter of a hundred nodes has a hundred.
constexpr std::size_t expire_per_tick_max = 1024;
constexpr Duration expiry_check_interval = milliseconds(250);
constexpr Duration table_full_notice_interval = seconds(10);
constexpr std::size_t answer_factor_max = 3;
/// A goodbye may be lost; nobody acks it.
constexpr int goodbyes_count = 2;

}  // namespace

Engine::Engine(EngineOptions options, RuleSet rules, Instant now)
    : options_(std::move(options)),
      hash_(options_.cluster),
      sealer_(options_.origin, options_.cluster, options_.keys),
      opener_(options_.cluster, options_.keys),
      random_(options_.seed),
      counters_(CounterTable::Options{.counters_max = options_.counters_max,
                                      .components_max = options_.components_max,
                                      .retention = {},
                                      .seed = Random(options_.seed + options_.origin.value + 1).next()}),
      limiter_(std::move(rules), hash_, options_.counters_max),
      store_(counters_, limiter_.guard()),
      membership_(Membership::Options{.self = options_.origin,
                                      .node_name = options_.node_name,
                                      .software = version,
                                      .sync_port = options_.sync_port,
                                      .heartbeat_interval = options_.heartbeat_interval,
                                      .flush_coalesce = options_.flush_coalesce,
                                      .window_s_smallest = limiter_.rules().window_s_smallest()},
                  random_),
      gossip_(Gossip::Options{.self = options_.origin,
                              .cluster_tag = hash_.cluster_tag(),
                              .sealer = &sealer_,
                              .queue = {.flush_coalesce = options_.flush_coalesce,
                                        .sync_interval = options_.sync_interval,
                                        .late_per_beat_min = options_.late_per_beat_min,
                                        .components_max = counters_.component_rows_max()},
                              .egress_bytes_per_s = options_.egress_bytes_per_s,
                              .sync_mode = options_.sync_mode},
              store_, membership_, random_),
      live_(LiveTable::Options{.self = options_.origin, .entries_max = options_.live_overrides_max}, hash_),
      live_exchange_(options_.origin, live_, membership_, gossip_.egress(), gossip_.encoder()),
      top_(TopBoard::Options{.self = options_.origin,
                             .names_max = std::min<std::size_t>(names_max_default, options_.counters_max)},
           counters_, limiter_, membership_, gossip_),
      decoder_(hash_.cluster_tag(), &opener_) {
  begin_join(now);
  STARLING_CHECK(options_.origin != OriginId{});
  show(options_.keys);
  options_.keys = {};  // kept where they are used, and wiped here
  if (!options_.has_neighborhood) state_ = EngineState::ready;
}

Result<void> Engine::on_datagram(const Endpoint& from, Port port, std::span<const std::byte> bytes,
                                 Instant now, WallTime wall, Effects& effects) {
  ++counts_.datagrams_received;
  store_.set_wall(wall);
  wall_ = wall;
  const auto kind = decoder_.open(bytes, port, now);
  if (kind) {
    KindTraffic& traffic = counts_.received_by_kind[wire::index_of(*kind)];
    ++traffic.packets;
    traffic.bytes += bytes.size();
  }
  const Result<void> outcome =
      kind ? dispatch(from, *kind, bytes.size(), now, wall, effects) : tl::unexpected(kind.error());
  if (outcome) {
    ++counts_.datagrams_accepted;
  } else {
    ++counts_.dropped[static_cast<std::size_t>(outcome.error().code)];
    const bool is_about_overrides = kind && *kind == wire::Kind::overrides;  // they have a table of their own
    if (outcome.error().code == ErrorCode::table_full && !is_about_overrides) table_full_ = true;
  }
  return outcome;
}

Result<void> Engine::dispatch(const Endpoint& from, wire::Kind kind, std::size_t bytes_count, Instant now,
                              WallTime wall, Effects& effects) {
  // Counts are true however often they are told; all else is worth something only the first time.
  if (decoder_.is_repeated() && kind != wire::Kind::delta) return fail(ErrorCode::replayed);
  switch (kind) {
    case wire::Kind::delta: {
      const auto delta = decoder_.delta();
      if (!delta) return tl::unexpected(delta.error());
      const bool is_for_us = (*delta)->recipient == options_.origin || !decoder_.seal();
      if (!decoder_.is_repeated() && is_for_us)
        membership_.on_sign_of_life((*delta)->sender, from.address, now, effects);
      return gossip_.on_delta(**delta, from.address, decoder_.is_repeated(), now, effects);
    }
    case wire::Kind::pull: {
      const auto pull = decoder_.pull();
      if (!pull) return tl::unexpected(pull.error());
      return gossip_.on_pull(**pull, from.address, now, effects);
    }
    case wire::Kind::heartbeat:
      return on_heartbeat(from, bytes_count, now, wall, effects);
    case wire::Kind::inquiry:
      return on_inquiry(from, now, effects);
    case wire::Kind::witness: {
      const auto witness = decoder_.witness();
      if (!witness) return tl::unexpected(witness.error());
      return membership_.on_witness(from, **witness);
    }
    case wire::Kind::overrides:
      return on_overrides(from, now, wall, effects);
    case wire::Kind::overrides_query: {
      const auto query = decoder_.overrides_query();
      if (!query) return tl::unexpected(query.error());
      return live_exchange_.on_query(**query, from.address, now, effects);
    }
    case wire::Kind::names_query: {
      const auto query = decoder_.names_query();
      if (!query) return tl::unexpected(query.error());
      return top_.exchange().on_query(**query, from, gossip_.egress(), gossip_.encoder(), now, effects);
    }
    case wire::Kind::names: {
      const auto names = decoder_.names();
      if (!names) return tl::unexpected(names.error());
      return top_.exchange().on_names(**names, from, now);
    }
  }
  return fail(ErrorCode::unknown_kind);
}

Result<void> Engine::on_heartbeat(const Endpoint& from, std::size_t bytes_count, Instant now, WallTime wall,
                                  Effects& effects) {
  const auto heartbeat = decoder_.heartbeat();
  if (!heartbeat) return tl::unexpected(heartbeat.error());
  const auto& seal = decoder_.seal();
  const auto heard = membership_.on_heartbeat(from, **heartbeat, now, wall, effects,
                                              seal ? wire::Form::sealed : wire::Form::plain);
  if (!heard) return tl::unexpected(heard.error());
  if (heard->peer != nullptr) heard->peer->key = seal ? std::optional(seal->key) : std::nullopt;
  gossip_.on_heartbeat(*heard, **heartbeat, now, effects);
  live_exchange_.on_heartbeat(*heard, **heartbeat, now, effects);
  // To an address that may be forged no more goes than three times what came.
  const std::size_t bytes_max =
      heard->peer == nullptr ? answer_factor_max * bytes_count : wire::datagram_bytes_max;
  if (heard->reply_wanted && heard->stranger != OriginId{})
    answer_aside(from, *heard, bytes_max, now, wall, effects);
  else if (heard->reply_wanted)
    send_heartbeat(from, bytes_max, now, wall, effects);
  update_state(now, wall, effects);
  return {};
}

Result<void> Engine::on_inquiry(const Endpoint& from, Instant now, Effects& effects) {
  const auto inquiry = decoder_.inquiry();
  if (!inquiry) return tl::unexpected(inquiry.error());
  const auto witness = membership_.on_inquiry(from, **inquiry, now);
  if (!witness) return tl::unexpected(witness.error());
  if (!*witness) return {};
  const std::span<const std::byte> datagram = gossip_.encoder().encode(**witness);
  gossip_.egress().on_sent(Purpose::heartbeat, datagram);
  effects.send(Port::heartbeat, from, datagram);
  return {};
}

void Engine::send_heartbeat(const Endpoint& to, std::size_t bytes_max, Instant now, WallTime wall,
                            Effects& effects) {
  membership_.compose(to, static_cast<wire::NodeState>(state_), now, wall, heartbeat_);
  send_composed(to, bytes_max, effects);
}

void Engine::answer_aside(const Endpoint& to, const Membership::Heard& heard, std::size_t bytes_max,
                          Instant now, WallTime wall, Effects& effects) {
  membership_.compose_aside(to, heard, static_cast<wire::NodeState>(state_), now, wall, heartbeat_);
  send_composed(to, bytes_max, effects);
}

void Engine::send_composed(const Endpoint& to, std::size_t bytes_max, Effects& effects) {
  gossip_.compose(heartbeat_.recipient, heartbeat_);
  live_exchange_.compose(heartbeat_);
  const std::span<const std::byte> datagram = gossip_.encoder().encode(heartbeat_);
  if (datagram.size() > bytes_max) return;
  gossip_.egress().on_sent(Purpose::heartbeat, datagram);
  effects.send(Port::heartbeat, to, datagram);
}

Surroundings Engine::surroundings(Instant now, WallTime wall) const {
  return Surroundings{.now = now,
                      .wall = wall,
                      .nodes_count = membership_.nodes_count(),
                      .known_count = membership_.known_count(),
                      .rank = membership_.rank(),
                      .isolated = membership_.isolated(),
                      .peer_delay = membership_.peer_delay()};
}

Decision Engine::decide(const Request& request, Instant now, WallTime wall) {
  if (live_is_stale(now, wall)) apply_live(now, wall);
  for (const CounterRow row : limiter_.find(request, wall, counters_))
    gossip_.prefetch(CounterTable::own_component_to_be(row));
  const Decision decision = limiter_.decide_found(surroundings(now, wall), counters_);
  for (const Limiter::Charge& charge : limiter_.charges())
    gossip_.on_admitted(charge.component, {.limit = charge.limit, .wait_max = charge.wait_max}, now);
  top_.on_decision(request, decision);
  ++(decision.allowed ? counts_.allowed : counts_.denied);
  if (decision.learned) ++counts_.learned;
  if (decision.truncated) ++counts_.truncated;
  for (const LimitStatus& status : decision.limits) {
    if (!status.counted) ++counts_.uncounted;
    if (status.denial == Denial::full) ++counts_.counters_refused;
    if (!status.counted || status.denial == Denial::full) table_full_ = true;
  }
  return decision;
}

void Engine::on_tick(Instant now, WallTime wall, Effects& effects) {
  store_.set_wall(wall);
  wall_ = wall;
  due_.heartbeats.clear();
  due_.inquiries.clear();
  membership_.on_tick(now, effects, due_);
  for (const Endpoint& endpoint : due_.heartbeats)
    send_heartbeat(endpoint, wire::datagram_bytes_max, now, wall, effects);
  for (const auto& [to, inquiry] : due_.inquiries) {
    const std::span<const std::byte> datagram = gossip_.encoder().encode(inquiry);
    gossip_.egress().on_sent(Purpose::heartbeat, datagram);
    effects.send(Port::heartbeat, to, datagram);
  }
  gossip_.on_tick(now, effects);
  live_exchange_.on_tick(now, effects);
  const WallTime ended_by = expiry_clock_.at(now, wall);
  if (next_expiry_check_ <= now) {
    tend_live(now, wall, ended_by, effects);
    expire(ended_by, now);
  }
  top_.on_tick(now, wall);
  if (table_full_ && now - table_full_noticed_ >= table_full_notice_interval) {
    table_full_ = false;
    table_full_noticed_ = now;
    // Peers, addresses and origins have bounds too.
    const std::uint64_t refused = counts_.counters_refused + counters_.refused_count();
    const bool of_counters = std::exchange(counters_refused_told_, refused) != refused;
    effects.notify(of_counters ? Notice{.kind = Notice::Kind::counter_table_full,
                                        .detail = static_cast<std::int64_t>(counters_.counters_count())}
                               : Notice{.kind = Notice::Kind::peer_table_full, .detail = 1});
  }
  update_state(now, wall, effects);
}

void Engine::tell_urgent(Instant now, WallTime wall, Effects& effects) {
  if (gossip_.next_urgent() > now) return;
  store_.set_wall(wall);
  wall_ = wall;
  gossip_.tell_urgent(now, effects);
}

void Engine::expire(WallTime ended_by, Instant now) {
  const std::size_t gone = counters_.expire(ended_by, expire_per_tick_max, [this](ComponentIndex component) {
    const OriginIndex origin = counters_.component(component).origin;
    gossip_.forget(component, origin);
    if (origin == own_origin) limiter_.guard().forget(component);
  });
  counts_.counters_expired += gone;
  const bool all = counters_.next_expiry_ms() > ms_since_epoch(ended_by);
  next_expiry_check_ = all ? now + expiry_check_interval : now;
}

Instant Engine::next_deadline() const {
  Instant next = std::min({membership_.next_deadline(), gossip_.next_deadline(),
                           live_exchange_.next_deadline(), next_expiry_check_, top_.next_deadline()});
  if (state_ == EngineState::joining) next = std::min(next, join_deadline_);
  if (state_ == EngineState::leaving) next = std::min(next, leave_deadline_);
  return next;
}

void Engine::on_resolved(std::span<const Endpoint> candidates, Instant now, Effects& effects) {
  membership_.on_resolved(candidates, now, effects);
}

void Engine::update_state(Instant now, WallTime wall, Effects& effects) {
  if (state_ == EngineState::joining) {
    const bool complete =
        membership_.everybody_listed_is_here() && gossip_.joined() && live_exchange_.joined();
    if (!complete && now < join_deadline_) return;
    state_ = EngineState::ready;
    gossip_.finish_join();
    if (live_applied_.stale) apply_live(now, wall);  // what it waited for holds for its first request
    effects.notify(Notice{.kind = complete ? Notice::Kind::became_ready : Notice::Kind::join_timed_out});
  } else if (state_ == EngineState::leaving && leave_deadline_ != never) {
    const bool told = gossip_.everything_acked() && live_exchange_.everything_told();
    if (told || now >= leave_deadline_) say_goodbye(now, wall, effects);
  }
}

void Engine::begin_leave(Instant now, Effects& effects) {
  if (state_ == EngineState::leaving || state_ == EngineState::left) return;
  state_ = EngineState::leaving;
  gossip_.begin_leave(now, effects);
}

void Engine::say_goodbye(Instant now, WallTime wall, Effects& effects) {
  state_ = EngineState::left;
  for (int i = 0; i < goodbyes_count; ++i)
    for (const auto& [origin, peer] : membership_.peers())
      if (peer.live()) send_heartbeat(peer.heartbeat, wire::datagram_bytes_max, now, wall, effects);
}

void Engine::replace_rules(RuleSet rules) {
  membership_.set_window_s_smallest(rules.window_s_smallest());
  limiter_.replace_rules(std::move(rules));
}

void Engine::replace_keys(const wire::KeyRing& keys) {
  sealer_.replace(keys);
  opener_.replace(keys);
  show(keys);
}

void Engine::show(const wire::KeyRing& keys) {
  counts_.keys.plain = keys.plain;
  counts_.keys.ids.clear();
  for (const wire::MasterKey& key : keys.keys) counts_.keys.ids.push_back(key.id());
}

EngineCounts Engine::counts() const {
  EngineCounts counts = counts_;
  counts.sent = gossip_.egress().traffic();
  counts.sent_by_kind = gossip_.egress().traffic_by_kind();
  counts.gossip = gossip_.counts();
  counts.counters_refused += counters_.refused_count();
  counts.counters_used = counters_.counters_count();
  counts.counters_max = counters_.counters_max();
  counts.nodes_count = membership_.nodes_count();
  counts.known_count = membership_.known_count();
  counts.isolated = membership_.isolated();
  counts.peer_delay = membership_.peer_delay();
  counts.live = live_.counts(wall_);
  counts.keys.opened = opener_.counts().opened;
  counts.keys.derived = opener_.counts().derived;
  return counts;
}

EngineSizes Engine::sizes() const {
  return EngineSizes{.counters = counters_.counters_count(),
                     .components = counters_.components_count(),
                     .origins = gossip_.origins_count(),
                     .peers = membership_.peers().size(),
                     .addresses = membership_.addresses().all().size(),
                     .names = top_.names().size(),
                     .names_asked = top_.exchange().asked_count(),
                     .names_refused = top_.exchange().refused_count(),
                     .denied = top_.denied().rows().size(),
                     .gossip = gossip_.sizes(),
                     .overrides = live_.size()};
}

Hits Engine::look(const CounterId& id, std::vector<CounterView::Share>& shares) const {
  shares.clear();
  counters_.for_each_component(id, [&](const Component& component) {
    shares.push_back({gossip_.origin_id(component.origin), component.hits});
  });
  return counters_.value(id);
}

std::vector<PeerView> Engine::peers(Instant now) const {
  const auto ms_since = [&](Instant then) {
    return std::chrono::duration_cast<milliseconds>(now - then).count();
  };
  std::vector<PeerView> views;
  for (const auto& [origin, peer] : membership_.peers()) {
    const Gossip::Lag lag = gossip_.lag(peer, now);
    PeerView view{.name = peer.name,
                  .heartbeat = peer.heartbeat,
                  .sync = peer.sync,
                  .origin = origin,
                  .state = name(peer.state),
                  .age_ms = ms_since(peer.first_alive),
                  .heard_ms_ago = ms_since(peer.last_heard),
                  .rtt_us = std::nullopt,
                  .lag_ms = std::chrono::duration_cast<milliseconds>(lag.behind).count(),
                  .missing_versions = lag.missing_versions,
                  .unacked_versions = lag.unacked_versions,
                  .clock_skew_ms = peer.clock_skew_ms,
                  .software = peer.software,
                  .key = peer.key};
    if (peer.rtt) view.rtt_us = std::chrono::duration_cast<std::chrono::microseconds>(*peer.rtt).count();
    views.push_back(std::move(view));
  }
  for (const auto& [endpoint, candidate] : membership_.addresses().all()) {
    if (candidate.is_self || membership_.find(candidate.origin) != nullptr) continue;
    PeerView view;
    view.heartbeat = endpoint;
    view.sync.address = endpoint.address;
    view.state = "candidate";
    view.heard = candidate.heard_sent_ns != 0;
    view.heard_ms_ago = ms_since(candidate.heard_sent_ns == 0 ? candidate.last_vouched : candidate.heard_at);
    views.push_back(std::move(view));
  }
  std::stable_sort(views.begin(), views.end(),
                   [](const PeerView& a, const PeerView& b) { return a.heartbeat < b.heartbeat; });
  return views;
}

std::vector<CounterView> Engine::counters(const Request& request, WallTime wall) {
  if (live_applied_.stale) apply_live(live_applied_.at, wall);
  const Decision decision = limiter_.look(request, Surroundings{.wall = wall}, counters_);
  const std::span<const CounterId> ids = limiter_.counters();
  std::vector<CounterView> views;
  for (std::size_t i = 0; i < ids.size(); ++i) {
    for (const std::uint64_t back : {0, 1}) {
      if (ids[i].window.id.value < back) continue;
      CounterId id = ids[i];
      id.window.id.value -= back;
      if (counters_.value(id) == 0) continue;
      CounterView view{.rule = std::string(decision.limits[i].rule),
                       .limit = decision.limits[i].limit,
                       .window_s = id.window.length_s,
                       .window_id = id.window.id.value,
                       .total = counters_.value(id),
                       .shares = {}};
      counters_.for_each_component(id, [&](const Component& component) {
        view.shares.push_back({gossip_.origin_id(component.origin), component.hits});
      });
      std::sort(view.shares.begin(), view.shares.end(),
                [](const auto& a, const auto& b) { return a.origin < b.origin; });
      views.push_back(std::move(view));
    }
  }
  return views;
}

}  // namespace starling
