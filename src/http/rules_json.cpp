#include "http/rules_json.hpp"

#include <algorithm>
#include <string>
#include <unordered_set>

#include "http/live_document.hpp"
#include "http/live_index.hpp"

namespace starling::http {
namespace {

using Kind = LiveOverride::Kind;

/// Builds a list that does not grow beyond its bound.
class CutList {
 public:
  /// `make` is only called for an item that is shown.
  template <class Make>
  void add(const Make& make) {
    if (list_.size() < rules_list_max)
      list_.push_back(make());
    else
      ++more_;
  }

  /// Moves the list into `document`, and what was left out into its `more`.
  void put(Json& document, const std::string& key) && {
    document[key] = std::move(list_);
    if (more_ > 0) document["more"][key] = more_;
  }

 private:
  Json list_ = Json::array();
  std::size_t more_ = 0;
};

std::string place_of(const Rule& rule) {
  return rule.from.empty() ? "built-in" : rule.from;
}

Json limits_or_unlimited(const std::vector<Limit>& limits, bool unlimited) {
  return unlimited ? Json("unlimited") : limits_document(limits);
}

template <class Choice>
Json choice_of(Choice value, Choice usual, const Rule& rule) {
  return {{"value", name(value)}, {"from", value == usual ? "default" : place_of(rule)}};
}

std::string who(const std::string& principal, const std::vector<Matcher>& match) {
  if (!principal.empty()) return principal;
  std::string text;
  for (const Matcher& matcher : match)
    text += (text.empty() ? "" : ", ") + matcher.key + "=" + matcher.to_string();
  return text;
}

Json limits_of(const Rule& rule, std::span<const LiveView* const> live) {
  for (const LiveView* view : live)
    if (view->what.kind == Kind::limits && view->what.match.empty())
      return {{"value", limits_or_unlimited(view->what.limits, view->what.unlimited)},
              {"from", story_of(*view)}};
  return {{"value", limits_or_unlimited(rule.limits, rule.unlimited)}, {"from", place_of(rule)}};
}

Json learning_of_rule(const RuleSet& set, const Rule& rule, const LiveIndex& index) {
  const LiveIndex::Learning verdict = index.learning(set, rule);
  std::string from = set.learning ? "the top of the file" : "default";
  if (verdict.live != nullptr)
    from = story_of(*verdict.live) + (verdict.live->what.rule.empty() ? " for all rules" : "");
  else if (rule.learning)
    from = place_of(rule);
  return {{"value", verdict.learning}, {"from", std::move(from)}};
}

/// Live ones first: of two that fit a caller alike, those decide.
void put_overrides(Json& document, const Rule& rule, std::span<const LiveView* const> live) {
  CutList list;
  for (const LiveView* view : live) {
    if (view->what.kind != Kind::limits || view->what.match.empty()) continue;
    list.add([&]() -> Json {
      return {{"match", match_document(view->what.match)},
              {"limits", limits_or_unlimited(view->what.limits, view->what.unlimited)},
              {"from", story_of(*view)}};
    });
  }
  for (const Override& each : rule.overrides)
    list.add([&] {
      Json item = {{"match", match_document(each.match)}};
      if (each.unlimited || !each.limits.empty())
        item["limits"] = limits_or_unlimited(each.limits, each.unlimited);
      if (each.learning) item["learning"] = *each.learning;
      item["from"] = place_of(rule);
      return item;
    });
  std::move(list).put(document, "overrides");
}

/// A caller in a live list is not looked up in the file's, so live ones come first here too.
void put_callers(Json& document, std::string_view key, Kind kind, std::span<const LiveView* const> live,
                 const std::vector<Caller>& callers, const std::string& place) {
  CutList list;
  for (const LiveView* view : live) {
    if (view->what.kind == kind)
      list.add([&]() -> Json {
        return {{"who", who(view->what.principal, view->what.match)}, {"from", story_of(*view)}};
      });
  }
  for (const Caller& caller : callers)
    list.add([&]() -> Json { return {{"who", who(caller.principal, caller.match)}, {"from", place}}; });
  std::move(list).put(document, std::string(key));
}

Json rule_document(const RuleSet& set, const Rule& rule, const LiveIndex& index) {
  const auto live = index.about(rule.name);
  Json document = {{"name", rule.name},
                   {"domain", rule.domain.empty() ? set.domain : rule.domain},
                   {"from", place_of(rule)},
                   {"match", match_document(rule.match)},
                   {"exact", rule.exact}};
  document["limits"] = limits_of(rule, live);
  document["learning"] = learning_of_rule(set, rule, index);
  document["algorithm"] = choice_of(rule.algorithm, Algorithm::fixed_window, rule);
  document["admission"] = choice_of(rule.admission, Admission::optimistic, rule);
  document["when_isolated"] = choice_of(rule.when_isolated, WhenIsolated::local, rule);
  document["when_full"] = choice_of(rule.when_full, WhenFull::learning, rule);
  put_overrides(document, rule, live);
  put_callers(document, "enforcing", Kind::enforcing, live, rule.enforcing, place_of(rule));
  put_callers(document, "ignoring", Kind::ignoring, live, rule.ignoring, place_of(rule));
  CutList replaces;
  for (const std::string& replaced : rule.replaces) replaces.add([&] { return Json(replaced); });
  std::move(replaces).put(document, "replaces");
  return document;
}

/// What all rules have in common, unless they say otherwise.
Json common_document(const RuleSet& set, const LiveIndex& index) {
  const auto for_all = index.about({});
  Json learning = {{"value", set.learning}, {"from", set.learning ? "the top of the file" : "default"}};
  for (const LiveView* view : for_all)
    if (view->what.kind == Kind::learning)
      learning = {{"value", view->what.learning}, {"from", story_of(*view)}};
  Json document = {{"domain", set.domain}, {"learning", std::move(learning)}};
  put_callers(document, "enforcing", Kind::enforcing, for_all, {}, {});
  put_callers(document, "ignoring", Kind::ignoring, for_all, {}, {});
  return document;
}

void put_orphans(Json& document, const RuleSet& set, const std::vector<LiveView>& live,
                 std::string_view only) {
  std::unordered_set<std::string_view> names;
  for (const Rule& rule : set.rules) names.insert(rule.name);
  CutList orphans;
  const LiveReach reach(set, live);
  for (const LiveView& view : live) {
    if (view.what.rule.empty() || names.contains(view.what.rule)) continue;
    if (!only.empty() && view.what.rule != only) continue;
    orphans.add([&] { return live_entry_document(view, reach); });
  }
  std::move(orphans).put(document, "orphans");
}

}  // namespace

Json rules_document(const RuleSet& set, const std::vector<LiveView>& live, std::string_view only) {
  const LiveIndex index(live);
  Json document = common_document(set, index);
  CutList rules;
  for (const Rule& rule : set.rules) {
    if (!only.empty() && rule.name != only) continue;
    rules.add([&] { return rule_document(set, rule, index); });
  }
  std::move(rules).put(document, "rules");
  put_orphans(document, set, live, only);
  return document;
}

bool has_rule(const RuleSet& set, std::string_view name) {
  return std::any_of(set.rules.begin(), set.rules.end(), [&](const Rule& rule) { return rule.name == name; });
}

}  // namespace starling::http
