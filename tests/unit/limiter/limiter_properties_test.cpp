/// What holds for every set of rules and every request: drawn from seeds, the seed names the case.
#include <doctest/doctest.h>

#include <algorithm>
#include <numeric>
#include <set>
#include <tuple>

#include "random_rules.hpp"

namespace starling {
namespace {

/// A limiter, its table, and every counter it was ever led to.
struct PropertyWorld {
  explicit PropertyWorld(RuleSet set,
                         CounterTable::Options options = {.counters_max = 2000, .components_max = 4000})
      : limiter(std::move(set), KeyedHash("test")), counters(options) {}

  Decision decide(const DrawnRequest& request) {
    const Decision decision = limiter.decide(request.view(), around, counters);
    note();
    return decision;
  }
  Decision look(const DrawnRequest& request) {
    const Decision decision = limiter.look(request.view(), around, counters);
    note();
    return decision;
  }
  void note() {
    for (const CounterId& id : limiter.counters())
      if (id.window.length_s != 0) seen.insert(id);
  }
  /// Every counter there is: none can be in the table that no decision led to.
  std::map<CounterId, Hits> table() const {
    std::map<CounterId, Hits> values;
    for (const CounterId& id : seen)
      if (counters.own_component(id) != no_component) values[id] = counters.value(id);
    REQUIRE(values.size() == counters.counters_count());
    return values;
  }
  void advance(Random& random) {
    const auto step = std::chrono::milliseconds(random.below(200));
    around.wall += step;
    around.now += step;
  }

  Limiter limiter;
  CounterTable counters;
  Surroundings around{.wall = WallTime{std::chrono::milliseconds(1'000'003'000)}};
  std::set<CounterId> seen;
};

/// A status but for where it stands: its rule's index and the bits of its descriptors.
using Told = std::tuple<std::string, LimitSource, std::uint32_t, Hits, bool, Hits, std::uint32_t,
                        std::tuple<Hits, Hits, std::uint64_t, Denial, bool, EnforcementSource, bool, bool>,
                        std::uint64_t>;
std::multiset<Told> told(const Decision& decision, bool reversed, std::size_t descriptors_count) {
  std::multiset<Told> all;
  for (const LimitStatus& s : decision.limits) {
    std::uint64_t bits = 0;
    for (std::size_t i = 0; i < descriptors_count; ++i)
      if ((s.descriptors >> i & 1) != 0)
        bits |= std::uint64_t{1} << (reversed ? descriptors_count - 1 - i : i);
    all.emplace(s.rule, s.source, s.override_index, s.hits, s.unlimited, s.limit, s.window_s,
                std::tuple(s.used, s.remaining, s.reset_ms, s.denial, s.enforced, s.enforced_by,
                           s.contradiction, s.counted),
                bits);
  }
  return all;
}

void require_sound(const Decision& decision, const PropertyWorld& world) {
  bool denies = false, exceeded = false;
  for (const LimitStatus& status : decision.limits) {
    denies = denies || (!status.allowed && status.enforced);
    exceeded = exceeded || !status.allowed;
    REQUIRE(status.allowed == (status.denial == Denial::none));
    REQUIRE(status.descriptors != 0);
    if (status.unlimited) REQUIRE(status.allowed);
    if (!status.unlimited) REQUIRE(status.reset_ms >= 1);
    if (status.contradiction) REQUIRE_FALSE(status.enforced);
  }
  REQUIRE(decision.allowed == !denies);
  REQUIRE(decision.learned == (exceeded && !denies));
  if (denies) REQUIRE(decision.tightest != nullptr);
  if (denies) REQUIRE((!decision.tightest->allowed && decision.tightest->enforced));
  if (decision.tightest != nullptr) REQUIRE_FALSE(decision.tightest->unlimited);
  const auto ids = world.limiter.counters();
  REQUIRE(ids.size() == decision.limits.size());
  for (std::size_t i = 0; i < ids.size(); ++i) REQUIRE(ids[i].window.length_s == decision.limits[i].window_s);
  REQUIRE(std::set<CounterId>(ids.begin(), ids.end()).size() == ids.size());
  if (!decision.allowed) REQUIRE(world.limiter.charges().empty());
  REQUIRE(world.limiter.charges().size() <= 2 * decision.limits.size());
}

TEST_SUITE("limiter.limiter properties") {
  TEST_CASE("a denied request changes no counter, a passed one raises each of its counters by its hits") {
    std::size_t denied = 0, uncounted = 0;
    for (std::uint64_t seed = 1; seed <= 300; ++seed) {
      CAPTURE(seed);
      Random random(seed);
      const std::uint32_t counters_max = random.chance(0.2) ? 10 : 2000;
      PropertyWorld world(draw_rule_set(random), {.counters_max = counters_max, .components_max = 4000});
      for (int step = 0; step < 60; ++step) {
        world.advance(random);
        if (random.chance(0.1)) world.limiter.set_live_overrides(draw_live(random));
        if (random.chance(0.1)) {
          const WallTime wall = world.around.wall;
          world.around = draw_surroundings(random);
          world.around.wall = wall;
        }
        const DrawnRequest request(random);
        world.look(request);
        std::map<CounterId, Hits> expected = world.table();
        const Decision decision = world.decide(request);
        REQUIRE_FALSE(decision.truncated);
        denied += !decision.allowed;
        for (std::size_t i = 0; decision.allowed && i < decision.limits.size(); ++i) {
          const LimitStatus& status = decision.limits[i];
          uncounted += !status.counted;
          if (!status.unlimited && status.counted && status.hits > 0)
            expected[world.limiter.counters()[i]] += status.hits;
        }
        REQUIRE(world.table() == expected);
      }
    }
    CHECK(denied > 1000);
    CHECK(uncounted > 100);
  }

  TEST_CASE("looking changes no counter and says what deciding would") {
    for (std::uint64_t seed = 1; seed <= 100; ++seed) {
      CAPTURE(seed);
      Random random(seed);
      PropertyWorld world(draw_rule_set(random));
      for (int step = 0; step < 40; ++step) {
        world.advance(random);
        const DrawnRequest request(random);
        const auto before = world.table();
        const bool allowed = world.look(request).allowed;
        REQUIRE(world.table() == before);
        REQUIRE(world.limiter.charges().empty());
        REQUIRE(world.decide(request).allowed == allowed);
      }
    }
  }

  TEST_CASE("the order of rules and descriptors does not change what passes, is told and is counted") {
    std::size_t merged = 0;
    for (std::uint64_t seed = 1; seed <= 300; ++seed) {
      CAPTURE(seed);
      Random random(seed);
      RuleSet set = draw_rule_set(random);
      PropertyWorld one(set);
      for (std::size_t i = set.rules.size(); i > 1; --i)
        std::swap(set.rules[i - 1], set.rules[random.below(i)]);
      PropertyWorld other(set);
      const Surroundings around = draw_surroundings(random);
      one.around.nodes_count = other.around.nodes_count = around.nodes_count;
      one.around.known_count = other.around.known_count = around.known_count;
      for (int step = 0; step < 60; ++step) {
        one.advance(random);
        other.around = one.around;
        if (random.chance(0.1)) {
          const auto live = draw_live(random);
          one.limiter.set_live_overrides(live);
          other.limiter.set_live_overrides(live);
        }
        DrawnRequest request(random);
        const std::size_t count = request.views.size();
        const Decision a = one.decide(request);
        std::reverse(request.views.begin(), request.views.end());
        const Decision b = other.decide(request);
        REQUIRE(a.allowed == b.allowed);
        REQUIRE(a.learned == b.learned);
        REQUIRE(told(a, false, count) == told(b, true, count));
        REQUIRE((a.tightest == nullptr) == (b.tightest == nullptr));
        if (a.tightest != nullptr && a.allowed) REQUIRE(a.tightest->remaining == b.tightest->remaining);
        if (a.tightest != nullptr && !a.allowed) REQUIRE(a.tightest->reset_ms == b.tightest->reset_ms);
        REQUIRE(one.table() == other.table());
        for (const LimitStatus& s : a.limits) merged += (s.descriptors & (s.descriptors - 1)) != 0;
      }
    }
    CHECK(merged > 1000);
  }

  TEST_CASE("overrides that were set and taken away leave decisions as they were") {
    std::size_t differed = 0;
    for (std::uint64_t seed = 1; seed <= 200; ++seed) {
      CAPTURE(seed);
      Random random(seed);
      const RuleSet set = draw_rule_set(random);
      const std::vector<LiveOverride> lasting = draw_live(random);
      PropertyWorld touched(set), untouched(set);
      touched.limiter.set_live_overrides(lasting);
      untouched.limiter.set_live_overrides(lasting);
      for (int step = 0; step < 40; ++step) {
        touched.advance(random);
        untouched.around = touched.around;
        const DrawnRequest request(random);
        const auto count = request.views.size();
        if (random.chance(0.5)) {
          touched.limiter.set_live_overrides(draw_live(random));
          const bool as_ever =
              told(touched.look(request), false, count) == told(untouched.look(request), false, count);
          differed += !as_ever;
          touched.limiter.set_live_overrides(lasting);
        }
        if (random.chance(0.1)) {
          touched.limiter.replace_rules(draw_rule_set(random));
          touched.look(request);
          touched.limiter.replace_rules(set);
        }
        const Decision a = touched.decide(request);
        const Decision b = untouched.decide(request);
        REQUIRE(a.allowed == b.allowed);
        REQUIRE(told(a, false, count) == told(b, false, count));
      }
    }
    CHECK(differed > 500);
  }

  TEST_CASE("whatever the rules and requests, nothing is denied but by a limit that is enforced") {
    for (std::uint64_t seed = 1; seed <= 400; ++seed) {
      CAPTURE(seed);
      Random random(seed);
      RuleSet set = draw_rule_set(random);
      while (random.chance(0.3))
        set.rules.push_back(draw_rule(random, "r" + std::to_string(random.below(9))));
      PropertyWorld world(set, {.counters_max = 50, .components_max = 100});
      for (int step = 0; step < 40; ++step) {
        world.advance(random);
        if (random.chance(0.2)) {
          std::vector<LiveOverride> live = draw_live(random);
          for (LiveOverride& one : live) {  // and what a broken peer might send
            if (random.chance(0.1))
              one.limits.push_back({hits_max, static_cast<std::uint32_t>(random.next())});
            if (random.chance(0.05)) one.rule.clear();
            if (random.chance(0.05)) one.match.clear();
          }
          world.limiter.set_live_overrides(live);
        }
        const WallTime wall = world.around.wall;
        world.around = draw_surroundings(random);
        world.around.wall = wall;
        DrawnRequest request(random);
        if (random.chance(0.1)) request.hits = random.next();
        for (Descriptor& view : request.views) {
          if (random.chance(0.1)) view.hits = random.next();
          if (random.chance(0.1))
            view.limit = RequestLimit{.requests = random.next(),
                                      .window_s = static_cast<std::uint32_t>(random.next())};
          if (random.chance(0.05)) view.entries = {};
        }
        while (random.chance(0.3)) request.views.insert(request.views.end(), 9, request.views.front());
        const bool looks = random.chance(0.3);
        require_sound(looks ? world.look(request) : world.decide(request), world);
      }
    }
  }
}

/// Admissions of one caller, one node and a sliding window, by the millisecond.
class SlidingLog {
 public:
  SlidingLog(Hits limit, std::uint32_t window_s)
      : limit_(limit), window_ms_(window_s * 1000), world_(rules(limit, window_s)) {
    world_.wall = WallTime(std::chrono::milliseconds(std::uint64_t{window_ms_} * 1000));
  }

  /// Asks once at millisecond `at`, which must not go back.
  void ask(std::uint64_t at, Hits hits = 1) {
    admitted_.resize(std::max<std::size_t>(admitted_.size(), at + 1));
    LimiterWorld& world = world_;
    world.wall = WallTime(std::chrono::milliseconds(std::uint64_t{window_ms_} * 1000 + at));
    if (world.allows({{"principal", "p"}}, hits)) admitted_[at] += hits;
  }
  void ask_for_all_there_is(std::uint64_t at) {
    for (Hits before = hits_max; before != total(at); ask(at)) before = total(at);
  }

  /// The most that any interval of this length holds, found by trying them all.
  Hits most_in(std::uint64_t interval_ms) const {
    Hits most = 0, sum = 0;
    for (std::size_t at = 0; at < admitted_.size(); ++at) {
      sum += admitted_[at];
      if (at >= interval_ms) sum -= admitted_[at - interval_ms];
      most = std::max(most, sum);
    }
    return most;
  }
  /// limit * (1 + s / L), as derived in sliding_window.hpp.
  Hits bound(std::uint64_t interval_ms) const { return limit_ + limit_ * interval_ms / window_ms_; }

  std::uint64_t window_ms() const { return window_ms_; }
  Hits limit() const { return limit_; }

 private:
  static RuleSet rules(Hits limit, std::uint32_t window_s) {
    RuleSet set = rule_set({rule("r", match({{"principal", "*"}}), {{limit, window_s}})});
    set.rules[0].algorithm = Algorithm::sliding_window;
    return set;
  }
  Hits total(std::uint64_t at) const { return at < admitted_.size() ? admitted_[at] : 0; }

  Hits limit_;
  std::uint64_t window_ms_;
  LimiterWorld world_;
  std::vector<Hits> admitted_;  // by millisecond
};

TEST_SUITE("limiter.sliding window properties") {
  constexpr std::array<std::uint64_t, 6> parts{1000, 10, 4, 2, 1, 1};  // of a window

  TEST_CASE("no interval admits more than limit x (1 + its length / the window's), however requests come") {
    for (std::uint64_t seed = 1; seed <= 60; ++seed) {
      CAPTURE(seed);
      Random random(seed);
      SlidingLog log(1 + random.below(200), static_cast<std::uint32_t>(1 + random.below(3)));
      const std::uint64_t end = 6 * log.window_ms();
      for (std::uint64_t at = 0; at < end;) {
        const std::uint64_t left = log.window_ms() - at % log.window_ms();
        switch (random.below(5)) {
          case 0:  // a pause, often up to the last moment of a window
            at += random.chance(0.7) ? left - 1 : random.below(2 * log.window_ms());
            break;
          case 1:
            log.ask_for_all_there_is(at);
            at += 1;
            break;
          case 2:  // without pause for a while
            for (std::uint64_t i = random.below(log.window_ms()); i > 0 && at < end; --i) log.ask(at++);
            break;
          case 3:
            log.ask(at, 1 + random.below(log.limit() + 2));
            at += random.below(20);
            break;
          default:
            for (int i = 0; i < 20; ++i) log.ask(at += random.below(log.window_ms() / 20));
        }
      }
      for (const std::uint64_t part : parts) {
        const std::uint64_t interval = log.window_ms() / part;
        CAPTURE(interval);
        REQUIRE(log.most_in(interval) <= log.bound(interval));
      }
    }
  }

  TEST_CASE("that bound is met by a burst at the end of a window and requests without pause after it") {
    for (const Hits limit : {1, 10, 100, 500}) {
      CAPTURE(limit);
      SlidingLog log(limit, 1);
      log.ask_for_all_there_is(999);
      for (std::uint64_t at = 1000; at < 2999; ++at) log.ask_for_all_there_is(at);
      for (const std::uint64_t part : parts) {
        const std::uint64_t interval = log.window_ms() / part;
        CAPTURE(interval);
        CHECK(log.most_in(interval) <= log.bound(interval));
        CHECK(log.most_in(interval) + 2 + limit / 500 >= log.bound(interval));
      }
      CHECK(log.most_in(1000) >= limit + limit * 99 / 100 - 1);
    }
  }

  TEST_CASE("one hit more would be too many: what is derived is no loose bound for intervals in one window") {
    SlidingLog log(50, 1);
    log.ask_for_all_there_is(0);
    CHECK(log.most_in(1) == 50);
    for (std::uint64_t at = 1; at < 1000; ++at) log.ask_for_all_there_is(at);
    CHECK(log.most_in(1000) == 50);
  }
}

}  // namespace
}  // namespace starling
