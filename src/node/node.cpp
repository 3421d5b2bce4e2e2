#include "node/node.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sodium.h>

#include <algorithm>
#include <array>
#include <new>
#include <starling/version.hpp>
#include <utility>

#include "base/check.hpp"
#include "base/shown_text.hpp"
#include "node/engine_options.hpp"
#include "node/key_file.hpp"
#include "node/live_words.hpp"
#include "node/node_name.hpp"
#include "node/trouble_words.hpp"

namespace starling {
namespace {

/// Addresses that only incomplete answers vouch for.
constexpr Duration listed_for = std::chrono::seconds(60);
constexpr std::uint64_t watch_every_ms = 1000;

constexpr std::array<Duration, 12> decision_time_bounds{
    std::chrono::nanoseconds(250),  std::chrono::nanoseconds(500), std::chrono::microseconds(1),
    std::chrono::nanoseconds(2500), std::chrono::microseconds(5),  std::chrono::microseconds(10),
    std::chrono::microseconds(25),  std::chrono::microseconds(50), std::chrono::microseconds(100),
    std::chrono::microseconds(500), std::chrono::milliseconds(2),  std::chrono::milliseconds(10)};

std::string to_text(OriginId origin) {
  return fmt::format("{:016x}", origin.value);
}

std::uint64_t random_u64() {
  STARLING_CHECK(sodium_init() >= 0);  // also chooses the code that seals fastest on this processor
  std::uint64_t value = 0;
  while (value == 0) randombytes_buf(&value, sizeof value);
  return value;
}

}  // namespace

Node::Node(Loop& loop, Options options, Log log)
    : loop_(loop),
      options_(std::move(options)),
      log_(std::move(log)),
      peer_log_(log_),
      name_(node_name_of(options_.settings)),
      started_(Loop::now()),
      origin_{random_u64()},
      sync_socket_(loop, *this),
      heartbeat_socket_(loop, *this),
      timer_(loop, *this),
      rules_since_(Loop::wall()),
      decision_times_(decision_time_bounds) {}

Node::~Node() = default;

tl::expected<void, std::string> Node::open(UdpSocket& socket, std::uint16_t port, std::string_view setting) {
  const Settings& settings = options_.settings;
  Endpoint endpoint{.address = settings.bind.value_or(Address{}), .port = port};
  auto opened = socket.open(endpoint);
  if (!opened && !settings.bind && opened.error() != UV_EADDRINUSE) {
    endpoint.address = Address::v4(0, 0, 0, 0);  // a machine without IPv6
    opened = socket.open(endpoint);
  }
  if (!opened)
    return tl::unexpected(
        fmt::format("--{}: cannot listen on UDP {}: {}; is another node running there? choose another "
                    "--{} or --bind",
                    setting, endpoint.to_string(), uv_strerror(opened.error()), setting));
  log_->info({{"udp", socket.local_endpoint().to_string()},
              {"receive_buffer_bytes", socket.receive_buffer_bytes()},
              {"wanted_bytes", UdpSocket::receive_buffer_bytes_wanted}},
             "listening {}", setting);
  if (socket.receive_buffer_bytes() < UdpSocket::receive_buffer_bytes_wanted)
    log_->debug("the kernel granted a smaller receive buffer; net.core.rmem_max={} would give all of it",
                UdpSocket::receive_buffer_bytes_wanted);
  return {};
}

tl::expected<void, std::string> Node::start() {
  const Settings& settings = options_.settings;
  if (auto opened = open(sync_socket_, settings.sync_port, "sync-port"); !opened) return opened;
  if (auto opened = open(heartbeat_socket_, settings.heartbeat_port, "heartbeat-port"); !opened)
    return opened;
  started_ = Loop::now();
  // The tables are reserved whole, so that they never grow under load; a wish beyond the machine is told
  // here.
  try {
    EngineOptions engine = engine_options(settings, {.origin = origin_,
                                                     .seed = random_u64(),
                                                     .node_name = name_,
                                                     .sync_port = sync_socket_.local_endpoint().port,
                                                     .has_neighborhood = !settings.neighbors.empty()});
    engine.keys = options_.keys;
    engine_ = std::make_unique<Engine>(std::move(engine), options_.rules, started_);
  } catch (const std::bad_alloc&) {
    return tl::unexpected(fmt::format("--max-counters: cannot reserve memory for {} counters; choose fewer",
                                      settings.max_counters));
  }
  engine_->begin_join(Loop::now());

  auto prepare = std::make_unique<uv_prepare_t>();
  STARLING_CHECK(uv_prepare_init(loop_.get(), prepare.get()) == 0);
  before_sleep_ = adopt(std::move(prepare), this);
  uv_prepare_start(before_sleep_.get(), [](uv_prepare_t* handle) {
    if (auto* self = static_cast<Node*>(handle->data)) self->before_sleep();
  });
  if (!settings.neighbors.empty())
    resolver_ = std::make_unique<Resolver>(loop_,
                                           Resolver::Options{.neighbors = settings.neighbors,
                                                             .dns_servers = settings.dns_servers,
                                                             .interval = settings.resolve_interval,
                                                             .seed = random_u64()},
                                           static_cast<Resolver::Listener&>(*this));
  log_->info({{"name", name_},
              {"origin", to_text(origin_)},
              {"cluster", settings.cluster},
              {"neighborhood",
               settings.neighborhood_host.empty() ? "none (a cluster of one)" : settings.neighborhood_host},
              {"rules", options_.rules.rules.size()},
              {"from", options_.rules_from}},
             "node");
  if (settings.log_denials && log_->should_log(LogLevel::info))
    denial_log_ = std::make_unique<DenialLog>(log_);
  start_watch();
  const bool beyond_loopback = !settings.bind || !settings.bind->is_loopback();
  if (!options_.keys.keys.empty())
    log_->info({{"keys", to_text(options_.keys)}, {"from", settings.key_file}}, "keys of gossip");
  if (beyond_loopback && !settings.neighbors.empty() && !options_.keys.seals())
    log_->warn("gossip is not encrypted: keep UDP {} and {} reachable for these nodes only",
               settings.sync_port, settings.heartbeat_port);
  options_.keys = {};  // the engine has them
  return {};
}

void Node::send(Port via, const Endpoint& to, std::span<const std::byte> datagram) {
  (via == Port::sync ? sync_socket_ : heartbeat_socket_).send(to, datagram);
}

void Node::on_datagram(UdpSocket& socket, const Endpoint& from, std::span<const std::byte> bytes) {
  const Port port = &socket == &sync_socket_ ? Port::sync : Port::heartbeat;
  engine_busy_ = true;
  heard_ = true;
  const WallTime wall = caught_up_by_ ? *caught_up_by_ : Loop::wall();
  const auto outcome = engine_->on_datagram(from, port, bytes, Loop::now(), wall, *this);
  if (!outcome && outcome.error().code == ErrorCode::wrong_cluster)
    wrong_cluster_from_.add(from.address, Loop::now());
  if (!outcome && outcome.error().code == ErrorCode::wrong_protocol)
    wrong_protocol_from_.add(from.address, Loop::now());
  if (!outcome) keys_.on_dropped(outcome.error(), from.address, Loop::now());
  // DNS lists this node as well, so its own heartbeats come back all the time.
  if (!outcome && outcome.error().code != ErrorCode::from_self && log_->should_log(LogLevel::debug))
    log_->debug({{"address", from.to_string()},
                 {"reason", starling::name(outcome.error().code)},
                 {"detail", outcome.error().detail}},
                "dropped datagram");
  engine_busy_ = false;
}

void Node::on_timer() {}  // waking up is all: `before_sleep` comes next

void Node::before_sleep() {
  if (!std::exchange(caught_up_, false)) catch_up_after_ = catch_up_after_min;  // a short turn
  decisions_to_catch_up_ = catch_up_after_;
  if (const Instant now = Loop::now(); engine_->next_deadline() <= now) {
    engine_busy_ = true;
    engine_->on_tick(now, Loop::wall(), *this);
    engine_busy_ = false;
  }
  timer_.arm(engine_->next_deadline());
}

void Node::catch_up(WallTime wall) noexcept {
  decisions_to_catch_up_ = catch_up_after_;
  if (engine_busy_) return;
  caught_up_ = true;
  heard_ = false;
  caught_up_by_ = wall;  // what is decided next is decided by it
  sync_socket_.receive_waiting();
  caught_up_by_.reset();
  catch_up_after_ = heard_ ? catch_up_after_min : std::min(2 * catch_up_after_, catch_up_after_max);
  decisions_to_catch_up_ = catch_up_after_;
  engine_busy_ = true;
  engine_->tell_urgent(Loop::now(), wall, *this);
  engine_busy_ = false;
}

void Node::on_resolution(const Resolution& resolution) {
  const bool asks_dns = std::any_of(options_.settings.neighbors.begin(), options_.settings.neighbors.end(),
                                    [](const Neighbor& neighbor) { return !neighbor.address; });
  if (!resolution.early && asks_dns) ++(resolution.found_all() ? dns_ok_ : dns_failed_);
  if (!resolution.early) log_resolution(resolution);
  const Instant now = Loop::now();
  if (resolution.complete) last_listed_.clear();
  for (const Endpoint& endpoint : resolution.endpoints) last_listed_[endpoint] = now;
  // An incomplete answer must not take away what a complete one said, but it cannot keep it for ever either.
  std::erase_if(last_listed_, [&](const auto& item) { return now - item.second > listed_for; });
  // Of too many those of this answer stay.
  if (last_listed_.size() > endpoints_max)
    std::erase_if(last_listed_, [&](const auto& item) { return item.second != now; });
  if (!resolution.early) {
    last_resolution_.errors = resolution.errors;
    last_resolution_.faults = resolution.faults;
  }
  last_resolution_.endpoints.clear();
  for (const auto& [endpoint, when] : last_listed_) last_resolution_.endpoints.push_back(endpoint);
  if (resolution.complete || !resolution.endpoints.empty()) last_resolved_ = now;
  if (!last_resolved_) return;
  engine_->on_resolved(last_resolution_.endpoints, now, *this);
}

void Node::log_resolution(const Resolution& resolution) {
  const bool same_errors = logged_ && resolution.errors == logged_->errors;
  const bool same_endpoints = logged_ && resolution.endpoints == logged_->endpoints;
  logged_ = resolution;
  if (!same_errors && !resolution.errors.empty())
    report(Trouble::dns_failed, resolution.errors.size(),
           fmt::format("{}", fmt::join(resolution.errors, "; ")));
  if (same_errors && same_endpoints) return;
  std::vector<std::string> addresses;
  for (const Endpoint& endpoint : resolution.endpoints) addresses.push_back(endpoint.to_string());
  log_->info({{"host", options_.settings.neighborhood_host},
              {"addresses", fmt::format("{}", fmt::join(addresses, ","))}},
             "neighborhood");
}

void Node::notify(const Notice& notice) {
  const auto about_peer = [&](LogLevel level, std::string_view what) {
    peer_log_.say({.level = level,
                   .what = what,
                   .name = notice.name,
                   .origin = to_text(notice.peer),
                   .address = notice.endpoint},
                  Loop::now());
  };
  switch (notice.kind) {
    case Notice::Kind::peer_alive:
      return about_peer(LogLevel::info, "peer alive");
    case Notice::Kind::peer_suspect:
      return about_peer(LogLevel::warn, "peer suspect: it has missed heartbeats");
    case Notice::Kind::peer_dead:
      return about_peer(LogLevel::warn, "peer dead: its counts stay until their windows end");
    case Notice::Kind::peer_left:
      return about_peer(LogLevel::info, "peer left");
    case Notice::Kind::peer_forgotten:
      return about_peer(LogLevel::debug, "peer forgotten");
    case Notice::Kind::became_ready:
      return log_->info("ready: all peers' counts are in");
    case Notice::Kind::join_timed_out:
      troubles_.add(Trouble::joined_incomplete, 1, Loop::now());
      return log_->warn(
          "ready after --join-timeout without the counts of every peer; they will be taken in as they come");
    case Notice::Kind::counter_table_full: {
      const std::uint64_t refused = engine_->counts().counters_refused;
      const std::uint64_t told_before = std::exchange(counters_refused_told_, refused);
      return log_->error({{"count", refused - told_before}, {"counters", notice.detail}},
                         "counter table full: limits go uncounted until windows end; raise --max-counters");
    }
    case Notice::Kind::peer_table_full:
      return report(Trouble::peer_table_full, static_cast<std::uint64_t>(notice.detail));
    case Notice::Kind::clock_skew:
      return report(Trouble::clock_skew, 1,
                    fmt::format("peer={} address={} skew_ms={}", notice.name, notice.endpoint.to_string(),
                                notice.detail));
    case Notice::Kind::own_origin_from_afar:
      return report(Trouble::own_origin_from_afar, 1, fmt::format("via={}", to_text(notice.peer)));
    case Notice::Kind::override_set:
    case Notice::Kind::override_cleared:
    case Notice::Kind::override_expired:
    case Notice::Kind::overrides_taken_in:
    case Notice::Kind::overrides_refused:
      return log_live(notice);
  }
}

void Node::log_live(const Notice& notice) {
  const auto told = [&](std::string_view what) {
    log_->info({{"rule", notice.live->what.rule}, {"via", to_text(notice.peer)}}, "override {} {} {}", what,
               describe(notice.live->what), story_of(*notice.live, Loop::wall()));
  };
  switch (notice.kind) {
    case Notice::Kind::override_set:
      return told("set");
    case Notice::Kind::override_cleared:
      return told("deleted");
    case Notice::Kind::override_expired:
      return told("expired");
    case Notice::Kind::overrides_taken_in:
      return log_->info({{"count", notice.detail}, {"via", to_text(notice.peer)}}, "overrides taken in");
    default:
      log_->warn({{"count", notice.detail}},
                 "overrides that peers told of were refused: `starling status` says why");
  }
}

void Node::report(Trouble trouble, std::uint64_t count, std::string_view detail) {
  const Instant now = Loop::now();
  troubles_.add(trouble, count, now, detail);
  log_due(troubles_, trouble, *log_, now);
}

void Node::start_watch() {
  auto timer = std::make_unique<uv_timer_t>();
  STARLING_CHECK(uv_timer_init(loop_.get(), timer.get()) == 0);
  watch_timer_ = adopt(std::move(timer), this);
  watched_at_ = Loop::now();
  idle_at_watch_ = loop_.idle();
  uv_timer_start(
      watch_timer_.get(),
      [](uv_timer_t* handle) {
        if (auto* self = static_cast<Node*>(handle->data)) self->watch();
      },
      watch_every_ms, watch_every_ms);
}

void Node::watch() {
  const Instant now = Loop::now();
  const EngineCounts counts = engine_->counts();
  const auto dropped = [&](ErrorCode code) { return counts.dropped[static_cast<std::size_t>(code)]; };
  const auto both = [&](std::uint64_t UdpSocket::Counters::*field) {
    return sync_socket_.counters().*field + heartbeat_socket_.counters().*field;
  };
  const std::pair<Trouble, std::uint64_t> totals[] = {
      {Trouble::uncounted, counts.uncounted},
      {Trouble::truncated, counts.truncated},
      {Trouble::wrong_cluster, dropped(ErrorCode::wrong_cluster)},
      {Trouble::wrong_protocol, dropped(ErrorCode::wrong_protocol)},
      {Trouble::sealed, dropped(ErrorCode::sealed)},
      {Trouble::not_sealed, dropped(ErrorCode::not_sealed)},
      {Trouble::unknown_key, dropped(ErrorCode::unknown_key)},
      {Trouble::bad_seal, dropped(ErrorCode::bad_seal)},
      {Trouble::send_failed, both(&UdpSocket::Counters::send_failed)},
      {Trouble::send_dropped, both(&UdpSocket::Counters::send_dropped)},
      {Trouble::overrides_full, counts.live.refused_full},
      {Trouble::overrides_clock, counts.live.refused_clock},
      {Trouble::overrides_flawed, counts.live.refused_flawed},
      {Trouble::overrides_unknown, counts.live.refused_unknown},
      {Trouble::log_lost, log_->stats().dropped}};
  for (const auto& [trouble, total] : totals) troubles_.observe(trouble, total, now);
  if (look_) look_();
  const Duration passed = now - std::exchange(watched_at_, now);
  const Duration idle = loop_.idle();
  const Duration rested = idle - std::exchange(idle_at_watch_, idle);
  // A process that stood still (SIGSTOP, a frozen machine) was not busy.
  if (loop_.counts_idle_time() && rested < passed / 10 && passed < std::chrono::seconds(5))
    troubles_.add(Trouble::loop_busy, 1, now);
  log_due(troubles_, *log_, now);
  peer_log_.tend(now);
  if (denial_log_) denial_log_->tend(now, Loop::wall());
}

NodeStatus Node::status() const {
  const Instant now = Loop::now();
  const auto ms_since = [&](Instant then) {
    return std::chrono::duration_cast<std::chrono::milliseconds>(now - then).count();
  };
  NodeStatus status;
  status.name = name_;
  status.origin = origin_;
  status.cluster = options_.settings.cluster;
  status.uptime_ms = ms_since(started_);
  status.state = engine_->state();
  status.neighborhood = {.host = options_.settings.neighborhood_host,
                         .addresses = last_resolution_.endpoints,
                         .resolved_ms_ago = std::nullopt,
                         .errors = last_resolution_.errors,
                         .faults = last_resolution_.faults};
  if (last_resolved_) status.neighborhood.resolved_ms_ago = ms_since(*last_resolved_);
  status.listeners = {.sync = sync_socket_.local_endpoint(),
                      .heartbeat = heartbeat_socket_.local_endpoint(),
                      .http = http_,
                      .grpc = grpc_,
                      .admin = admin_};
  status.settings = options_.setting_views;
  status.rules = engine_->shared_rules();
  status.rules_from = options_.rules_from;
  status.reload_error = reload_error_;
  status.config_vanished = config_vanished_;
  status.reloads = reloads_;
  if (last_reload_) status.reloads.last_ms_ago = ms_since(*last_reload_);
  status.keys = keys_.status(options_.settings.key_file, now);
  status.counts = engine_->counts();
  status.sync_socket = sync_socket_.counters();
  status.heartbeat_socket = heartbeat_socket_.counters();
  status.peers = engine_->peers(now);
  status.log = log_->stats();
  for (std::size_t i = 0; i < troubles_count; ++i)
    status.troubles[i] = troubles_.view(static_cast<Trouble>(i), now);
  status.decisions_failed = status[Trouble::decisions_failed].total;
  status.wrong_cluster_from = wrong_cluster_from_.list(Troubles::recent_for, now);
  status.wrong_protocol_from = wrong_protocol_from_.list(Troubles::recent_for, now);
  status.receive_buffer_bytes =
      std::min(sync_socket_.receive_buffer_bytes(), heartbeat_socket_.receive_buffer_bytes());
  status.software = version;
  return status;
}

NodeCounts Node::counts() const {
  return NodeCounts{.name = name_,
                    .cluster = options_.settings.cluster,
                    .state = engine_->state(),
                    .engine = engine_->counts(),
                    .decisions_failed = troubles_.view(Trouble::decisions_failed, Loop::now()).total,
                    .rules = engine_->rule_tallies(),
                    .rules_count = engine_->rules().rules.size(),
                    .window_s_smallest = engine_->rules().window_s_smallest(),
                    .peers = engine_->peers(Loop::now()),
                    .sync_socket = sync_socket_.counters(),
                    .heartbeat_socket = heartbeat_socket_.counters(),
                    .log = log_->stats(),
                    .dns_ok = dns_ok_,
                    .dns_failed = dns_failed_,
                    .reloads = reloads_,
                    .last_reload_ok = reload_error_.empty(),
                    .key_reloads = keys_.reloads(),
                    .last_key_reload_ok = keys_.last_reload_ok(),
                    .rules_since = rules_since_,
                    .decisions = decision_times_};
}

tl::expected<LiveView, std::string> Node::set_live(const LiveOverride& what,
                                                   std::optional<std::chrono::milliseconds> expires_in,
                                                   std::string_view set_by) {
  const WallTime wall = Loop::wall();
  constexpr std::chrono::milliseconds expires_in_max = std::chrono::hours(24 * 366 * 100);
  if (expires_in && (expires_in->count() < 1 || *expires_in > expires_in_max))
    return tl::unexpected<std::string>(
        "expires: expected a time from now within 1ms and a hundred years, found one outside");
  std::optional<WallTime> expires_at;
  if (expires_in) expires_at = wall + *expires_in;
  auto set = engine_->set_live(what, expires_at, set_by, Loop::now(), wall, *this);
  if (!set) return tl::unexpected(explain(set.error(), what, engine_->counts().live.overrides_max));
  const auto& rules = engine_->rules().rules;
  const bool is_known = what.rule.empty() || std::any_of(rules.begin(), rules.end(), [&](const Rule& rule) {
                          return rule.name == what.rule;
                        });
  if (!is_known) report(Trouble::override_orphaned, 1, shown(what.rule));
  return std::move(*set);
}

bool Node::clear_live(const LiveOverride& subject, std::string_view by) {
  return engine_->clear_live(subject, by, Loop::now(), Loop::wall(), *this);
}

void Node::resolve_now() {
  if (resolver_) resolver_->resolve_now();
}

void Node::replace_rules(RuleSet rules, std::string from) {
  engine_->replace_rules(std::move(rules));
  options_.rules_from = std::move(from);
  reload_error_.clear();
  config_vanished_ = false;
  ++reloads_.ok;
  last_reload_ = Loop::now();
  rules_since_ = Loop::wall();
}

void Node::reload_failed(std::string error, bool vanished) {
  reload_error_ = std::move(error);
  config_vanished_ = vanished;
  ++reloads_.failed;
  last_reload_ = Loop::now();
}

void Node::replace_keys(const wire::KeyRing& keys) {
  engine_->replace_keys(keys);
  keys_.on_replaced(Loop::now());
}

void Node::keys_refused(std::string error) {
  keys_.on_refused(std::move(error), Loop::now());
}

void Node::begin_leave() {
  engine_->begin_leave(Loop::now(), *this);
}

void Node::finish_leave(Instant deadline) {
  if (denial_log_) denial_log_->tell_sum();
  engine_->finish_leave(deadline);
}

void Node::set_listeners(std::optional<Endpoint> http, std::optional<Endpoint> grpc,
                         std::optional<Endpoint> admin) {
  http_ = http;
  grpc_ = grpc;
  admin_ = admin;
}

}  // namespace starling
