/// Rules: what to match, and the limits to hold it to. Plain data, already checked.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.hpp"

namespace starling {

inline constexpr std::size_t rules_max = 10'000;
inline constexpr std::size_t match_keys_max = 16;
inline constexpr std::size_t limits_per_rule_max = 8;
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
};

struct Limit {
  Hits requests = 0;           ///< hits per window; 0 denies everything
  std::uint32_t window_s = 1;  ///< in [window_s_min, window_s_max]
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
  std::string name;            ///< unique among the rules
  std::vector<Matcher> match;  ///< sorted by key, keys unique
  std::vector<Limit> limits;   ///< at least one, windows unique
  Algorithm algorithm = Algorithm::fixed_window;
  Admission admission = Admission::optimistic;
  WhenIsolated when_isolated = WhenIsolated::local;
  WhenFull when_full = WhenFull::learning;

  std::uint32_t window_s_smallest() const;
};

struct RuleSet {
  std::string domain = "default";
  std::vector<Rule> rules;

  /// What a node without a rules file enforces: each principal, 100 requests per 10 s.
  static RuleSet built_in();

  std::uint32_t window_s_smallest() const;
};

}  // namespace starling
