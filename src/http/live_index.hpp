/// Live overrides by the rule they are about, so that ten thousand of them meet ten thousand rules once each.
#pragma once

#include <span>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "engine/view.hpp"

namespace starling::http {

class LiveIndex {
 public:
  /// `live` must outlive this.
  explicit LiveIndex(const std::vector<LiveView>& live);

  /// Those that name `rule`, in their order; with an empty name those about all rules.
  std::span<const LiveView* const> about(std::string_view rule) const;
  /// The same, of one kind only.
  std::vector<const LiveView*> about(std::string_view rule, LiveOverride::Kind kind) const;

  struct Learning {
    bool learning = false;
    const LiveView* live = nullptr;  ///< what decides; null: the file
  };
  /// Of callers of whom no list and no override speaks.
  Learning learning(const RuleSet& set, const Rule& rule) const;

 private:
  std::unordered_map<std::string_view, std::vector<const LiveView*>> by_rule_;
};

}  // namespace starling::http
