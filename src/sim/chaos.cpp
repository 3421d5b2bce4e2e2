#include "sim/chaos.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "sim/delayer.hpp"
#include "sim/faults.hpp"
#include "sim/key_changes.hpp"
#include "sim/outsiders.hpp"
#include "sim/simulation.hpp"
#include "sim/strangers.hpp"

namespace starling::sim {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;

/// Load goes on this long after the faults, so that short windows have something to agree on...
constexpr Duration calm_load = seconds(12);
/// ... and this long after them all views must be equal.
constexpr Duration agree_within = seconds(20);
constexpr Duration agree_poll = milliseconds(100);
/// Then all is said, and in this time only heartbeats are sent.
constexpr Duration rest = seconds(3);
/// Invented origins must have left with their windows, too.
constexpr Duration rest_after_forgeries = seconds(15);
constexpr Duration quiet = seconds(2);
constexpr int quiet_tries = 6;
/// 5 a second to each other node, jittered by a tenth; and a few to addresses that are not answered.
constexpr double heartbeats_per_link_s_max = 7;
constexpr double heartbeats_to_nobody_per_s_max = 10;

struct Cast {
  Scene scene{};
  std::size_t nodes = 3;
  Duration faults_length{};
  bool settles_first = true;
  std::vector<std::string> principals;
  Hits hits_max = 1;
  double per_second_max = 10;   ///< of each node and principal, or bursts for many principals
  std::uint64_t overrides = 0;  ///< changes of the rules while running
};

class Chaos {
 public:
  explicit Chaos(const ChaosOptions& options) : random_(options.seed * 0x9e3779b97f4a7c15 + 1) {
    report_.seed = options.seed;
    draw();
  }

  ChaosReport run() {
    Simulation simulation(options_);
    simulation_ = &simulation;
    began_ = simulation.now();
    simulation.run_until(began_ + milliseconds(random_.below(10'000)));
    start_nodes();
    misbehave();
    agree();
    end_hostilities();
    if (report_.failure.empty()) fall_quiet();
    report_.trace_hash = simulation.trace_hash();
    report_.virtual_s = seconds_since_start();
    report_.requests = simulation.requests_count();
    report_.datagrams = simulation.datagrams_sent();
    report_.checks = simulation.checks_count();
    return std::move(report_);
  }

 private:
  double seconds_since_start() const {
    return static_cast<double>((simulation_->now() - began_).count()) / 1e9;
  }
  void tell(std::string_view what) {
    report_.story.push_back(fmt::format("{:9.3f} s  {}", seconds_since_start(), what));
  }
  void fail(std::string_view why) {
    if (!report_.failure.empty()) return;
    report_.failure = fmt::format("{}\n  scene {}, see it again with: starling simulate --chaos --seed {}",
                                  why, name(cast_.scene), report_.seed);
    tell(fmt::format("FAILED: {}", why));
    describe();
  }
  /// Who knows whom, and how far.
  void describe() {
    for (NodeIndex node = 0; node < cast_.nodes; ++node) {
      if (!simulation_->is_up(node)) continue;
      const Engine& engine = simulation_->engine(node);
      tell(fmt::format("node {} origin {:016x} is {}", node, engine.origin().value,
                       starling::name(engine.state())));
      for (const PeerView& peer : engine.peers(simulation_->now()))
        tell(fmt::format("    {} {:016x} {}: missing {}, unacked {}, heard {} ms ago",
                         peer.heartbeat.to_string(), peer.origin.value, peer.state, peer.missing_versions,
                         peer.unacked_versions, peer.heard_ms_ago));
    }
  }
  bool broken() {
    if (!simulation_->failure().empty()) fail(simulation_->failure());
    return !report_.failure.empty();
  }

  template <class T, std::size_t n>
  T one_of(const std::array<T, n>& all) {
    return all[random_.below(n)];
  }

  void draw();
  void draw_rules();
  void draw_policies(Rule& rule);
  void draw_tables();
  void draw_keys();
  void start_nodes();
  void let_in(std::unique_ptr<Fault> hostile);
  void begin_hostilities();
  void end_hostilities();
  void misbehave();
  void plan_overrides(Duration length);
  void change_override();
  void offer_load(Duration length, double share);
  void offer_burst();
  void make_peace();
  std::string disagreement() {
    std::string differs = simulation_->disagreement(truthful_since_);
    return differs.empty() ? simulation_->overrides_disagreement(overrides_known_) : differs;
  }
  void agree();
  std::array<std::uint64_t, purposes_count> sent() const;
  void fall_quiet();

  ChaosReport report_;
  Random random_;
  Cast cast_;
  SimulationOptions options_;
  Arena arena_;
  std::vector<std::unique_ptr<Fault>> hostile_;  // they stay beyond the faults
  Simulation* simulation_ = nullptr;
  Instant began_{};
  WallTime truthful_since_{};
  LiveTruth::Known overrides_known_;
};

void Chaos::draw() {
  cast_.scene = scene_of(report_.seed);
  cast_.nodes = 2 + random_.below(6);
  cast_.settles_first = random_.chance(0.7);
  cast_.faults_length = seconds(5) + milliseconds(random_.below(20'000));
  options_.seed = report_.seed;
  options_.nodes = cast_.nodes;
  options_.believe_damage = cast_.scene == Scene::forged;
  options_.link.delay = microseconds(100 + random_.below(2'000));
  options_.link.jitter = microseconds(random_.below(1'000));
  draw_rules();
  draw_tables();
  draw_keys();
  arena_.nodes = cast_.nodes;
  arena_.length = cast_.faults_length;
  arena_.calm = options_.link;
  arena_.forgeries = cast_.scene == Scene::forged;
}

void Chaos::draw_rules() {
  constexpr std::array<std::uint32_t, 8> any{1, 2, 3, 5, 10, 60, 3600, 86'400};
  constexpr std::array<std::uint32_t, 3> short_ones{1, 2, 3};
  constexpr std::array<Hits, 6> limits{1, 7, 20, 100, 500, 5000};
  const bool is_crowded = cast_.scene == Scene::crowded;
  options_.rules.rules.clear();
  const std::uint64_t rules = is_crowded ? 1 : 1 + random_.below(3);
  for (std::uint64_t i = 0; i < rules; ++i) {
    Rule rule;
    rule.name = fmt::format("rule-{}", i);
    const bool is_prefix = i > 0 && random_.chance(0.5);
    rule.match = {Matcher{.key = "principal",
                          .kind = is_prefix ? Matcher::Kind::prefix : Matcher::Kind::any,
                          .text = is_prefix ? "user-1" : ""}};
    for (std::uint64_t count = is_crowded ? 1 : 1 + random_.below(2); count > 0; --count) {
      const Limit limit{.requests = is_crowded ? 1'000'000 : one_of(limits),
                        .window_s = cast_.scene == Scene::forged ? one_of(short_ones) : one_of(any)};
      const auto same = [&](const Limit& other) { return other.window_s == limit.window_s; };
      if (std::any_of(rule.limits.begin(), rule.limits.end(), same)) continue;
      rule.limits.push_back(limit);
      arena_.windows_s.push_back(limit.window_s);
    }
    draw_policies(rule);
    options_.rules.rules.push_back(std::move(rule));
  }
}

void Chaos::draw_policies(Rule& rule) {
  if (random_.chance(0.3)) rule.algorithm = Algorithm::sliding_window;
  if (random_.chance(0.3)) rule.admission = Admission::guarded;
  if (random_.chance(0.3)) rule.when_full = WhenFull::deny;
  if (random_.chance(0.5))
    rule.when_isolated =
        one_of(std::array<WhenIsolated, 3>{WhenIsolated::share, WhenIsolated::learning, WhenIsolated::deny});
}

void Chaos::draw_tables() {
  std::uint64_t principals = 1 + random_.below(3);
  options_.engine.counters_max = 2000;
  options_.engine.components_max = 40'000;
  cast_.hits_max = one_of(std::array<Hits, 4>{1, 1, 5, 50});
  cast_.per_second_max = one_of(std::array<double, 3>{3, 20, 80});
  // As a node of thousands of callers keeps counts back. Not drawn, so that all else a seed draws stays.
  if (report_.seed % 2 != 0) options_.engine.late_per_beat_min = report_.seed % 5;
  if (random_.chance(0.2)) options_.engine.egress_bytes_per_s = 500'000;
  if (random_.chance(0.6)) cast_.overrides = 1 + random_.below(30);
  if (random_.chance(0.2)) options_.engine.live_overrides_max = 2 + random_.below(8);
  if (cast_.scene == Scene::crowded) {
    principals = 200 + random_.below(1800);
    options_.engine.counters_max = 100'000;
    options_.engine.components_max = 400'000;
  } else if (cast_.scene == Scene::full) {
    principals = 5 + random_.below(60);
    options_.engine.counters_max = static_cast<std::uint32_t>(2 + random_.below(60));
    options_.engine.components_max =
        static_cast<std::uint32_t>(2 + random_.below(std::uint64_t{3} * options_.engine.counters_max));
  } else if (cast_.scene == Scene::forged) {
    // Invented counters must not be what fills the table: that is the scene before this one.
    options_.engine.counters_max = 20'000;
    options_.engine.components_max = 80'000;
  }
  for (std::uint64_t i = 0; i < principals; ++i) cast_.principals.push_back(fmt::format("user-{}", i));
}

void Chaos::draw_keys() {
  using wire::PlainPackets;
  wire::KeyRing& ring = *arena_.keys;
  const bool is_sealed_scene = cast_.scene == Scene::sealed;
  if (is_sealed_scene || random_.chance(0.3)) {
    ring = wire::KeyRing{.keys = {draw_key(random_)}, .plain = PlainPackets::refused};
    // Forgers have a key.
    options_.keys_are_secret = cast_.scene != Scene::forged;
    arena_.keys_change = random_.chance(0.6);
    arena_.keys_go_wrong = random_.chance(0.3);
  } else {
    arena_.keys_change = random_.chance(0.2);  // and become sealed
  }
  options_.engine.keys = ring;
}

void Chaos::let_in(std::unique_ptr<Fault> hostile) {
  tell(hostile->begin(*simulation_));
  hostile_.push_back(std::move(hostile));
}

void Chaos::begin_hostilities() {
  if (cast_.scene != Scene::sealed) return;
  let_in(std::make_unique<Outsiders>());
  let_in(std::make_unique<Strangers>(true));
  if (random_.chance(0.5)) return;
  std::vector<Link> links;
  const double share = random_.unit();
  for (NodeIndex from = 0; from < cast_.nodes; ++from)
    for (NodeIndex to = 0; to < cast_.nodes; ++to)
      if (from != to && random_.chance(share)) links.emplace_back(from, to);
  let_in(std::make_unique<Delayer>(std::move(links), cast_.faults_length));
}

void Chaos::end_hostilities() {
  for (const std::unique_ptr<Fault>& hostile : hostile_) hostile->end(*simulation_);
}

void Chaos::start_nodes() {
  tell(
      fmt::format("seed {}, scene {}: {} nodes, {} principals, up to {} hits a request, {} counters and {} "
                  "components at most, {} late ones a beat; calm network: {}",
                  report_.seed, name(cast_.scene), cast_.nodes, cast_.principals.size(), cast_.hits_max,
                  options_.engine.counters_max, options_.engine.components_max,
                  options_.engine.late_per_beat_min, options_.link.to_string()));
  if (!arena_.keys->keys.empty()) tell("packets are sealed");
  for (const Rule& rule : options_.rules.rules)
    for (const Limit& limit : rule.limits)
      tell(fmt::format("{} for principal {}: {} hits per {} s, {}, {}, when isolated {}, when full {}",
                       rule.name, rule.match[0].to_string(), limit.requests, limit.window_s,
                       starling::name(rule.algorithm), starling::name(rule.admission),
                       starling::name(rule.when_isolated), starling::name(rule.when_full)));
  for (NodeIndex node = 0; node < cast_.nodes; ++node) {
    const Duration late = cast_.settles_first ? Duration{} : milliseconds(random_.below(3'000));
    simulation_->at(simulation_->now() + late, [this, node] {
      if (!simulation_->is_up(node)) simulation_->start(node);
    });
  }
  simulation_->run_until(simulation_->now() + (cast_.settles_first ? milliseconds(1'500) : milliseconds(1)));
}

void Chaos::offer_burst() {
  const NodeIndex node = random_.below(cast_.nodes);
  const std::size_t first = random_.below(cast_.principals.size());
  const std::size_t count = random_.below(std::min<std::size_t>(cast_.principals.size(), 600));
  for (std::size_t i = 0; i < count; ++i)
    simulation_->request(node, cast_.principals[(first + i) % cast_.principals.size()],
                         1 + random_.below(cast_.hits_max));
}

void Chaos::offer_load(Duration length, double share) {
  const Instant end = simulation_->now() + length;
  if (cast_.scene == Scene::few || cast_.scene == Scene::forged || cast_.scene == Scene::sealed) {
    for (NodeIndex node = 0; node < cast_.nodes; ++node)
      for (const std::string& principal : cast_.principals)
        simulation_->load(node, principal, 0.2 + share * cast_.per_second_max * random_.unit(), end,
                          cast_.hits_max);
    return;
  }
  const auto bursts = static_cast<std::uint64_t>(share * static_cast<double>(length / milliseconds(150)));
  for (std::uint64_t i = 0; i < bursts; ++i)
    simulation_->at(simulation_->now() +
                        milliseconds(random_.below(static_cast<std::uint64_t>(length / milliseconds(1)))),
                    [this] { offer_burst(); });
}

void Chaos::misbehave() {
  const Instant start = simulation_->now();
  std::vector<PlannedFault> plans = draw_faults(random_, arena_);
  for (PlannedFault& plan : plans) {
    Fault* fault = plan.fault.get();
    simulation_->at(start + plan.begin, [this, fault, &plan] {
      const std::string what = fault->begin(*simulation_);
      if (!what.empty())
        tell(fmt::format("{} (until {:.3f} s)", what,
                         seconds_since_start() + static_cast<double>((plan.end - plan.begin).count()) / 1e9));
    });
    simulation_->at(start + plan.end, [this, fault] { fault->end(*simulation_); });
  }
  begin_hostilities();
  offer_load(cast_.faults_length, 1);
  plan_overrides(cast_.faults_length);
  simulation_->run_until(start + cast_.faults_length + milliseconds(1));
  if (!broken()) make_peace();
}

void Chaos::plan_overrides(Duration length) {
  for (std::uint64_t i = 0; i < cast_.overrides; ++i)
    simulation_->at(simulation_->now() +
                        milliseconds(random_.below(static_cast<std::uint64_t>(length / milliseconds(1)))),
                    [this] { change_override(); });
}

/// Few subjects, so that changes meet.
void Chaos::change_override() {
  using Kind = LiveOverride::Kind;
  const Rule& rule = options_.rules.rules[random_.below(options_.rules.rules.size())];
  const std::string& principal =
      cast_.principals[random_.below(std::min<std::size_t>(cast_.principals.size(), 4))];
  LiveOverride what{.kind = static_cast<Kind>(random_.below(4)), .rule = rule.name};
  if (what.kind == Kind::limits && random_.chance(0.7))
    what.match = {Matcher{.key = "principal", .kind = Matcher::Kind::equal, .text = principal}};
  if (what.kind == Kind::enforcing || what.kind == Kind::ignoring) what.principal = principal;
  const NodeIndex node = random_.below(cast_.nodes);
  if (random_.chance(0.3)) {
    if (simulation_->clear_live(node, what)) tell(fmt::format("node {}: override deleted", node));
    return;
  }
  if (what.kind == Kind::limits) {
    what.unlimited = random_.chance(0.1);
    if (!what.unlimited)
      what.limits = {Limit{.requests = random_.below(200),
                           .window_s = arena_.windows_s[random_.below(arena_.windows_s.size())]}};
  }
  what.learning = what.kind == Kind::learning && random_.chance(0.5);
  std::optional<WallClock::duration> expires_in;
  if (random_.chance(0.3)) expires_in = milliseconds(1 + random_.below(10'000));
  if (simulation_->set_live(node, what, expires_in))
    tell(fmt::format("node {}: override of {} set", node, starling::name(what.kind)));
}

void Chaos::make_peace() {
  overrides_known_ = simulation_->overrides_known();
  // A table that is too small for all that was ever said keeps a part, the same one everywhere: what no table
  // holds now may be on its way still.
  const std::size_t subjects = std::max(overrides_known_.size(), simulation_->override_subjects_count());
  if (subjects > options_.engine.live_overrides_max) overrides_known_.clear();
  simulation_->network().heal();
  simulation_->network().set_options(options_.link);
  simulation_->forget_datagrams();
  std::vector<NodeIndex> all;
  for (NodeIndex node = 0; node < cast_.nodes; ++node) {
    all.push_back(node);
    if (simulation_->is_up(node) && simulation_->engine(node).state() >= EngineState::leaving)
      simulation_->kill(node);
    if (!arena_.keys->keys.empty()) simulation_->replace_keys(node, *arena_.keys);
    if (!simulation_->is_up(node)) simulation_->start(node);
  }
  simulation_->list_in_dns(all);
  if (cast_.scene == Scene::forged) {
    // Lies about windows that had not begun yet may still be believed.
    std::uint64_t ahead_ms = 0;
    for (const std::uint32_t window_s : arena_.windows_s) {
      const std::uint64_t ahead = 2 + (1000 + window_s * 1000 - 1) / (window_s * 1000);
      ahead_ms = std::max(ahead_ms, ahead * window_s * 1000);
    }
    truthful_since_ = simulation_->wall(0) + milliseconds(ahead_ms);
  }
  tell("peace: everybody is up, the network is calm, clocks and DNS are right");
}

void Chaos::agree() {
  if (!report_.failure.empty()) return;
  const Instant peace = simulation_->now();
  offer_load(calm_load, 0.3);
  simulation_->run_until(peace + calm_load);
  const Instant last_request = simulation_->now();
  const bool equal =
      simulation_->run_until([this] { return disagreement().empty(); }, peace + agree_within, agree_poll);
  if (broken()) return;
  if (!equal)
    return fail(fmt::format("seed {}: no agreement {} s after the faults: {}", report_.seed,
                            agree_within / seconds(1), disagreement()));
  report_.views_compared = simulation_->views_compared();
  report_.agreed_after_s = static_cast<double>((simulation_->now() - last_request).count()) / 1e9;
  tell(fmt::format("all {} views agree", report_.views_compared));
}

/// Datagrams that the nodes have sent, by purpose.
std::array<std::uint64_t, purposes_count> Chaos::sent() const {
  std::array<std::uint64_t, purposes_count> sum{};
  for (NodeIndex node = 0; node < cast_.nodes; ++node) {
    const EngineCounts counts = simulation_->engine(node).counts();
    for (std::size_t purpose = 0; purpose < purposes_count; ++purpose)
      sum[purpose] += counts.sent[purpose].packets;
  }
  return sum;
}

/// Nothing is said any more. But a window that ends makes new differences to ask about between nodes that had
/// to refuse something, a few times each: so there must be one span of silence among a few.
void Chaos::fall_quiet() {
  simulation_->run_until(simulation_->now() + (cast_.scene == Scene::forged ? rest_after_forgeries : rest));
  std::string said;
  double heard = 0;
  for (int i = 0; i < quiet_tries && (i == 0 || !said.empty()); ++i) {
    const auto sent_before = sent();
    simulation_->run_until(simulation_->now() + quiet);
    if (broken()) return;
    const auto sent_after = sent();
    const double quiet_s = static_cast<double>(quiet.count()) / 1e9;
    said.clear();
    for (std::size_t purpose = 0; purpose < purposes_count; ++purpose) {
      const double per_s = static_cast<double>(sent_after[purpose] - sent_before[purpose]) / quiet_s;
      if (static_cast<Purpose>(purpose) == Purpose::heartbeat) {
        heard = per_s;
      } else if (per_s > 0) {
        said += fmt::format(" {:.1f} {}", per_s, starling::name(static_cast<Purpose>(purpose)));
      }
    }
  }
  const auto nodes = static_cast<double>(cast_.nodes);
  report_.heartbeats_per_link_s = heard / (nodes * (nodes - 1));
  tell(fmt::format("quiet: {:.1f} heartbeats a second", heard));
  if (!said.empty())
    return fail(fmt::format("seed {}: all is said, and yet a second:{}", report_.seed, said));
  if (heard > nodes * (nodes - 1) * heartbeats_per_link_s_max + heartbeats_to_nobody_per_s_max * nodes)
    return fail(
        fmt::format("seed {}: {:.1f} heartbeats a second among {} nodes", report_.seed, heard, nodes));
  for (NodeIndex node = 0; node < cast_.nodes; ++node)
    for (const PeerView& peer : simulation_->engine(node).peers(simulation_->now()))
      if (peer.state == "alive" && peer.missing_versions + peer.unacked_versions > 0)
        fail(fmt::format("seed {}: node {} misses {} of {} and has {} unacked there", report_.seed, node,
                         peer.missing_versions, peer.heartbeat.to_string(), peer.unacked_versions));
  const std::string differs = disagreement();
  if (!differs.empty()) fail(fmt::format("seed {}: agreement did not last: {}", report_.seed, differs));
  for (NodeIndex node = 0; node < cast_.nodes; ++node)
    if (simulation_->engine(node).counts().nodes_count != cast_.nodes)
      fail(fmt::format("seed {}: node {} counts {} live nodes of {}", report_.seed, node,
                       simulation_->engine(node).counts().nodes_count, cast_.nodes));
}

}  // namespace

std::string_view name(Scene scene) {
  constexpr std::array<std::string_view, scenes_count> names{"few", "crowded", "full", "forged", "sealed"};
  return names[static_cast<std::size_t>(scene)];
}

ChaosReport run_chaos(const ChaosOptions& options) {
  return Chaos(options).run();
}

}  // namespace starling::sim
