// Rules that are rolled out node by node, under load: nodes that disagree about the rules must still count
// every hit once, believe nothing that is not true, and agree about what each counter holds.
#include <fmt/format.h>

#include <map>

#include "support.hpp"

namespace starling::sim {
namespace {

constexpr std::size_t nodes = 4;

Rule rule(std::string name, std::vector<Limit> limits) {
  Rule rule;
  rule.name = std::move(name);
  rule.match = {Matcher{.key = "principal", .kind = Matcher::Kind::any, .text = ""}};
  rule.limits = std::move(limits);
  return rule;
}

RuleSet rules_of(std::vector<Rule> rules) {
  RuleSet set;
  set.rules = std::move(rules);
  return set;
}

/// What the nodes themselves say they have admitted and counted: by rule and window length.
using Admitted = std::map<std::pair<std::string, std::uint32_t>, Hits>;

/// Rolls `after` out over nodes that run `before`, one node after another, under load above the limits.
void roll_out(
    std::uint64_t seed, const RuleSet& before, const RuleSet& after,
    const std::function<void(Simulation&)>& meanwhile = [](Simulation&) {}) {
  CAPTURE(seed);
  SimulationOptions options = small_cluster(seed, nodes, 1, 1);
  options.rules = before;
  Simulation simulation(options);
  settle(simulation);
  const Instant start = simulation.now();
  for (NodeIndex node = 0; node < nodes; ++node) {
    for (const char* principal : {"alice", "bob"})
      simulation.load(node, principal, 60, start + seconds(8), 3);
    simulation.at(start + seconds(1) + node * milliseconds(1300),
                  [&simulation, &after, node] { simulation.replace_rules(node, after); });
  }
  simulation.at(start + seconds(3), [&] { meanwhile(simulation); });
  simulation.run_until(start + seconds(8));
  simulation.run_until(start + seconds(9));
  REQUIRE_MESSAGE(simulation.failure().empty(), simulation.failure());
  CHECK(simulation.checks_count() > 1000);
  CHECK(simulation.disagreement() == "");
  CHECK(simulation.views_compared() > 0);
  CHECK(simulation.overrides_disagreement(simulation.overrides_known()) == "");

  // Every hit that a request was admitted with is in one counter of each limit that it passed, and in no
  // other.
  Admitted counted;
  for (const auto& [key, entry] : simulation.ledger().entries()) {
    Hits shares = 0;
    for (const auto& share : entry.by_origin) shares += share.hits;
    CHECK(shares == entry.admitted);
    counted[{key.rule, key.window_s}] += entry.admitted;
  }
  CHECK(counted == simulation.admitted());
}

}  // namespace

TEST_SUITE("sim.config_skew") {
  TEST_CASE("a limit is lowered, or raised, node by node: the same counters go on") {
    for (std::uint64_t seed = 1; seed <= 2; ++seed) {
      const RuleSet many = rules_of({rule("per-user", {{80, 2}})});
      const RuleSet few = rules_of({rule("per-user", {{20, 2}})});
      roll_out(seed, many, few);
      roll_out(seed, few, many);
    }
  }

  TEST_CASE("a window is changed: each length has counters of its own") {
    roll_out(3, rules_of({rule("per-user", {{80, 2}})}), rules_of({rule("per-user", {{80, 3}})}));
    roll_out(4, rules_of({rule("per-user", {{80, 2}, {200, 5}})}), rules_of({rule("per-user", {{200, 5}})}));
  }

  TEST_CASE("a rule is renamed: the new name counts anew") {
    roll_out(5, rules_of({rule("per-user", {{80, 2}})}), rules_of({rule("per-caller", {{80, 2}})}));
  }

  TEST_CASE("rules come and go, and change their order") {
    const Rule first = rule("first", {{80, 2}});
    const Rule second = rule("second", {{50, 1}, {90, 3}});
    roll_out(6, rules_of({first}), rules_of({second, first}));
    roll_out(7, rules_of({first, second}), rules_of({second}));
    roll_out(8, rules_of({first, second}), rules_of({}));
  }

  TEST_CASE("overrides are set meanwhile, also of a rule that some nodes do not have") {
    const RuleSet before = rules_of({rule("per-user", {{80, 2}})});
    const RuleSet after = rules_of({rule("per-caller", {{80, 2}})});
    for (std::uint64_t seed = 9; seed <= 11; ++seed)
      roll_out(seed, before, after, [](Simulation& simulation) {
        LiveOverride what;
        what.rule = "per-caller";
        what.limits = {Limit{.requests = 30, .window_s = 2}, Limit{.requests = 60, .window_s = 3}};
        CHECK(simulation.set_live(0, what));
        what.rule = "per-user";
        what.match = {Matcher{.key = "principal", .kind = Matcher::Kind::equal, .text = "alice"}};
        CHECK(simulation.set_live(1, what));
        what.match[0].text = "bob";
        what.limits.clear();
        what.unlimited = true;
        CHECK(simulation.set_live(2, what, seconds(2)));
      });
  }

  TEST_CASE("policies change: algorithm, admission, learning") {
    RuleSet before = rules_of({rule("per-user", {{40, 2}})});
    RuleSet after = before;
    after.rules[0].algorithm = Algorithm::sliding_window;
    after.rules[0].admission = Admission::guarded;
    roll_out(12, before, after);
    after.rules[0].learning = true;
    roll_out(13, before, after);
  }
}

}  // namespace starling::sim
