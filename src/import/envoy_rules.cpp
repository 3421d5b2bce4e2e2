#include "import/envoy_rules.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "base/shown_text.hpp"
#include "import/pattern_index.hpp"
#include "import/rule_names.hpp"

namespace starling {
namespace {

using Group = std::vector<const EnvoyOutcome*>;  ///< outcomes that can meet, in the order of their list

/// The groups of a list: what overlaps, directly or by way of others, is together.
std::vector<Group> groups_of(const EnvoyLookup& lookup) {
  const auto& outcomes = lookup.outcomes;
  std::vector<std::size_t> leader(outcomes.size());
  std::iota(leader.begin(), leader.end(), std::size_t{0});
  const auto find = [&](std::size_t i) {
    while (leader[i] != i) i = leader[i] = leader[leader[i]];
    return i;
  };
  PatternIndex seen;
  for (std::size_t i = 0; i < outcomes.size(); ++i) {
    seen.any_near(outcomes[i].pattern, [&](std::size_t other) {
      const std::size_t a = find(other);
      const std::size_t b = find(i);
      if (a != b && overlap(outcomes[other].pattern, outcomes[i].pattern))
        leader[std::max(a, b)] = std::min(a, b);
      return false;
    });
    seen.add(outcomes[i].pattern, i);
  }
  std::vector<Group> groups;
  std::unordered_map<std::size_t, std::size_t> group_of_leader;
  for (std::size_t i = 0; i < outcomes.size(); ++i) {
    const auto [at, is_new] = group_of_leader.emplace(find(i), groups.size());
    if (is_new) groups.emplace_back();
    groups[at->second].push_back(&outcomes[i]);
  }
  return groups;
}

/// The narrowest matcher that covers both.
Matcher join(const Matcher& a, const Matcher& b) {
  if (a == b) return a;
  const auto end = std::mismatch(a.text.begin(), a.text.end(), b.text.begin(), b.text.end()).first;
  std::string text(a.text.begin(), end);
  // Not within a character of UTF-8.
  while (!text.empty() && end != a.text.end() && (static_cast<unsigned char>(*end) & 0xC0U) == 0x80U &&
         (static_cast<unsigned char>(text.back()) & 0x80U) != 0) {
    const bool first = (static_cast<unsigned char>(text.back()) & 0xC0U) == 0xC0U;
    text.pop_back();
    if (first) break;
  }
  const auto kind = text.empty() ? Matcher::Kind::any : Matcher::Kind::prefix;
  return Matcher{.key = a.key, .kind = kind, .text = std::move(text)};
}

std::vector<Matcher> join(const Group& group) {
  std::vector<Matcher> joined = group.front()->pattern;
  for (const EnvoyOutcome* outcome : group)
    for (std::size_t i = 0; i < joined.size(); ++i) joined[i] = join(joined[i], outcome->pattern[i]);
  return joined;
}

/// As Envoy's metrics call it, such as `messaging.message_type_marketing.to_number`.
std::string path_name(std::string name, const std::vector<Matcher>& pattern) {
  for (const Matcher& matcher : pattern) {
    name += '.' + matcher.key;
    if (!matcher.text.empty()) name += '_' + matcher.text;
  }
  return name;
}

std::vector<Matcher> sorted(std::vector<Matcher> match) {
  std::sort(match.begin(), match.end(), [](const Matcher& a, const Matcher& b) { return a.key < b.key; });
  return match;
}

class RuleMaker {
 public:
  RuleMaker(const std::string& domain, const std::vector<EnvoyLookup>& lookups, ImportReport& report)
      : domain_(domain), lookups_(lookups), report_(report) {}

  std::vector<Rule> make();

 private:
  void note_named();
  void note_orders();
  void add_group(const Group& group);
  void add_joined(const Group& group);
  void add_alone(const Group& group, std::size_t index);
  void add_override(Rule& rule, const EnvoyOutcome& outcome, const std::vector<bool>& keys_said, bool masks);
  Rule start_rule(const std::vector<Matcher>& pattern, const EnvoyDescriptor* descriptor);
  bool takes_part_in_replacing(const EnvoyOutcome& outcome) const;
  void resolve_replaces();

  struct Replacing {
    std::size_t rule = 0;
    const EnvoyDescriptor* descriptor = nullptr;
  };

  const std::string& domain_;
  const std::vector<EnvoyLookup>& lookups_;
  ImportReport& report_;
  std::vector<Rule> rules_;
  RuleNames names_;
  std::unordered_set<std::string> replaced_names_;  ///< of Envoy's limits that another one replaces
  std::unordered_map<std::string, std::vector<std::size_t>> rules_by_name_;  ///< by the name of Envoy's limit
  std::vector<Replacing> replacing_;
  std::size_t overrides_count_ = 0;
};

void RuleMaker::note_named() {
  for (const EnvoyLookup& lookup : lookups_)
    for (const EnvoyOutcome& outcome : lookup.outcomes)
      if (outcome.descriptor != nullptr)
        for (const EnvoyReplaced& replaced : outcome.descriptor->limit->replaces)
          replaced_names_.insert(replaced.name);
}

/// `match` has no order: the same keys in two orders cannot be told apart.
void RuleMaker::note_orders() {
  std::set<std::vector<std::string>> seen;
  for (const EnvoyLookup& lookup : lookups_) {
    std::vector<std::string> keys = lookup.keys;
    std::sort(keys.begin(), keys.end());
    if (seen.insert(keys).second) continue;
    for (const EnvoyOutcome& outcome : lookup.outcomes)
      if (outcome.descriptor != nullptr)
        report_.not_carried(
            outcome.descriptor->place,
            "the same keys stand elsewhere in another order; here the order of keys does not matter, "
            "so both limits apply to both");
  }
}

bool RuleMaker::takes_part_in_replacing(const EnvoyOutcome& outcome) const {
  if (outcome.descriptor == nullptr) return false;
  const EnvoyLimit& limit = *outcome.descriptor->limit;
  return !limit.replaces.empty() || replaced_names_.contains(limit.name);
}

void set_limit(Rule& rule, const EnvoyLimit& limit) {
  rule.unlimited = limit.unlimited;
  if (!limit.unlimited) rule.limits = {Limit{.requests = limit.requests, .window_s = limit.window_s}};
}

Rule RuleMaker::start_rule(const std::vector<Matcher>& pattern, const EnvoyDescriptor* descriptor) {
  Rule rule;
  rule.match = sorted(pattern);
  rule.exact = true;
  if (descriptor == nullptr) {
    rule.name = names_.take(path_name(domain_, pattern));
    rule.unlimited = true;
    return rule;
  }
  const EnvoyLimit& limit = *descriptor->limit;
  rule.name = names_.take(limit.name.empty() ? path_name(domain_, pattern) : limit.name);
  if (!limit.name.empty() && rule.name != limit.name)
    report_.remark(descriptor->place, fmt::format("the name {} is taken; the rule is called {}",
                                                  quoted(limit.name), quoted(rule.name)));
  set_limit(rule, limit);
  if (descriptor->shadow && !limit.unlimited) rule.learning = true;
  if (!limit.name.empty()) rules_by_name_[limit.name].push_back(rules_.size());
  if (!limit.replaces.empty()) replacing_.push_back(Replacing{rules_.size(), descriptor});
  return rule;
}

void RuleMaker::add_override(Rule& rule, const EnvoyOutcome& outcome, const std::vector<bool>& keys_said,
                             bool masks) {
  Override exception;
  for (std::size_t i = 0; i < outcome.pattern.size(); ++i)
    if (keys_said[i]) exception.match.push_back(outcome.pattern[i]);
  exception.match = sorted(std::move(exception.match));
  if (masks || outcome.descriptor == nullptr || outcome.descriptor->limit->unlimited) {
    exception.unlimited = true;
  } else {
    const EnvoyLimit& limit = *outcome.descriptor->limit;
    exception.limits = {Limit{.requests = limit.requests, .window_s = limit.window_s}};
    if (!limit.name.empty())
      report_.remark(outcome.descriptor->place,
                     fmt::format("the name {} is not used: this limit is an override of the rule {}",
                                 quoted(limit.name), quoted(rule.name)));
  }
  // Masks that differ only where the rule is narrow anyway are one.
  if (masks && std::any_of(rule.overrides.begin(), rule.overrides.end(),
                           [&](const Override& other) { return other.match == exception.match; }))
    return;
  ++overrides_count_;
  rule.overrides.push_back(std::move(exception));
}

/// One rule for all; every override says the same keys, those on which any of them is narrower than the rule.
void RuleMaker::add_joined(const Group& group) {
  const std::vector<Matcher> joined = join(group);
  const EnvoyOutcome* base = group.back()->pattern == joined ? group.back() : nullptr;
  Rule rule = start_rule(joined, base != nullptr ? base->descriptor : nullptr);
  std::vector<bool> keys_said(joined.size(), false);
  for (const EnvoyOutcome* outcome : group)
    for (std::size_t i = 0; i < joined.size(); ++i)
      if (outcome->pattern[i] != joined[i]) keys_said[i] = true;
  std::vector<std::pair<std::size_t, bool>> shadows;  // override, shadow
  for (const EnvoyOutcome* outcome : group) {
    if (outcome == base) continue;
    add_override(rule, *outcome, keys_said, false);
    if (!rule.overrides.back().unlimited)
      shadows.emplace_back(rule.overrides.size() - 1, outcome->descriptor->shadow);
  }
  // Learning is looked up by itself, so once one of them says it, all must: else a less specific one would
  // answer.
  const bool any = rule.learning.has_value() || std::any_of(shadows.begin(), shadows.end(),
                                                            [](const auto& shadow) { return shadow.second; });
  if (any)
    for (const auto& [index, shadow] : shadows) rule.overrides[index].learning = shadow;
  rules_.push_back(std::move(rule));
}

/// A rule for one outcome of a group, with masks for what is tried before it.
void RuleMaker::add_alone(const Group& group, std::size_t index) {
  const EnvoyOutcome& outcome = *group[index];
  if (outcome.descriptor == nullptr) return;
  Rule rule = start_rule(outcome.pattern, outcome.descriptor);
  for (std::size_t i = 0; i < index && overrides_count_ <= import_overrides_max; ++i) {
    const std::vector<Matcher>& mask = group[i]->pattern;
    if (!overlap(mask, outcome.pattern)) continue;
    std::vector<bool> keys_said;
    for (std::size_t k = 0; k < mask.size(); ++k) keys_said.push_back(!covers(mask[k], outcome.pattern[k]));
    add_override(rule, *group[i], keys_said, true);
  }
  if (!outcome.descriptor->limit->replaces.empty() && !rule.overrides.empty())
    report_.not_carried(
        outcome.descriptor->place,
        "replaces: what falls to a more specific neighbour replaces here as well, and does not there");
  rules_.push_back(std::move(rule));
}

void RuleMaker::add_group(const Group& group) {
  const bool apart =
      group.size() == 1 || std::any_of(group.begin(), group.end(), [&](const EnvoyOutcome* outcome) {
        return takes_part_in_replacing(*outcome);
      });
  if (!apart) return add_joined(group);
  for (std::size_t i = 0; i < group.size(); ++i) add_alone(group, i);
}

void RuleMaker::resolve_replaces() {
  for (const Replacing& replacing : replacing_) {
    std::vector<std::string>& replaces = rules_[replacing.rule].replaces;
    for (const EnvoyReplaced& replaced : replacing.descriptor->limit->replaces) {
      const auto named = rules_by_name_.find(replaced.name);
      if (named == rules_by_name_.end()) {
        report_.remark(replaced.place, fmt::format("replaces: no limit of this file is called {}; left out",
                                                   quoted(replaced.name)));
        continue;
      }
      for (const std::size_t index : named->second)
        if (std::find(replaces.begin(), replaces.end(), rules_[index].name) == replaces.end())
          replaces.push_back(rules_[index].name);
    }
  }
}

std::vector<Rule> RuleMaker::make() {
  note_named();
  note_orders();
  for (const EnvoyLookup& lookup : lookups_)
    for (const Group& group : groups_of(lookup)) {
      add_group(group);
      if (overrides_count_ > import_overrides_max) {
        report_.error(Place{},
                      fmt::format("expected a file that comes to at most {} overrides, found more; split it",
                                  import_overrides_max));
        return {};
      }
    }
  resolve_replaces();
  return std::move(rules_);
}

}  // namespace

std::vector<Rule> envoy_rules(const std::string& domain, const std::vector<EnvoyLookup>& lookups,
                              ImportReport& report) {
  return RuleMaker(domain, lookups, report).make();
}

}  // namespace starling
