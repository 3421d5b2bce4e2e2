/// Rules: what to match, and the limits to hold it to. Plain data, already checked.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.hpp"

namespace starling {

inline constexpr std::size_t rules_max = 10'000;
inline constexpr std::size_t match_keys_max = 16;
inline constexpr std::size_t limits_per_rule_max = 8;
inline constexpr std::size_t overrides_per_rule_max = 10'000;
inline constexpr std::size_t callers_per_list_max = 10'000;
inline constexpr Hits limit_requests_max = 1'000'000'000'000;

/// One line of a rule's `match`.
struct Matcher {
  enum class Kind : std::uint8_t {
    equal,   ///< the value is `text`
    any,     ///< `*`: any value, each with its own counters
    prefix,  ///< `text*`: any value that starts so, each with its own counters
  };
  std::string key;
  Kind kind = Kind::equal;
  std::string text;  ///< without the `*`

  bool matches(std::string_view value) const;
  /// As it is written in the rules file.
  std::string to_string() const;

  friend bool operator==(const Matcher&, const Matcher&) = default;
};

struct Limit {
  Hits requests = 0;           ///< hits per window; 0 denies everything
  std::uint32_t window_s = 1;  ///< in [window_s_min, window_s_max]

  friend bool operator==(const Limit&, const Limit&) = default;
};

/// Other limits for some of a rule's callers. They keep the counters that the rule gives them; with another
/// window they have others.
struct Override {
  /// Sorted by key, keys unique, at least one. Keys of the rule's `match` or any other key of the descriptor.
  std::vector<Matcher> match;
  std::vector<Limit> limits;  ///< windows unique; empty: the limits stay as they are
  bool unlimited = false;     ///< no limit of this rule for these callers
  std::optional<bool> learning;
};

/// Who is meant by an entry of `enforcing` or `ignoring`. One of the two is given.
struct Caller {
  std::string principal;       ///< the value of any of the rule's keys that tell callers apart
  std::vector<Matcher> match;  ///< entries of the descriptor, sorted by key
};

/// How the counts of windows become the number that is held to the limit.
enum class Algorithm : std::uint8_t {
  fixed_window,    ///< the current window's hits
  sliding_window,  ///< and the previous window's, weighted by the share of it inside the last window length
};
inline constexpr std::array<std::string_view, 2> algorithm_names{"fixed_window", "sliding_window"};

/// What a node may do with the budget that its view of the cluster shows (`design.md` section 5).
enum class Admission : std::uint8_t {
  optimistic,  ///< admits while the merged view is below the limit
  guarded,     ///< holds hits that the peers cannot know of yet to its share of what remains
};
inline constexpr std::array<std::string_view, 2> admission_names{"optimistic", "guarded"};

/// What holds while nodes that DNS lists cannot be reached.
enum class WhenIsolated : std::uint8_t {
  local,     ///< the full limit, as this node sees it
  share,     ///< limit x reachable nodes / known nodes
  learning,  ///< with nobody reachable: count, and deny nothing
  deny,      ///< with nobody reachable: deny everything
};
inline constexpr std::array<std::string_view, 4> when_isolated_names{"local", "share", "learning", "deny"};

/// What happens to a request whose counter finds no room.
enum class WhenFull : std::uint8_t {
  learning,  ///< passes, uncounted
  deny,
};
inline constexpr std::array<std::string_view, 2> when_full_names{"learning", "deny"};

/// As it is written in the rules file.
constexpr std::string_view name(Algorithm algorithm) {
  return algorithm_names[static_cast<std::size_t>(algorithm)];
}
constexpr std::string_view name(Admission admission) {
  return admission_names[static_cast<std::size_t>(admission)];
}
constexpr std::string_view name(WhenIsolated policy) {
  return when_isolated_names[static_cast<std::size_t>(policy)];
}
constexpr std::string_view name(WhenFull policy) {
  return when_full_names[static_cast<std::size_t>(policy)];
}

struct Rule {
  std::string name;            ///< unique among the rules, whatever their domain
  std::string domain;          ///< empty: that of the rule set
  std::vector<Matcher> match;  ///< sorted by key, keys unique
  bool exact = false;          ///< true: a descriptor with any other key does not match
  std::vector<Limit> limits;   ///< windows unique; at least one unless `unlimited`
  bool unlimited = false;      ///< matches, limits nothing; for what it `replaces` and for its overrides
  Algorithm algorithm = Algorithm::fixed_window;
  Admission admission = Admission::optimistic;
  WhenIsolated when_isolated = WhenIsolated::local;
  WhenFull when_full = WhenFull::learning;
  std::optional<bool> learning;  ///< true: count and report, never deny; nothing: as the rule set says
  std::vector<Override> overrides;
  std::vector<Caller> enforcing;      ///< denied even while the rule learns
  std::vector<Caller> ignoring;       ///< never denied, even while the rule enforces
  std::vector<std::string> replaces;  ///< names of rules that do not apply to a request that this one matches
  std::string from;                   ///< "rules.yaml:12", for people; empty: built in

  /// Of its limits and of those in its overrides.
  std::uint32_t window_s_smallest() const;
};

struct RuleSet {
  std::string domain = "default";  ///< of requests that name none
  bool learning = false;           ///< of rules that do not say
  std::vector<Rule> rules;

  /// What a node without a rules file enforces: each principal, 100 requests per 10 s.
  static RuleSet built_in();

  std::uint32_t window_s_smallest() const;
};

}  // namespace starling
