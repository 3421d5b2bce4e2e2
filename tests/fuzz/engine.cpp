// The whole engine as a state machine. The input is a program: each step is a byte, and what else it needs.
// Three engines gossip, are asked, change their rules, lose packets and their lives; strangers forge what
// they could have said. See engine_world.hpp for what must hold after every step.
#include <array>

#include "engine_world.hpp"
#include "limiter/config_file.hpp"

using namespace starling;
using namespace starling::fuzz;

namespace {

constexpr std::size_t steps_max = 200;
constexpr std::size_t restarts_max = 12;

constexpr std::array rule_texts{
    R"(
rules:
  - name: per-principal
    match: {principal: "*"}
    limits: [{requests: 3, per: 1s}, {requests: 20, per: 1h}]
  - name: path
    match: {path: "/a*"}
    limits: [{requests: 10, per: 10s}]
    algorithm: sliding_window
    admission: guarded
    when_isolated: share
)",
    R"(
rules:
  - name: per-principal
    match: {principal: "*"}
    limits: [{requests: 100, per: 1s}]
    admission: guarded
    when_isolated: deny
    when_full: deny
    overrides:
      - match: {principal: "svc-*"}
        unlimited: true
    enforcing: [bob]
    ignoring: [alice]
    learning: true
)",
    R"(
rules:
  - name: path
    match: {path: "*", principal: "*"}
    limits: [{requests: 0, per: 1s}, {requests: 1000000000000, per: 30d}]
    when_isolated: learning
    algorithm: sliding_window
)",
};

const RuleSet& rules(std::size_t which) {
  static const std::array sets = [] {
    std::array<RuleSet, rule_texts.size()> made;
    for (std::size_t i = 0; i < made.size(); ++i) {
      auto file = parse_config(rule_texts[i], "rules.yaml");
      REQUIRE_THAT(file.has_value());
      made[i] = std::move(file->rules);
    }
    return made;
  }();
  return sets[which];
}

Endpoint stranger(std::size_t which) {
  return {Address::v4(10, 9, 0, static_cast<std::uint8_t>(which)), heartbeat_port};
}

void check_decision(const Decision& decision, const RuleSet& set) {
  REQUIRE_THAT(decision.limits.size() <= limits_per_request_max);
  bool denies = false;
  for (const LimitStatus& status : decision.limits) {
    REQUIRE_THAT(status.rule_index < set.rules.size() || status.rule_index == no_rule);
    denies = denies || (!status.allowed && status.enforced);
    if (status.unlimited) {
      REQUIRE_THAT(status.allowed);
      continue;
    }
    REQUIRE_THAT(status.allowed == (status.denial == Denial::none));
    REQUIRE_THAT(status.remaining <= status.limit && status.reset_ms >= 1);
    REQUIRE_THAT(status.window_s >= 1);
  }
  REQUIRE_THAT(decision.allowed == !denies);
  REQUIRE_THAT(!decision.learned || decision.allowed);
  if (decision.tightest != nullptr)
    REQUIRE_THAT(decision.tightest >= decision.limits.data() &&
                 decision.tightest < decision.limits.data() + decision.limits.size());
  if (!decision.allowed) REQUIRE_THAT(decision.tightest != nullptr && !decision.tightest->allowed);
}

class Program {
 public:
  Program(const std::uint8_t* data, std::size_t bytes_count) : input_(data, bytes_count), world_(rules(0)) {}

  void run() {
    for (std::size_t step = 0; step < steps_max && !input_.done(); ++step) {
      const std::uint8_t what = input_.byte();
      Side& side = world_.sides[(what >> 5U) % sides_count];
      take(what & 31U, side);
      for (Side& each : world_.sides) world_.check(each);
    }
    for (Side& side : world_.sides) world_.tick(side);
  }

 private:
  void take(unsigned what, Side& side) {
    switch (what) {
      case 0:
        return sleep();
      case 1:
      case 2:
        return world_.run(milliseconds(input_.byte()), 40);
      case 3:
        return world_.run(std::chrono::seconds(1 + input_.below(3)), 100);
      case 4:
        return deliver();
      case 5:
        return lose();
      case 6:
        return doubled();
      case 7:
        return resolve(side);
      case 8:
        return set_live(side);
      case 9:
        return clear_live(side);
      case 10:
        return side.engine->replace_rules(rules(input_.below(rule_texts.size())));
      case 11:
        return side.engine->begin_leave(world_.now, side);
      case 12:
        return side.engine->finish_leave(world_.now + milliseconds(input_.byte() * 10));
      case 13:
        return restart(side);
      case 14:
        return step_clock(side);
      case 15:
        return look(side);
      case 16:
        return raw(side);
      case 17:
      case 18:
        return introduce(side);
      case 19:
      case 20:
      case 21:
      case 22:
      case 23:
      case 24:
        return forge(side, false);
      case 25:
        return forge(side, true);
      case 26:
        return replace_keys(side);
      default:
        return decide(side);
    }
  }

  /// Nobody is woken in between: the machine was asleep.
  void sleep() {
    constexpr std::array<Duration, 8> pauses{std::chrono::microseconds(100),
                                             milliseconds(1),
                                             milliseconds(60),
                                             milliseconds(500),
                                             std::chrono::seconds(3),
                                             std::chrono::seconds(61),
                                             std::chrono::hours(1),
                                             std::chrono::hours(25)};
    world_.now += pauses[input_.below(pauses.size())];
    for (Side& side : world_.sides) world_.tick(side);
  }

  void deliver() {
    for (std::size_t left = 1 + input_.below(16); left > 0 && !world_.in_flight.empty(); --left)
      world_.deliver();
  }
  void lose() {
    for (std::size_t left = 1 + input_.below(16); left > 0 && !world_.in_flight.empty(); --left)
      world_.in_flight.pop_front();
  }
  /// The first comes again, as the last.
  void doubled() {
    if (!world_.in_flight.empty() && world_.in_flight.size() < World::in_flight_max)
      world_.in_flight.push_back(World::Datagram(world_.in_flight.front()));
  }

  void resolve(Side& side) {
    const std::uint8_t which = input_.byte();
    std::vector<Endpoint> listed;
    for (std::size_t i = 0; i < sides_count; ++i)
      if (which >> i & 1U) listed.push_back(world_.sides[i].address);
    for (std::size_t i = 0; i < strangers_count; ++i)
      if (which >> (4 + i) & 1U) listed.push_back(stranger(i));
    side.engine->on_resolved(listed, world_.now, side);
    if (which >> 7U & 1U)
      for (Side& each : world_.sides) each.engine->on_resolved(listed, world_.now, each);
  }

  LiveOverride make_live() {
    const wire::OverrideEntry entry = make_override(input_, Scene{});
    LiveOverride live{.kind = static_cast<LiveOverride::Kind>(entry.kind % wire::override_kinds_count),
                      .rule = entry.rule,
                      .principal = entry.principal,
                      .match = {},
                      .limits = {},
                      .unlimited = entry.unlimited,
                      .learning = entry.learning};
    for (const wire::OverrideMatch& match : entry.match)
      live.match.push_back({match.key, static_cast<Matcher::Kind>(match.kind % 3), match.text});
    for (const wire::OverrideLimit& limit : entry.limits)
      live.limits.push_back({limit.requests, limit.window_s});
    return live;
  }
  void set_live(Side& side) {
    const LiveOverride live = make_live();
    std::optional<WallTime> expires_at;
    if (input_.flag()) expires_at = side.wall() + std::chrono::seconds(input_.byte());
    const std::size_t before = side.engine->sizes().overrides;
    const auto set = side.engine->set_live(live, expires_at, "fuzz", world_.now, side.wall(), side);
    if (set)
      REQUIRE_THAT(set->what == live);
    else
      REQUIRE_THAT(side.engine->sizes().overrides == before);
  }
  void clear_live(Side& side) { side.engine->clear_live(make_live(), "fuzz", world_.now, side.wall(), side); }

  void restart(Side& side) {
    if (restarts_count_ == restarts_max) return;
    side.restart(OriginId{sides_count + ++restarts_count_}, rules(input_.below(rule_texts.size())));
  }

  /// Here, or everywhere at once.
  void replace_keys(Side& side) {
    const std::uint8_t which = input_.byte();
    const wire::KeyRing& ring = key_rings()[which % key_rings().size()];
    side.replace_keys(ring);
    if (which >= 128)
      for (Side& each : world_.sides) each.replace_keys(ring);
  }

  void step_clock(Side& side) {
    constexpr std::array<std::int64_t, 6> steps_ms{0, 1000, -1000, 100'000, -7'200'000, 90'000'000};
    side.clock_ahead = milliseconds(steps_ms[input_.below(steps_ms.size())]);
    side.totals.clear();
  }

  void look(Side& side) {
    const std::uint8_t how = input_.byte();
    const TopQuery query{.rule = (how & 1U) != 0 ? "path" : "",
                         .by = static_cast<TopQuery::By>(how / 2 % 3),
                         .rows_max = 1 + how / 8U,
                         .one_per_rule = (how & 128U) != 0};
    const TopView view = side.engine->top(query, world_.now, side.wall(), side);
    REQUIRE_THAT(view.rows.size() <= (query.one_per_rule ? top_rows_max : query.rows_max));
    for (const LiveView& live : side.engine->live_overrides(side.wall()))
      REQUIRE_THAT(!live.expires_at || *live.expires_at > side.wall());
  }

  Endpoint somebody(std::uint8_t who) {
    const std::size_t index = who % (sides_count + strangers_count);
    return index < sides_count ? world_.sides[index].address : stranger(index - sides_count);
  }

  Scene scene(const Side& side, const Endpoint& from) {
    Scene made;
    made.wall = side.wall();
    const auto told = side.told.find(from.address);
    if (told != side.told.end() && !told->second.empty()) made.echo_ns = *told->second.rbegin();
    made.recipient = side.engine->origin();
    made.question = world_.question;
    made.keys = world_.keys;
    return made;
  }

  /// Of somebody who has the keys of `side`, if it has any: another node's, or one that has been broken into.
  wire::Encoder& encoder_of(OriginId origin, const Side& side) {
    if (!side.keys.seals()) return world_.encoder;
    const auto place = std::pair(origin, side.keys.keys.front().bytes[0]);
    auto& forger = forgers_[place];
    if (forger == nullptr) forger = std::make_unique<Forger>(origin, side.keys);
    return forger->encoder;
  }

  /// Proves an address: asks, and tells back what the answer said.
  void introduce(Side& side) {
    const std::uint8_t who = input_.byte();
    const Endpoint from = stranger(who % strangers_count);
    wire::Encoder& encoder = encoder_of(OriginId{100U + who / strangers_count % 4}, side);
    wire::Heartbeat heartbeat;
    heartbeat.sender = OriginId{100U + who / strangers_count % 4};
    heartbeat.name = "stranger";
    heartbeat.state = static_cast<wire::NodeState>(who >> 6U);
    heartbeat.sync_port = sync_port;
    heartbeat.wall = side.wall();
    for (int times = 0; times < 2; ++times) {
      heartbeat.sent_ns = static_cast<std::uint64_t>(world_.now.time_since_epoch().count());
      heartbeat.version = Version{input_.number()};
      heartbeat.ack = Version{input_.number()};
      const std::span<const std::byte> packet = encoder.encode(heartbeat);
      world_.hand_over(side, from, Port::heartbeat, packet);
      const Scene seen = scene(side, from);
      heartbeat.recipient = seen.recipient;
      heartbeat.echo_ns = seen.echo_ns;
      world_.now += milliseconds(1);
    }
  }

  void forge(Side& side, bool damaged) {
    const std::uint8_t who = input_.byte();
    Endpoint from = somebody(who);
    const wire::Kind kind = wire_kinds[input_.below(wire_kinds.size())];
    Scene seen = scene(side, from);
    const bool seals = (who & 128U) != 0;
    if (seals) seen.sender = std::max(seen.origin(input_), OriginId{1});
    wire::Encoder& encoder = seals ? encoder_of(seen.sender, side) : world_.encoder;
    const auto made = encode_made(encoder, kind, input_, seen);
    std::vector<std::byte> packet(made.begin(), made.end());
    Port port = wire::port_of(kind);
    if (damaged) {
      packet[input_.below(std::min<std::size_t>(packet.size(), 256))] ^= std::byte{input_.byte()};
      if (input_.flag()) packet.resize(packet.size() - std::min<std::size_t>(packet.size(), input_.byte()));
      if (input_.flag()) port = port == Port::sync ? Port::heartbeat : Port::sync;
    }
    if (port == Port::sync) from.port = sync_port;
    if ((who & 64U) != 0) from.port = 1234;
    world_.hand_over(side, from, port, packet);
  }

  void raw(Side& side) {
    const Endpoint from = somebody(input_.byte());
    const auto bytes = std::as_bytes(input_.take(input_.byte()));
    world_.hand_over(side, from, input_.flag() ? Port::sync : Port::heartbeat, bytes);
  }

  void decide(Side& side) {
    const std::uint8_t how = input_.byte();
    std::string own;
    if ((how & 64U) != 0) own = input_.text(20);
    const std::string_view caller = (how & 64U) != 0 ? std::string_view(own) : callers[how % 3];
    const Entry entries[] = {{.key = "principal", .value = caller}, {.key = "path", .value = "/a"}};
    Descriptor descriptor{.entries = std::span(entries).first(1 + (how >> 2U & 1U)), .limit = {}, .hits = {}};
    if ((how & 8U) != 0) descriptor.limit = RequestLimit{input_.number(), input_.number32()};
    if ((how & 16U) != 0) descriptor.hits = input_.number();
    const std::array both{descriptor, Descriptor{.entries = entries, .limit = {}, .hits = {}}};
    const Request request{.domain = "",
                          .descriptors = std::span(both).first(1 + (how >> 5U & 1U)),
                          .hits = (how & 128U) != 0 ? input_.number() : 1};
    const Decision decision = side.engine->decide(request, world_.now, side.wall());
    ++side.decided_count;
    check_decision(decision, side.engine->rules());
  }

  struct Forger {
    Forger(OriginId origin, const wire::KeyRing& ring) : sealer(origin, "starling", ring) {}
    wire::Sealer sealer;
    wire::Encoder encoder{cluster_tag(), &sealer};
  };

  Input input_;
  World world_;
  std::map<std::pair<OriginId, unsigned char>, std::unique_ptr<Forger>> forgers_;
  std::size_t restarts_count_ = 0;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t bytes_count) {
  Program(data, bytes_count).run();
  return 0;
}
