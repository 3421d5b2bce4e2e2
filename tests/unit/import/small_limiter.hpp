/// Which limits apply to a request, by the words of the rules file and without a thought for speed: what
/// imports are compared with the projects they come from by.
#pragma once

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "limiter/rules.hpp"

namespace starling {

using SmallDescriptor = std::vector<std::pair<std::string, std::string>>;

struct SmallVerdict {
  Limit limit;
  bool learning = false;
  /// Rule, window, and the values by which the rule tells callers apart.
  std::tuple<std::string, std::uint32_t, std::vector<std::string>> counter;
};

class SmallLimiter {
 public:
  explicit SmallLimiter(const RuleSet& set) : set_(set) {}

  /// For each descriptor the limits that apply to it.
  std::vector<std::vector<SmallVerdict>> verdicts(const std::vector<SmallDescriptor>& request) const {
    std::set<std::string> replaced;
    for (const Rule& rule : set_.rules)
      for (const SmallDescriptor& descriptor : request)
        if (matches(rule, descriptor)) replaced.insert(rule.replaces.begin(), rule.replaces.end());
    std::vector<std::vector<SmallVerdict>> all;
    for (const SmallDescriptor& descriptor : request) {
      all.emplace_back();
      for (const Rule& rule : set_.rules)
        if (matches(rule, descriptor) && !replaced.contains(rule.name)) add(rule, descriptor, all.back());
    }
    return all;
  }

 private:
  static const std::string* value_of(const SmallDescriptor& descriptor, const std::string& key) {
    for (const auto& [k, v] : descriptor)
      if (k == key) return &v;
    return nullptr;
  }

  static bool matches(const std::vector<Matcher>& match, const SmallDescriptor& descriptor) {
    return std::all_of(match.begin(), match.end(), [&](const Matcher& matcher) {
      const std::string* value = value_of(descriptor, matcher.key);
      return value != nullptr && matcher.matches(*value);
    });
  }

  static bool matches(const Rule& rule, const SmallDescriptor& descriptor) {
    return matches(rule.match, descriptor) && (!rule.exact || rule.match.size() == descriptor.size());
  }

  static bool names_wholly(const Rule& rule, const Override& exception) {
    return std::all_of(rule.match.begin(), rule.match.end(), [&](const Matcher& matcher) {
      return matcher.kind == Matcher::Kind::equal ||
             std::any_of(exception.match.begin(), exception.match.end(), [&](const Matcher& m) {
               return m.key == matcher.key && m.kind == Matcher::Kind::equal;
             });
    });
  }

  static bool is_in(const std::vector<Caller>& list, const Rule& rule, const SmallDescriptor& descriptor) {
    return std::any_of(list.begin(), list.end(), [&](const Caller& caller) {
      if (!caller.match.empty()) return matches(caller.match, descriptor);
      return std::any_of(rule.match.begin(), rule.match.end(), [&](const Matcher& matcher) {
        return matcher.kind != Matcher::Kind::equal && *value_of(descriptor, matcher.key) == caller.principal;
      });
    });
  }

  void add(const Rule& rule, const SmallDescriptor& descriptor, std::vector<SmallVerdict>& to) const {
    std::vector<const Override*> candidates;
    for (const Override& each : rule.overrides)
      if (matches(each.match, descriptor)) candidates.push_back(&each);
    std::stable_sort(candidates.begin(), candidates.end(), [&](const Override* a, const Override* b) {
      return std::pair(!names_wholly(rule, *a), b->match.size()) <
             std::pair(!names_wholly(rule, *b), a->match.size());
    });
    bool unlimited = rule.unlimited;
    std::vector<Limit> limits = rule.limits;
    for (const Override* each : candidates)
      if (each->unlimited || !each->limits.empty()) {
        unlimited = each->unlimited;
        limits = each->limits;
        break;
      }
    if (unlimited) return;
    const bool learning = learns(rule, descriptor, candidates);
    std::vector<std::string> values;
    for (const Matcher& matcher : rule.match)
      if (matcher.kind != Matcher::Kind::equal) values.push_back(*value_of(descriptor, matcher.key));
    for (const Limit& limit : limits)
      to.push_back(SmallVerdict{limit, learning, {rule.name, limit.window_s, values}});
  }

  bool learns(const Rule& rule, const SmallDescriptor& descriptor,
              const std::vector<const Override*>& candidates) const {
    if (is_in(rule.ignoring, rule, descriptor)) return true;  // in both: learns
    if (is_in(rule.enforcing, rule, descriptor)) return false;
    for (const Override* each : candidates)
      if (each->learning) return *each->learning;
    return rule.learning.value_or(set_.learning);
  }

  const RuleSet& set_;
};

}  // namespace starling
