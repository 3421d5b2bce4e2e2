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

/// `{{"path", "/login"}, {"principal", "*"}}`, as in a rules file.
inline std::vector<Matcher> match(std::map<std::string, std::string> entries) {
  std::vector<Matcher> matchers;
  for (const auto& [key, text] : entries) matchers.push_back(matcher(key, text));
  return matchers;
}

inline LiveOverride live_limits(std::string rule, std::map<std::string, std::string> entries,
                                std::vector<Limit> limits) {
  return LiveOverride{.kind = LiveOverride::Kind::limits,
                      .rule = std::move(rule),
                      .match = match(std::move(entries)),
                      .limits = std::move(limits)};
}
/// With an empty rule: for all rules.
inline LiveOverride live_learning(std::string rule, bool learning) {
  return LiveOverride{.kind = LiveOverride::Kind::learning, .rule = std::move(rule), .learning = learning};
}
inline LiveOverride live_enforcing(std::string rule, std::string principal,
                                   std::map<std::string, std::string> entries = {}) {
  return LiveOverride{.kind = LiveOverride::Kind::enforcing,
                      .rule = std::move(rule),
                      .principal = std::move(principal),
                      .match = match(std::move(entries))};
}
inline LiveOverride live_ignoring(std::string rule, std::string principal,
                                  std::map<std::string, std::string> entries = {}) {
  LiveOverride live = live_enforcing(std::move(rule), std::move(principal), std::move(entries));
  live.kind = LiveOverride::Kind::ignoring;
  return live;
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
    return decide_views(hits, domain);
  }
  /// Decides on what a test has put into `views`.
  Decision decide_views(Hits hits = 1, std::string_view domain = "") {
    around.wall = wall;
    return limiter.decide(Request{.domain = domain, .descriptors = views, .hits = hits}, around, counters);
  }
  Decision decide(const Entries& entries, Hits hits = 1, std::string_view domain = "") {
    return decide(std::vector<Entries>{entries}, hits, domain);
  }
  /// The one status of a request that leads to one limit.
  LimitStatus status(const Entries& entries, Hits hits = 1) {
    const Decision decision = decide(entries, hits);
    return decision.limits.size() == 1 ? decision.limits[0] : LimitStatus{.rule = "not one limit"};
  }
  bool allows(const Entries& entries, Hits hits = 1) { return decide(entries, hits).allowed; }

  /// Hits of others in the counter behind limit `index` of the last decision.
  void join_into(std::size_t index, OriginIndex origin, Hits hits) {
    (void)counters.join(origin, limiter.counters()[index], hits, wall);
  }

  Limiter limiter;
  CounterTable counters;
  WallTime wall{std::chrono::milliseconds(1'000'003'000)};  // 3 s into a window of 10 s
  Surroundings around;                                      // a node alone, unless a test says otherwise
  std::vector<Descriptor> views;
};

}  // namespace starling
