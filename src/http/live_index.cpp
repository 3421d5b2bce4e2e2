#include "http/live_index.hpp"

#include <functional>

namespace starling::http {

LiveIndex::LiveIndex(const std::vector<LiveView>& live) {
  for (const LiveView& view : live) by_rule_[view.what.rule].push_back(&view);
}

std::span<const LiveView* const> LiveIndex::about(std::string_view rule) const {
  const auto found = by_rule_.find(rule);
  if (found == by_rule_.end()) return {};
  return found->second;
}

std::vector<const LiveView*> LiveIndex::about(std::string_view rule, LiveOverride::Kind kind) const {
  std::vector<const LiveView*> views;
  for (const LiveView* view : about(rule))
    if (view->what.kind == kind) views.push_back(view);
  return views;
}

LiveIndex::Learning LiveIndex::learning(const RuleSet& set, const Rule& rule) const {
  std::vector<const LiveView*> views = about(rule.name, LiveOverride::Kind::learning);
  for (const LiveView* view : about({}, LiveOverride::Kind::learning)) views.push_back(view);
  std::vector<std::reference_wrapper<const LiveOverride>> overrides;
  overrides.reserve(views.size());
  for (const LiveView* view : views) overrides.emplace_back(view->what);
  const starling::Learning verdict = learning_of(set, rule, overrides);
  for (const LiveView* view : views)
    if (&view->what == verdict.live) return {verdict.learning, view};
  return {verdict.learning, nullptr};
}

}  // namespace starling::http
