/// Which override, and enforced or not: against a plain search that follows the words of the rule.
#include "limiter/exceptions.hpp"

#include <doctest/doctest.h>

#include <optional>
#include <tuple>

#include "random_rules.hpp"

namespace starling {
namespace {

/// The terms for one caller, without an index.
class Oracle {
 public:
  Oracle(const RuleSet& set, const std::vector<LiveOverride>& live, const Descriptor& descriptor)
      : set_(set), rule_(set.rules[0]), live_(live), descriptor_(descriptor) {}

  Terms terms() const {
    Terms terms{.limits = rule_.limits, .unlimited = rule_.unlimited};
    for (std::uint32_t i = 0; i < live_.size(); ++i)
      if (live_[i].kind == LiveOverride::Kind::limits && live_[i].rule == rule_.name &&
          live_[i].match.empty())
        terms = {.limits = live_[i].limits,
                 .unlimited = live_[i].unlimited,
                 .source = LimitSource::live,
                 .override_index = i};
    std::optional<std::tuple<bool, bool, int, std::uint32_t>> best, best_learning;
    std::optional<bool> learning;
    for (std::uint32_t i = 0; i < live_.size(); ++i) {
      const LiveOverride& live = live_[i];
      if (live.kind != LiveOverride::Kind::limits || live.rule != rule_.name || live.match.empty()) continue;
      const auto rank = std::tuple(!wholly(live.match), false, -static_cast<int>(live.match.size()), i);
      if (!fits(std::span(live.match), descriptor_) || (best && *best < rank)) continue;
      best = rank;
      set_limits(terms, live, LimitSource::live, i);
    }
    for (std::uint32_t i = 0; i < rule_.overrides.size(); ++i) {
      const Override& other = rule_.overrides[i];
      const auto rank = std::tuple(!wholly(other.match), true, -static_cast<int>(other.match.size()), i);
      if (!fits(std::span(other.match), descriptor_)) continue;
      if ((other.unlimited || !other.limits.empty()) && (!best || rank < *best)) {
        best = rank;
        set_limits(terms, other, LimitSource::exception, i);
      }
      if (other.learning && (!best_learning || rank < *best_learning)) {
        best_learning = rank;
        learning = other.learning;
      }
    }
    set_learning(terms, learning);
    return terms;
  }

 private:
  static void set_limits(Terms& terms, const auto& other, LimitSource source, std::uint32_t index) {
    terms.limits = other.limits;
    terms.unlimited = other.unlimited;
    terms.source = source;
    terms.override_index = index;
  }

  bool wholly(const std::vector<Matcher>& match) const {
    std::size_t named = 0, keys = 0;
    for (const Matcher& key : rule_.match) {
      if (key.kind == Matcher::Kind::equal) continue;
      ++keys;
      for (const Matcher& one : match) named += one.key == key.key && one.kind == Matcher::Kind::equal;
    }
    return named == keys;
  }

  bool meant(const std::string& principal, const std::vector<Matcher>& match) const {
    if (!match.empty()) return fits(std::span(match), descriptor_);
    for (const Matcher& key : rule_.match)
      if (key.kind != Matcher::Kind::equal && find_entry(descriptor_, key.key)->value == principal)
        return true;
    return false;
  }

  void set_learning(Terms& terms, std::optional<bool> by_override) const {
    Listed live, file;
    for (const LiveOverride& one : live_) {
      if (!one.rule.empty() && one.rule != rule_.name) continue;
      if (one.kind == LiveOverride::Kind::enforcing && meant(one.principal, one.match)) live.enforcing = true;
      if (one.kind == LiveOverride::Kind::ignoring && meant(one.principal, one.match)) live.ignoring = true;
    }
    for (const Caller& one : rule_.enforcing)
      if (meant(one.principal, one.match)) file.enforcing = true;
    for (const Caller& one : rule_.ignoring)
      if (meant(one.principal, one.match)) file.ignoring = true;
    const Learning own = learning_of(set_, rule_, live_);
    terms.learning = own.learning;
    terms.enforced_by = own.live != nullptr ? EnforcementSource::live : EnforcementSource::file;
    const Listed decides = live.anywhere() ? live : file;
    if (decides.anywhere()) {
      terms.learning = decides.ignoring;
      terms.contradiction = decides.enforcing && decides.ignoring;
      terms.enforced_by = live.anywhere() ? EnforcementSource::live_list : EnforcementSource::list;
    } else if (by_override) {
      terms.learning = *by_override;
      terms.enforced_by = EnforcementSource::exception;
    }
  }

  const RuleSet& set_;
  const Rule& rule_;
  const std::vector<LiveOverride>& live_;
  const Descriptor& descriptor_;
};

TEST_SUITE("limiter.exceptions") {
  TEST_CASE("the override and the learning that apply are those a plain search finds") {
    std::size_t excepted = 0, live_decided = 0, contradictions = 0, unlimited = 0;
    for (std::uint64_t seed = 1; seed <= 3000; ++seed) {
      CAPTURE(seed);
      Random random(seed);
      RuleSet set = rule_set({draw_rule(random, "r1")});
      set.learning = random.chance(0.5);
      LimiterWorld world(set);
      for (int change = 0; change < 3; ++change) {
        std::vector<LiveOverride> live = draw_live(random);
        for (LiveOverride& one : live)
          if (!one.rule.empty() && random.chance(0.5)) one.rule = "r1";
        world.limiter.set_live_overrides(live);
        for (int i = 0; i < 4; ++i) {
          const Entries entries = draw_entries(random);
          const Descriptor descriptor{entries};
          const Decision decision = world.decide(entries);
          REQUIRE(decision.limits.empty() == !fits(set.rules[0], descriptor));
          if (decision.limits.empty()) continue;
          const Terms terms = Oracle(set, live, descriptor).terms();
          REQUIRE(decision.limits.size() == (terms.unlimited ? 1 : terms.limits.size()));
          for (std::size_t at = 0; at < decision.limits.size(); ++at) {
            const LimitStatus& status = decision.limits[at];
            REQUIRE(status.unlimited == terms.unlimited);
            REQUIRE(status.source == terms.source);
            REQUIRE(status.override_index == terms.override_index);
            REQUIRE(status.enforced == !terms.learning);
            REQUIRE(status.enforced_by == terms.enforced_by);
            REQUIRE(status.contradiction == terms.contradiction);
            if (!terms.unlimited) REQUIRE(status.limit == terms.limits[at].requests);
          }
          excepted += terms.source == LimitSource::exception;
          live_decided += terms.source == LimitSource::live;
          contradictions += terms.contradiction;
          unlimited += terms.unlimited;
        }
      }
    }
    for (const std::size_t seen : {excepted, live_decided, contradictions, unlimited}) CHECK(seen > 100);
  }

  TEST_CASE("a name beats a pattern, though the pattern has more keys or is live") {
    RuleSet set = rule_set({rule("r", match({{"user", "*"}}), {{1, 10}})});
    set.rules[0].overrides = {{.match = match({{"app", "x"}, {"user", "a*"}}), .limits = {{2, 10}}},
                              {.match = match({{"user", "al"}}), .limits = {{3, 10}}}};
    LimiterWorld world(set);
    world.limiter.set_live_overrides({live_limits("r", {{"app", "x"}, {"user", "*"}}, {{4, 10}})});
    CHECK(world.status({{"user", "al"}, {"app", "x"}}).limit == 3);
    CHECK(world.status({{"user", "ada"}, {"app", "x"}}).limit == 4);
    CHECK(world.status({{"user", "ada"}, {"app", "y"}}).limit == 1);
  }

  TEST_CASE("with several keys a caller is named wholly by all of them only") {
    RuleSet set = rule_set({rule("r", match({{"ip", "*"}, {"path", "/x"}, {"user", "*"}}), {{1, 10}})});
    set.rules[0].overrides = {{.match = match({{"ip", "1"}}), .limits = {{2, 10}}},
                              {.match = match({{"ip", "1"}, {"user", "al"}}), .limits = {{3, 10}}}};
    LimiterWorld world(set);
    world.limiter.set_live_overrides({live_limits("r", {{"user", "al"}}, {{4, 10}})});
    CHECK(world.status({{"ip", "1"}, {"path", "/x"}, {"user", "al"}}).limit == 3);
    CHECK(world.status({{"ip", "2"}, {"path", "/x"}, {"user", "al"}}).limit == 4);
    CHECK(world.status({{"ip", "1"}, {"path", "/x"}, {"user", "bo"}}).limit == 2);
  }

  TEST_CASE("limits and learning may come from two overrides") {
    RuleSet set = rule_set({rule("r", match({{"user", "*"}}), {{1, 10}})});
    set.rules[0].overrides = {{.match = match({{"user", "a*"}}), .limits = {{7, 10}}, .learning = true},
                              {.match = match({{"user", "al"}}), .learning = false}};
    LimiterWorld world(set);
    CHECK(world.status({{"user", "al"}}).limit == 7);
    CHECK(world.status({{"user", "al"}}).enforced);
    CHECK_FALSE(world.status({{"user", "ada"}}).enforced);
  }

  TEST_CASE("an overridden limit keeps the rule's counter; with another window it has another one") {
    LimiterWorld world(per_principal(2));
    const Entries alice{{"principal", "alice"}};
    CHECK(world.allows(alice, 2));
    world.limiter.set_live_overrides({live_limits("per-principal", {{"principal", "alice"}}, {{3, 10}})});
    CHECK(world.decide(alice).limits[0].used == 3);
    CHECK(world.limiter.charges()[0].limit == 3);
    CHECK_FALSE(world.allows(alice));
    world.limiter.set_live_overrides({live_limits("per-principal", {{"principal", "alice"}}, {{3, 20}})});
    CHECK(world.decide(alice).limits[0].used == 1);
    world.limiter.set_live_overrides({});
    CHECK(world.decide(alice, 0).limits[0].used == 3);
  }

  TEST_CASE("one counter under different terms: the stricter hold, in either order, counted once") {
    RuleSet set = rule_set({rule("r", match({{"user", "*"}}), {{5, 10}})});
    set.rules[0].overrides = {{.match = match({{"app", "x"}}), .limits = {{1, 10}}},
                              {.match = match({{"app", "y"}}), .limits = {{0, 10}}, .learning = true}};
    const std::vector<Entries> three{
        {{"user", "u"}}, {{"app", "x"}, {"user", "u"}}, {{"app", "y"}, {"user", "u"}}};
    for (const auto& order : {std::array{0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}}) {
      LimiterWorld world(set);
      const auto ask = [&] {
        return world.decide(std::vector{three[order[0]], three[order[1]], three[order[2]]});
      };
      const Decision first = ask();
      CHECK(first.allowed);
      REQUIRE(first.limits.size() == 1);
      CHECK(first.limits[0].limit == 1);
      CHECK(first.limits[0].used == 1);
      CHECK(first.limits[0].descriptors == 0b111);
      CHECK_FALSE(ask().allowed);
    }
  }

  TEST_CASE("an override may limit callers of an unlimited rule") {
    RuleSet set = rule_set({rule("r", match({{"user", "*"}}), {})});
    set.rules[0].unlimited = true;
    set.rules[0].overrides = {{.match = match({{"user", "greedy"}}), .limits = {{1, 10}}}};
    LimiterWorld world(set);
    CHECK(world.allows({{"user", "x"}}, 1000));
    CHECK(world.allows({{"user", "greedy"}}));
    CHECK_FALSE(world.allows({{"user", "greedy"}}));
  }

  TEST_CASE("what a rule promises about isolation holds for overridden limits") {
    RuleSet set = per_principal(100);
    set.rules[0].when_isolated = WhenIsolated::share;
    set.rules[0].overrides = {{.match = match({{"principal", "alice"}}), .limits = {{8, 10}}}};
    LimiterWorld world(set);
    world.around.known_count = 4;
    world.around.isolated = true;
    CHECK(world.allows({{"principal", "alice"}}, 2));
    CHECK(world.limiter.charges()[0].limit == 2);
    CHECK(world.status({{"principal", "alice"}}).denial == Denial::share);
  }
}

}  // namespace
}  // namespace starling
