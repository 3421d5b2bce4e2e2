#include "engine/engine.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <deque>
#include <memory>

#include "limiter/principal_hash.hpp"

namespace starling {
namespace {

using std::chrono::hours;
using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;

/// Two engines and a wire between them that loses what `lossy` says. Time stands still but for `pass`.
struct Pair {
  struct Side final : Effects {
    std::unique_ptr<Engine> engine;
    Endpoint address;
    Pair* pair = nullptr;
    std::vector<Notice::Kind> notices;
    void send(Port via, const Endpoint& to, std::span<const std::byte> bytes) override {
      pair->on_wire.push_back({this, via, to, {bytes.begin(), bytes.end()}});
    }
    void notify(const Notice& notice) override { notices.push_back(notice.kind); }
  };
  struct InTransit {
    Side* from;
    Port via;
    Endpoint to;
    std::vector<std::byte> bytes;
  };

  Side a;
  Side b;
  std::deque<InTransit> on_wire;
  bool lossy = false;       // nothing arrives
  bool lossy_sync = false;  // no counts arrive, heartbeats do
  Instant now{seconds(100)};
  WallTime wall{milliseconds(1'800'000'000'000)};

  explicit Pair(RuleSet rules = RuleSet::built_in(), std::uint32_t counters_max = 1000) {
    for (Side* side : {&a, &b}) {
      side->pair = this;
      side->address = Endpoint{Address::v4(10, 0, 0, side == &a ? 1 : 2), 4291};
      EngineOptions options;
      options.origin = OriginId{side == &a ? 1U : 2U};
      options.seed = options.origin.value;
      options.has_neighborhood = true;
      options.counters_max = counters_max;
      options.components_max = 4 * counters_max;
      side->engine = std::make_unique<Engine>(options, rules, now);
    }
  }

  void connect() {
    const Endpoint both[] = {a.address, b.address};
    for (Side* side : {&a, &b}) side->engine->on_resolved(both, now, *side);
    pass(milliseconds(500));
    REQUIRE(a.engine->state() == EngineState::ready);
    REQUIRE(b.engine->state() == EngineState::ready);
  }

  void deliver() {
    while (!on_wire.empty()) {
      const InTransit datagram = std::move(on_wire.front());
      on_wire.pop_front();
      if (lossy || (lossy_sync && datagram.via == Port::sync)) continue;
      Side& to = datagram.to.address == a.address.address ? a : b;
      const Endpoint from{datagram.from->address.address,
                          static_cast<std::uint16_t>(datagram.via == Port::sync ? 4290 : 4291)};
      to.engine->on_datagram(from, datagram.via, datagram.bytes, now, wall, to);
    }
  }

  void pass(Duration duration) {
    const Instant end = now + duration;
    while (now < end) {
      for (Side* side : {&a, &b}) side->engine->on_tick(now, wall, *side);
      deliver();
      now += microseconds(500);
      wall = WallTime(milliseconds(1'800'000'000'000)) +
             std::chrono::duration_cast<milliseconds>(now.time_since_epoch() - seconds(100));
    }
  }

  bool ask(Side& side, std::string_view principal, std::uint64_t hits = 1) {
    const Entry entry{"principal", principal};
    const Descriptor descriptor{std::span(&entry, 1)};
    return side.engine->decide(Request{.descriptors = std::span(&descriptor, 1), .hits = hits}, now, wall)
        .allowed;
  }

  Hits total(Side& side, std::string_view principal) {
    const Entry entry{"principal", principal};
    const Descriptor descriptor{std::span(&entry, 1)};
    Hits sum = 0;
    for (const CounterView& view :
         side.engine->counters(Request{.descriptors = std::span(&descriptor, 1)}, wall))
      sum += view.total;
    return sum;
  }
};

RuleSet one_rule(Hits requests, std::uint32_t window_s) {
  RuleSet rules = RuleSet::built_in();
  rules.rules[0].limits = {Limit{requests, window_s}};
  return rules;
}

}  // namespace

TEST_SUITE("engine.engine") {
  TEST_CASE("two nodes hold one limit together") {
    Pair pair(one_rule(10, 3600));
    pair.connect();
    int allowed = 0;
    for (int i = 0; i < 20; ++i) {
      allowed += pair.ask(i % 2 == 0 ? pair.a : pair.b, "alice") ? 1 : 0;
      pair.pass(milliseconds(2));
    }
    CHECK(allowed == 10);
    CHECK(pair.total(pair.a, "alice") == 10);
    CHECK(pair.total(pair.b, "alice") == 10);
  }

  TEST_CASE("amid a turn what is urgent goes out, and what waits for the beat does not") {
    RuleSet rules = one_rule(1'000'000, 3600);
    rules.rules.push_back(rules.rules[0]);
    rules.rules[1].name = "narrow";
    rules.rules[1].match = {Matcher{.key = "principal", .kind = Matcher::Kind::equal, .text = "narrow"}};
    rules.rules[1].limits = {Limit{3, 3600}};
    Pair pair(std::move(rules));
    pair.connect();
    pair.on_wire.clear();
    CHECK(pair.ask(pair.a, "far"));
    pair.now += seconds(1);  // its beat is late
    pair.a.engine->tell_urgent(pair.now, pair.wall, pair.a);
    CHECK(pair.on_wire.empty());
    CHECK(pair.ask(pair.a, "narrow"));
    pair.a.engine->tell_urgent(pair.now, pair.wall, pair.a);
    CHECK(pair.on_wire.size() == 1);
    pair.deliver();
    CHECK(pair.total(pair.b, "narrow") > 0);
    CHECK(pair.total(pair.b, "far") == 0);
    pair.a.engine->on_tick(pair.now, pair.wall, pair.a);
    pair.deliver();
    CHECK(pair.total(pair.b, "far") == 1);
  }

  TEST_CASE("counts lost on the way arrive by retransmission") {
    Pair pair(one_rule(1000, 3600));
    pair.connect();
    for (int i = 0; i < 7; ++i) pair.ask(pair.a, "alice");
    pair.lossy = true;
    pair.pass(milliseconds(700));  // the lazy beat and several repetitions are lost
    CHECK(pair.total(pair.b, "alice") == 0);
    pair.lossy = false;
    pair.pass(milliseconds(2100));
    CHECK(pair.total(pair.b, "alice") == 7);
  }

  TEST_CASE("the next packet heals a loss without a timer") {
    Pair pair(one_rule(10, 3600));
    pair.connect();
    pair.ask(pair.a, "alice", 5);
    pair.a.engine->on_tick(pair.now, pair.wall, pair.a);
    pair.on_wire.clear();  // alice's packet is lost
    pair.now += milliseconds(1);
    pair.ask(pair.a, "bob", 5);
    pair.a.engine->on_tick(pair.now, pair.wall, pair.a);
    pair.deliver();
    CHECK(pair.total(pair.b, "bob") == 5);
    CHECK(pair.total(pair.b, "alice") == 5);
  }

  TEST_CASE("looking at counters counts nothing, though a descriptor names its own hits") {
    Pair pair(one_rule(10, 3600));
    pair.ask(pair.a, "alice", 3);
    const Entry entry{"principal", "alice"};
    const Descriptor descriptor{.entries = std::span(&entry, 1), .hits = 2};
    for (int i = 0; i < 3; ++i) {
      const auto views =
          pair.a.engine->counters(Request{.descriptors = std::span(&descriptor, 1)}, pair.wall);
      REQUIRE(views.size() == 1);
      CHECK(views[0].total == 3);
    }
  }

  TEST_CASE("a full counter table lets requests pass uncounted, and says so") {
    Pair pair(one_rule(10, 3600), 2);
    pair.connect();
    CHECK(pair.ask(pair.a, "one"));
    CHECK(pair.ask(pair.a, "two"));
    CHECK(pair.ask(pair.a, "three"));
    CHECK(pair.a.engine->counts().uncounted == 1);
    CHECK(pair.ask(pair.a, "one"));  // known counters are held to their limits as before
    CHECK(pair.a.engine->counts().uncounted == 1);
    pair.pass(milliseconds(10));
    CHECK(std::count(pair.a.notices.begin(), pair.a.notices.end(), Notice::Kind::counter_table_full) == 1);
  }

  TEST_CASE("what a peer counts where our table is full is dropped with a reason") {
    Pair pair(one_rule(1000, 3600), 2);
    pair.connect();
    pair.ask(pair.b, "x");
    pair.ask(pair.b, "y");
    pair.ask(pair.a, "one");
    pair.ask(pair.a, "two");
    pair.pass(seconds(1));
    CHECK(pair.a.engine->counts().dropped[static_cast<std::size_t>(ErrorCode::table_full)] >= 1);
    CHECK(pair.a.engine->counts().counters_used == 2);
  }

  TEST_CASE("counters leave when their windows are over, and their memory is used again") {
    Pair pair(one_rule(10, 1), 20);
    pair.connect();
    for (int window = 0; window < 30; ++window) {
      for (int i = 0; i < 5; ++i) CHECK(pair.ask(pair.a, "user-" + std::to_string(i)));
      pair.pass(seconds(1));
    }
    CHECK(pair.a.engine->counts().uncounted == 0);
    CHECK(pair.b.engine->counts().counters_used <= 20);
  }

  TEST_CASE("new rules keep the counters of rules that keep their name and window") {
    Pair pair(one_rule(10, 3600));
    pair.connect();
    for (int i = 0; i < 10; ++i) pair.ask(pair.a, "alice");
    CHECK_FALSE(pair.ask(pair.a, "alice"));
    pair.a.engine->replace_rules(one_rule(15, 3600));
    for (int i = 0; i < 5; ++i) CHECK(pair.ask(pair.a, "alice"));
    CHECK_FALSE(pair.ask(pair.a, "alice"));
  }

  TEST_CASE("a node without the rule still keeps and counts what others tell") {
    Pair pair(one_rule(10, 3600));
    RuleSet none;
    pair.b.engine->replace_rules(none);
    pair.connect();
    for (int i = 0; i < 10; ++i) pair.ask(pair.a, "alice");
    pair.pass(seconds(1));
    pair.b.engine->replace_rules(one_rule(10, 3600));
    CHECK_FALSE(pair.ask(pair.b, "alice"));
  }

  TEST_CASE("a pull from somebody who is no live peer is refused and changes nothing") {
    Pair pair;
    pair.connect();
    wire::Encoder encoder(KeyedHash("starling").cluster_tag());
    const auto outcome = pair.a.engine->on_datagram(
        Endpoint{Address::v4(10, 9, 9, 9), 4290}, Port::sync,
        encoder.encode(wire::Pull{.sender = {99}, .recipient = {1}, .origin = {1}}), pair.now, pair.wall,
        pair.a);
    REQUIRE_FALSE(outcome.has_value());
    CHECK(outcome.error().code == ErrorCode::unknown_sender);
    CHECK(pair.on_wire.empty());
  }

  TEST_CASE("a stranger gets at most three times the bytes it sent") {
    Pair pair;
    pair.connect();
    wire::Encoder encoder(KeyedHash("starling").cluster_tag());
    std::size_t bytes_in = 0;
    const Endpoint victim{Address::v4(10, 9, 9, 9), 4291};
    for (int i = 0; i < 50; ++i) {
      const auto forged = encoder.encode(wire::Heartbeat{.sender = {77}, .sync_port = 4290});
      bytes_in += forged.size();
      CHECK(pair.a.engine->on_datagram(victim, Port::heartbeat, forged, pair.now, pair.wall, pair.a)
                .has_value());
      pair.now += milliseconds(100);
      pair.a.engine->on_tick(pair.now, pair.wall, pair.a);
    }
    std::size_t bytes_out = 0;
    for (const Pair::InTransit& datagram : pair.on_wire)
      if (datagram.to == victim) bytes_out += datagram.bytes.size();
    CHECK(bytes_out <= 3 * bytes_in);
  }

  TEST_CASE("a peer that is met but whose counts are not in keeps a node waiting") {
    Pair pair(one_rule(1000, 3600));
    pair.ask(pair.b, "alice", 5);
    pair.lossy_sync = true;
    const Endpoint both[] = {pair.a.address, pair.b.address};
    for (Pair::Side* side : {&pair.a, &pair.b}) side->engine->on_resolved(both, pair.now, *side);
    pair.pass(milliseconds(500));
    REQUIRE(pair.a.engine->counts().nodes_count == 2);
    CHECK(pair.a.engine->state() == EngineState::joining);
    pair.lossy_sync = false;
    pair.pass(milliseconds(1200));  // retransmission has backed off meanwhile; still before the join timeout
    CHECK(pair.a.engine->state() == EngineState::ready);
    CHECK(pair.total(pair.a, "alice") == 5);
  }

  TEST_CASE("hits kept back from everybody are told to a newcomer before it is ready") {
    Pair pair(one_rule(1'000'000, 3600));
    pair.ask(pair.b, "alice", 5);  // far from the limit: nothing makes b publish this for half a second
    pair.connect();
    CHECK(pair.total(pair.a, "alice") == 5);
  }

  TEST_CASE("an empty neighborhood is waited for, not taken for an answer") {
    Pair pair;
    pair.a.engine->on_resolved({}, pair.now, pair.a);
    pair.a.engine->on_tick(pair.now + milliseconds(1900), pair.wall, pair.a);
    CHECK(pair.a.engine->state() == EngineState::joining);
    pair.a.engine->on_tick(pair.now + milliseconds(2000), pair.wall, pair.a);
    CHECK(pair.a.engine->state() == EngineState::ready);
  }

  TEST_CASE("counts under our own origin are refused: we know better") {
    Pair pair(one_rule(10, 3600));
    pair.connect();
    pair.ask(pair.a, "alice");
    wire::Encoder encoder(KeyedHash("starling").cluster_tag());
    wire::Delta forged{.sender = {2}, .origin = {1}, .from = {0}, .to = {1}};
    forged.entries = {{.window_s = 3600, .window_id = {500'000}, .key = {5}, .count = 9, .version = {1}}};
    const auto outcome = pair.a.engine->on_datagram(Endpoint{pair.b.address.address, 4290}, Port::sync,
                                                    encoder.encode(forged), pair.now, pair.wall, pair.a);
    REQUIRE_FALSE(outcome.has_value());
    CHECK(outcome.error().code == ErrorCode::from_self);
    CHECK(std::count(pair.a.notices.begin(), pair.a.notices.end(), Notice::Kind::own_origin_from_afar) == 1);
  }

  TEST_CASE("a poisoned count denies one key for one window and nothing more") {
    Pair pair(one_rule(10, 3600));
    pair.connect();
    pair.ask(pair.b, "alice");
    pair.pass(seconds(1));
    // What b really says about alice, with an absurd count.
    pair.ask(pair.b, "alice");
    pair.b.engine->on_tick(pair.now, pair.wall, pair.b);
    pair.pass(seconds(1));
    wire::Encoder encoder(KeyedHash("starling").cluster_tag());
    const PrincipalHasher hasher = [] {
      static const KeyedHash hash("starling");
      PrincipalHasher made(hash, "default", "per-principal");
      made.add_value("alice");
      return made;
    }();
    wire::Delta poison{.sender = {2}, .origin = {2}, .from = {0}, .to = {1000}};
    poison.entries = {{.window_s = 3600,
                       .window_id = Window::at(pair.wall, 3600).id,
                       .key = hasher.key(3600),
                       .count = hits_max,
                       .version = {1000}}};
    CHECK(pair.a.engine
              ->on_datagram(Endpoint{pair.b.address.address, 4290}, Port::sync, encoder.encode(poison),
                            pair.now, pair.wall, pair.a)
              .has_value());
    CHECK_FALSE(pair.ask(pair.a, "alice"));
    CHECK(pair.ask(pair.a, "bob"));
    pair.wall += hours(1);
    CHECK(pair.ask(pair.a, "alice"));
  }

  TEST_CASE("counts of a window long over, or far ahead, are dropped, and the rest of the packet is taken") {
    Pair pair(one_rule(10, 3600));
    pair.connect();
    wire::Encoder encoder(KeyedHash("starling").cluster_tag());
    const std::uint64_t current = Window::at(pair.wall, 3600).id.value;
    wire::Delta delta{.sender = {2}, .origin = {2}, .from = {0}, .to = {3}};
    delta.entries = {{.window_s = 3600, .window_id = {current - 5}, .key = {1}, .count = 1, .version = {1}},
                     {.window_s = 3600, .window_id = {current + 5}, .key = {2}, .count = 1, .version = {2}},
                     {.window_s = 3600, .window_id = {current}, .key = {3}, .count = 1, .version = {3}}};
    const auto outcome = pair.a.engine->on_datagram(Endpoint{pair.b.address.address, 4290}, Port::sync,
                                                    encoder.encode(delta), pair.now, pair.wall, pair.a);
    REQUIRE_FALSE(outcome.has_value());
    CHECK(outcome.error().code == ErrorCode::window_out_of_range);
    CHECK(pair.a.engine->counts().counters_used == 1);
  }

  TEST_CASE("the deadline is never in the past by more than the tick that is due, and idle nodes sleep") {
    Pair pair;
    pair.connect();
    pair.a.engine->on_tick(pair.now, pair.wall, pair.a);
    CHECK(pair.a.engine->next_deadline() > pair.now);
    CHECK(pair.a.engine->next_deadline() <= pair.now + milliseconds(50));
  }
}

}  // namespace starling
