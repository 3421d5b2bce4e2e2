#include "http/live_reach.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/shown_text.hpp"

namespace starling::http {
namespace {

using Kind = LiveOverride::Kind;

/// A caller as text that no other caller has. Only compared, never shown.
std::string spelt_out(std::string_view principal, const std::vector<Matcher>& match) {
  std::string out = fmt::format("{}:{}", principal.size(), principal);
  for (const Matcher& matcher : match)
    out += fmt::format("{}:{}{}{}:{}", matcher.key.size(), matcher.key, static_cast<int>(matcher.kind),
                       matcher.text.size(), matcher.text);
  return out;
}

bool is_open(const Matcher& matcher) {
  return matcher.kind != Matcher::Kind::equal;
}

bool names_caller(const LiveOverride& what) {
  return what.kind == Kind::enforcing || what.kind == Kind::ignoring;
}

bool has_open_key(const Rule& rule) {
  return std::any_of(rule.match.begin(), rule.match.end(), is_open);
}

/// False if no value fits both.
bool can_agree(const Matcher& a, const Matcher& b) {
  if (a.kind == Matcher::Kind::equal) return b.matches(a.text);
  if (b.kind == Matcher::Kind::equal) return a.matches(b.text);
  return a.text.starts_with(b.text) || b.text.starts_with(a.text);
}

/// Why `match` can be true of no descriptor that `rule` matches; empty if it can.
std::string misfit(const std::vector<Matcher>& match, const Rule& rule) {
  for (const Matcher& matcher : match) {
    const auto own = std::find_if(rule.match.begin(), rule.match.end(),
                                  [&](const Matcher& each) { return each.key == matcher.key; });
    if (own == rule.match.end() && rule.exact)
      return fmt::format("rule {} is exact and has no key {}, so nothing it matches has one",
                         starling::quoted(rule.name), starling::quoted(matcher.key));
    if (own != rule.match.end() && !can_agree(*own, matcher))
      return fmt::format("rule {} matches {} in {} only, so never {}", starling::quoted(rule.name),
                         starling::quoted(own->to_string()), starling::quoted(matcher.key),
                         starling::quoted(matcher.to_string()));
  }
  return {};
}

}  // namespace

LiveReach::LiveReach(const RuleSet& rules, const std::vector<LiveView>& live) : rules_(rules), live_(live) {
  for (const LiveView& view : live) {
    if (!names_caller(view.what)) continue;
    Callers& callers = view.what.kind == Kind::enforcing ? enforced_ : ignored_;
    callers[spelt_out(view.what.principal, view.what.match)].insert(view.what.rule);
  }
}

/// Of all rules; none: no rule tells callers apart.
const std::set<std::string_view>& LiveReach::open_keys() const {
  if (!open_keys_) {
    open_keys_.emplace();
    for (const Rule& rule : rules_.rules)
      for (const Matcher& matcher : rule.match)
        if (is_open(matcher)) open_keys_->insert(matcher.key);
  }
  return *open_keys_;
}

const Rule* LiveReach::rule_named(std::string_view name) const {
  constexpr std::size_t few_names = 4;
  if (++names_looked_for_ <= few_names) {
    const auto found = std::find_if(rules_.rules.begin(), rules_.rules.end(),
                                    [&](const Rule& rule) { return rule.name == name; });
    return found == rules_.rules.end() ? nullptr : &*found;
  }
  if (by_name_.empty())
    for (const Rule& rule : rules_.rules) by_name_.emplace(rule.name, &rule);
  const auto found = by_name_.find(name);
  return found == by_name_.end() ? nullptr : found->second;
}

std::string LiveReach::obstacle(const LiveOverride& what) const {
  const Rule* rule = nullptr;
  if (!what.rule.empty()) {
    rule = rule_named(what.rule);
    if (rule == nullptr)
      return fmt::format("no rule here is named {}; it applies where there is one, and here once there is",
                         starling::quoted(what.rule));
  }
  switch (what.kind) {
    case Kind::limits:
      return rule != nullptr ? limits_obstacle(what, *rule) : "limits name no rule";
    case Kind::learning:
      return rule != nullptr ? "" : learning_obstacle(what);
    case Kind::enforcing:
    case Kind::ignoring:
      return caller_obstacle(what, rule);
  }
  return {};
}

std::string LiveReach::limits_obstacle(const LiveOverride& what, const Rule& rule) const {
  return misfit(what.match, rule);
}

std::string LiveReach::learning_obstacle(const LiveOverride& what) const {
  const bool decides = std::any_of(rules_.rules.begin(), rules_.rules.end(), [&](const Rule& rule) {
    const LiveView* live = live_.learning(rules_, rule).live;
    return live != nullptr && live->what.rule.empty();
  });
  if (decides) return {};
  if (rules_.rules.empty()) return "there are no rules here";
  return what.learning ? "every rule has a live setting of its own, which comes first"
                       : "every rule says itself whether it learns, in its file or by a live setting";
}

std::string LiveReach::caller_obstacle(const LiveOverride& what, const Rule* rule) const {
  if (what.kind == Kind::enforcing && in_other_list(what).everywhere) return contradiction(what);
  if (!what.principal.empty() && (rule != nullptr ? !has_open_key(*rule) : open_keys().empty()))
    return rule != nullptr
               ? fmt::format(
                     "rule {} has no key with `*`, so it tells no principals apart; name entries with "
                     "match instead",
                     starling::quoted(rule->name))
               : "no rule here has a key with `*`, so none tells principals apart; name entries with match "
                 "instead";
  return rule != nullptr ? misfit(what.match, *rule) : "";
}

std::string LiveReach::contradiction(const LiveOverride& what) const {
  if (!names_caller(what)) return {};
  const Other other = in_other_list(what);
  const std::string_view list = name(what.kind == Kind::enforcing ? Kind::ignoring : Kind::enforcing);
  if (other.everywhere) return fmt::format("the same caller is in {} as well; in both it only learns", list);
  if (other.rule.empty()) return {};
  return fmt::format("the same caller is in {} of rule {}; in both it only learns there", list,
                     starling::quoted(other.rule));
}

LiveReach::Other LiveReach::in_other_list(const LiveOverride& what) const {
  const Callers& callers = what.kind == Kind::enforcing ? ignored_ : enforced_;
  Other other;
  for (const std::string& spelling : spellings(what)) {
    const auto found = callers.find(spelling);
    if (found == callers.end()) continue;
    if (found->second.contains(what.rule) || found->second.contains({})) return {.everywhere = true};
    if (what.rule.empty()) other.rule = *found->second.begin();
  }
  return other;
}

/// "alice" and {principal: alice} are one caller wherever `principal` tells callers apart.
std::vector<std::string> LiveReach::spellings(const LiveOverride& what) const {
  std::vector<std::string> all{spelt_out(what.principal, what.match)};
  if (!what.principal.empty())
    for (const std::string_view key : open_keys())
      all.push_back(spelt_out({}, {Matcher{.key = std::string(key), .text = what.principal}}));
  else if (what.match.size() == 1 && !is_open(what.match[0]) && open_keys().contains(what.match[0].key))
    all.push_back(spelt_out(what.match[0].text, {}));
  return all;
}

}  // namespace starling::http
