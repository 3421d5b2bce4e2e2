/// Whether a live override does anything on this node, and if not, why.
///
/// An override may name a rule that exists elsewhere only, or be overruled by something else. Setting one
/// that has no effect is no error (the rule may come with the next reload), but whoever sets it must be told.
#pragma once

#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "http/live_index.hpp"

namespace starling::http {

class LiveReach {
 public:
  /// Both must outlive this.
  LiveReach(const RuleSet& rules, const std::vector<LiveView>& live);

  /// Why `what` does nothing here; empty if it does something.
  std::string obstacle(const LiveOverride& what) const;
  /// What the other list says of the same caller, who only learns then; empty if it says nothing. Ignoring
  /// does what it is there for all the same.
  std::string contradiction(const LiveOverride& what) const;

 private:
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
  std::unordered_map<std::string_view, const Rule*> by_name_;
  Callers enforced_;
  Callers ignored_;
  std::set<std::string_view> open_keys_;  ///< of all rules; none: no rule tells callers apart
};

}  // namespace starling::http
