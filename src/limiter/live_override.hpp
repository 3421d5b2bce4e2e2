/// What somebody has changed about the rules while the cluster runs: the plain value. `limiter` applies it to
/// decisions, `live` keeps it and tells the other nodes.
///
/// A live override may name a rule that this node does not have (yet): it is kept and handed on, and applies
/// once there is such a rule.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "limiter/rules.hpp"

namespace starling {

struct LiveOverride {
  enum class Kind : std::uint8_t {
    limits,     ///< other limits for `rule`, or for those of its callers that `match`
    learning,   ///< `rule`, or with an empty name every rule, learns or enforces
    enforcing,  ///< this caller is denied even while the rule (or with an empty name any rule) learns
    ignoring,   ///< this caller is never denied
  };
  Kind kind = Kind::limits;
  std::string rule;  ///< never empty with `limits`

  /// Whom it is about; empty with `learning`, and with `limits` of the whole rule.
  std::string principal;       ///< enforcing, ignoring: as `Caller::principal`, or else
  std::vector<Matcher> match;  ///< sorted by key, keys unique

  // The value. Two overrides that agree in everything above are the same one, and the later value holds.
  std::vector<Limit> limits;  ///< limits: windows unique, at least one unless `unlimited`
  bool unlimited = false;     ///< limits: none
  bool learning = false;      ///< learning: what it is set to

  friend bool operator==(const LiveOverride&, const LiveOverride&) = default;
};

inline constexpr std::array<std::string_view, 4> live_override_kind_names{"limits", "learning", "enforcing",
                                                                          "ignoring"};
constexpr std::string_view name(LiveOverride::Kind kind) {
  return live_override_kind_names[static_cast<std::size_t>(kind)];
}

/// True if the two are about the same thing.
inline bool same_subject(const LiveOverride& a, const LiveOverride& b) {
  return a.kind == b.kind && a.rule == b.rule && a.principal == b.principal && a.match == b.match;
}

/// Who decides whether a rule learns, for a caller of whom no list and no override speaks.
///
/// A live setting of the rule comes first. Then a live "all learn" (somebody wants nothing to be denied,
/// now), then what the file says of the rule, then a live "all enforce", then what the file says of all
/// rules. So turning learning on stops every denial but those asked for by name, and turning it off does not
/// enforce a rule that its file marks as learning.
struct Learning {
  bool learning = false;
  const LiveOverride* live = nullptr;  ///< the override that decides; null: the file does
};
template <class LiveOverrides>
Learning learning_of(const RuleSet& set, const Rule& rule, const LiveOverrides& overrides) {
  const LiveOverride* for_all = nullptr;
  for (const LiveOverride& live : overrides) {
    if (live.kind != LiveOverride::Kind::learning) continue;
    if (live.rule == rule.name) return {live.learning, &live};
    if (live.rule.empty()) for_all = &live;
  }
  if (for_all != nullptr && for_all->learning) return {true, for_all};
  if (rule.learning) return {*rule.learning, nullptr};
  if (for_all != nullptr) return {false, for_all};
  return {set.learning, nullptr};
}

}  // namespace starling
