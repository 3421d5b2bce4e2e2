/// Whether a live override does anything on this node, and if not, why.
///
/// An override may name a rule that exists elsewhere only, or be overruled by something else. Setting one
/// that has no effect is no error (the rule may come with the next reload), but whoever sets it must be told.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "http/live_index.hpp"

namespace starling::http {

class LiveReach {
 public:
  /// What `obstacle` and `contradiction` of `what` depend on besides the rules: the other overrides. Where
  /// they do not, none need be given, and ten thousand are not looked through for each of them that is set.
  static bool depends_on_others(const LiveOverride& what) { return what.kind != LiveOverride::Kind::limits; }

  /// Both must outlive this.
  LiveReach(const RuleSet& rules, const std::vector<LiveView>& live);

  /// Why `what` does nothing here; empty if it does something.
  std::string obstacle(const LiveOverride& what) const;
  /// What the other list says of the same caller, who only learns then; empty if it says nothing. Ignoring
  /// does what it is there for all the same.
  std::string contradiction(const LiveOverride& what) const;

 private:
  const Rule* rule_named(std::string_view name) const;
  std::string limits_obstacle(const LiveOverride& what, const Rule& rule) const;
  std::string learning_obstacle(const LiveOverride& what) const;
  std::string caller_obstacle(const LiveOverride& what, const Rule* rule) const;

  /// Where the other list names the caller of `what`.
  struct Other {
    bool everywhere = false;  ///< wherever `what` does
    std::string_view rule;    ///< else in this rule, if it is not empty
  };
  Other in_other_list(const LiveOverride& what) const;
  std::vector<std::string> spellings(const LiveOverride& what) const;

  /// The rules (empty: all) in which a list names a caller, by how the caller is spelt.
  using Callers = std::unordered_map<std::string, std::set<std::string_view>>;

  const RuleSet& rules_;
  LiveIndex live_;
  /// Made once more than a few names are looked for.
  mutable std::unordered_map<std::string_view, const Rule*> by_name_;
  mutable std::size_t names_looked_for_ = 0;
  Callers enforced_;
  Callers ignored_;
  const std::set<std::string_view>& open_keys() const;
  mutable std::optional<std::set<std::string_view>> open_keys_;  ///< made when callers are asked for
};

}  // namespace starling::http
