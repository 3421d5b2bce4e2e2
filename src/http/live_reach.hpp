/// Whether a live override does anything on this node, and if not, why.
///
/// An override may name a rule that exists elsewhere only, or be overruled by something else. Setting one
/// that has no effect is no error (the rule may come with the next reload), but whoever sets it must be told.
#pragma once

#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>

#include "http/live_index.hpp"

namespace starling::http {

class LiveReach {
 public:
  /// Both must outlive this.
  LiveReach(const RuleSet& rules, const std::vector<LiveView>& live);

  /// Why `what` does nothing here; empty if it does something.
  std::string obstacle(const LiveOverride& what) const;

 private:
  std::string limits_obstacle(const LiveOverride& what, const Rule& rule) const;
  std::string learning_obstacle(const LiveOverride& what) const;
  std::string caller_obstacle(const LiveOverride& what, const Rule* rule) const;

  const RuleSet& rules_;
  LiveIndex live_;
  std::unordered_map<std::string_view, const Rule*> by_name_;
  std::unordered_set<std::string> ignored_;  ///< the callers of `ignoring`, spelt out
  bool tells_callers_apart_ = false;         ///< any rule does
};

}  // namespace starling::http
