/// Rules, live overrides and requests out of few keys and values, so that they meet; everything the rules can
/// say is among them.
#pragma once

#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "base/random.hpp"
#include "limiter_world.hpp"

namespace starling {

inline constexpr std::array<const char*, 3> random_keys{"a", "b", "c"};
inline constexpr std::array<const char*, 4> random_texts{"*", "x", "y", "x*"};
inline constexpr std::array<const char*, 3> random_values{"x", "y", "xy"};

template <class Choices>
const auto& draw_one(Random& random, const Choices& choices) {
  return choices[random.below(choices.size())];
}

/// At least one matcher, sorted by key.
inline std::vector<Matcher> draw_match(Random& random, double key_chance = 0.5) {
  std::vector<Matcher> drawn;
  for (const char* key : random_keys)
    if (random.chance(key_chance)) drawn.push_back(matcher(key, draw_one(random, random_texts)));
  if (drawn.empty()) drawn.push_back(matcher(draw_one(random, random_keys), draw_one(random, random_texts)));
  return drawn;
}

inline std::vector<Limit> draw_limits(Random& random) {
  std::vector<Limit> limits{{random.below(12), 1}};
  if (random.chance(0.5)) limits.push_back({random.below(30), 10});
  return limits;
}

inline std::vector<Caller> draw_callers(Random& random) {
  std::vector<Caller> callers;
  for (std::uint64_t i = random.below(3); i > 0; --i) {
    if (random.chance(0.5))
      callers.push_back({.principal = draw_one(random, random_values), .match = {}});
    else
      callers.push_back({.principal = "", .match = draw_match(random)});
  }
  return callers;
}

inline Override draw_override(Random& random) {
  Override drawn{.match = draw_match(random)};
  const std::uint64_t says = 1 + random.below(3);
  if ((says & 1) != 0 && random.chance(0.2))
    drawn.unlimited = true;
  else if ((says & 1) != 0)
    drawn.limits = draw_limits(random);
  if ((says & 2) != 0) drawn.learning = random.chance(0.5);
  return drawn;
}

inline Rule draw_rule(Random& random, std::string name) {
  Rule drawn = rule(std::move(name), draw_match(random), draw_limits(random));
  drawn.exact = random.chance(0.2);
  drawn.unlimited = random.chance(0.1);
  if (drawn.unlimited) drawn.limits.clear();
  if (random.chance(0.3)) drawn.algorithm = Algorithm::sliding_window;
  if (random.chance(0.2)) drawn.admission = Admission::guarded;
  if (random.chance(0.4)) drawn.when_isolated = static_cast<WhenIsolated>(random.below(4));
  if (random.chance(0.2)) drawn.when_full = WhenFull::deny;
  if (random.chance(0.3)) drawn.learning = random.chance(0.5);
  if (random.chance(0.5))
    for (std::uint64_t i = random.below(5); i > 0; --i) drawn.overrides.push_back(draw_override(random));
  if (random.chance(0.3)) drawn.enforcing = draw_callers(random);
  if (random.chance(0.3)) drawn.ignoring = draw_callers(random);
  return drawn;
}

/// At most 5 rules: with at most 3 descriptors their limits stay within `limits_per_request_max`.
inline RuleSet draw_rule_set(Random& random) {
  RuleSet set = rule_set({});
  set.learning = random.chance(0.2);
  for (std::uint64_t i = 1 + random.below(5); i > 0; --i) {
    Rule drawn = draw_rule(random, "r" + std::to_string(i));
    if (random.chance(0.1)) drawn.domain = "second";
    if (random.chance(0.15)) drawn.replaces = {"r" + std::to_string(1 + random.below(5))};
    set.rules.push_back(std::move(drawn));
  }
  return set;
}

/// The rules named r1 to r5, sometimes one that does not exist, sometimes all.
inline std::vector<LiveOverride> draw_live(Random& random) {
  std::vector<LiveOverride> live;
  for (std::uint64_t i = random.below(8); i > 0; --i) {
    LiveOverride drawn{.kind = static_cast<LiveOverride::Kind>(random.below(4)),
                       .rule = "r" + std::to_string(1 + random.below(6))};
    if (drawn.kind == LiveOverride::Kind::limits) {
      if (random.chance(0.7)) drawn.match = draw_match(random);
      drawn.unlimited = random.chance(0.2);
      if (!drawn.unlimited) drawn.limits = draw_limits(random);
    } else {
      if (random.chance(0.3)) drawn.rule.clear();
      drawn.learning = random.chance(0.5);
      if (drawn.kind != LiveOverride::Kind::learning && random.chance(0.5)) drawn.match = draw_match(random);
      if (drawn.kind != LiveOverride::Kind::learning && drawn.match.empty())
        drawn.principal = draw_one(random, random_values);
    }
    live.push_back(std::move(drawn));
  }
  return live;
}

inline Entries draw_entries(Random& random) {
  Entries entries;
  for (const char* key : {"c", "a", "b"})
    if (random.chance(0.8)) entries.push_back(Entry{key, draw_one(random, random_values)});
  return entries;
}

/// A request that owns what its views look at.
struct DrawnRequest {
  std::vector<Entries> entries;
  std::vector<Descriptor> views;
  Hits hits = 1;
  std::string_view domain;

  explicit DrawnRequest(Random& random) : hits(random.below(4)) {
    domain = random.chance(0.1) ? "second" : random.chance(0.05) ? "nowhere" : "";
    const std::uint64_t count = 1 + random.below(3);
    for (std::uint64_t i = 0; i < count; ++i) entries.push_back(draw_entries(random));
    for (const Entries& one : entries) {
      Descriptor view{.entries = one};
      if (random.chance(0.2)) view.hits = random.below(5);
      if (random.chance(0.05)) view.limit = RequestLimit{.requests = random.below(10), .window_s = 1};
      views.push_back(view);
    }
  }
  Request view() const { return Request{.domain = domain, .descriptors = views, .hits = hits}; }
};

inline Surroundings draw_surroundings(Random& random) {
  Surroundings around;
  around.nodes_count = static_cast<std::uint32_t>(1 + random.below(3));
  around.known_count = around.nodes_count + static_cast<std::uint32_t>(random.below(2));
  around.rank = static_cast<std::uint32_t>(random.below(around.nodes_count));
  around.isolated = around.nodes_count == 1 && around.known_count > 1;
  return around;
}

}  // namespace starling
