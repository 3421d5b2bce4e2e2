/// A limiter with its counters, and requests in one line.
#pragma once

#include <initializer_list>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "limiter/limiter.hpp"

namespace starling {

inline Matcher matcher(std::string key, std::string text) {
  const bool star = text.ends_with('*');
  if (star) text.pop_back();
  const auto kind = !star ? Matcher::Kind::equal : text.empty() ? Matcher::Kind::any : Matcher::Kind::prefix;
  return Matcher{.key = std::move(key), .kind = kind, .text = std::move(text)};
}

inline Rule rule(std::string name, std::vector<Matcher> match, std::vector<Limit> limits) {
  return Rule{.name = std::move(name), .match = std::move(match), .limits = std::move(limits)};
}

inline RuleSet rule_set(std::vector<Rule> rules) {
  return RuleSet{.domain = "test", .rules = std::move(rules)};
}

/// Each principal, `requests` per 10 s.
inline RuleSet per_principal(Hits requests) {
  return rule_set({rule("per-principal", {matcher("principal", "*")}, {{requests, 10}})});
}

using Entries = std::vector<Entry>;

struct LimiterWorld {
  explicit LimiterWorld(RuleSet rules,
                        CounterTable::Options options = {.counters_max = 1000, .components_max = 10'000})
      : limiter(std::move(rules), KeyedHash("test")), counters(options) {}

  Decision decide(const std::vector<Entries>& descriptors, Hits hits = 1, std::string_view domain = "") {
    views.clear();
    for (const Entries& entries : descriptors) views.push_back(Descriptor{entries});
    around.wall = wall;
    return limiter.decide(Request{.domain = domain, .descriptors = views, .hits = hits}, around, counters);
  }
  Decision decide(const Entries& entries, Hits hits = 1, std::string_view domain = "") {
    return decide(std::vector<Entries>{entries}, hits, domain);
  }
  bool allows(const Entries& entries, Hits hits = 1) { return decide(entries, hits).allowed; }

  /// Hits of others in the counter behind limit `index` of the last decision.
  void join_into(std::size_t index, OriginIndex origin, Hits hits) {
    (void)counters.join(origin, limiter.counters()[index], hits, wall);
  }

  Limiter limiter;
  CounterTable counters;
  WallTime wall{std::chrono::milliseconds(1'000'003'000)};  // 3 s into a window of 10 s
  Surroundings around;  // a node alone, unless a test says otherwise
  std::vector<Descriptor> views;
};

}  // namespace starling
