#include "limiter/rule_index.hpp"

#include <algorithm>

#include "counter/window.hpp"
#include "limiter/principal_hash.hpp"

namespace starling {
namespace {

bool has_exceptions(const Rule& rule) {
  return !rule.overrides.empty() || !rule.enforcing.empty() || !rule.ignoring.empty();
}

bool possible(const LiveOverride& live) {
  if (live.limits.empty()) return live.unlimited;
  return std::all_of(live.limits.begin(), live.limits.end(), [](const Limit& limit) {
    return limit.window_s >= window_s_min && limit.window_s <= window_s_max &&
           limit.requests <= limit_requests_max;
  });
}

}  // namespace

void RuleIndex::build(const RuleSet& set, const KeyedHash& hash) {
  domains_.clear();
  domain_by_name_.clear();
  rule_by_name_.clear();
  rules_.clear();
  rules_.resize(set.rules.size());
  default_domain_ = set.domain;
  domain_of(set.domain, hash);
  for (std::uint32_t i = 0; i < set.rules.size(); ++i) {
    const Rule& rule = set.rules[i];
    const std::string_view domain = rule.domain.empty() ? set.domain : rule.domain;
    rule_by_name_.emplace(rule.name, i);
    rules_[i].key_state = PrincipalHasher(hash, domain, rule.name).state();
    if (has_exceptions(rule)) exceptions_of(rule, rules_[i]);
    domain_of(domain, hash);
  }
  find_rules(set);
  add_replaces(set);
  set_live(set, {});
}

RuleIndex::Domain& RuleIndex::domain_of(std::string_view name, const KeyedHash& hash) {
  const auto [found, is_new] = domain_by_name_.try_emplace(name, static_cast<std::uint32_t>(domains_.size()));
  if (is_new)
    domains_.push_back({.name = name,
                        .number = found->second,
                        .request_key_state = PrincipalHasher(hash, name, request_rule_name).state()});
  return domains_[found->second];
}

void RuleIndex::find_rules(const RuleSet& set) {
  std::vector<std::vector<std::uint32_t>> rules(domains_.size());
  std::vector<std::vector<std::uint32_t>> replacing(domains_.size());
  for (std::uint32_t i = 0; i < set.rules.size(); ++i) {
    const Rule& rule = set.rules[i];
    const std::uint32_t domain = domain_by_name_.at(rule.domain.empty() ? set.domain : rule.domain);
    rules[domain].push_back(i);
    if (!rule.replaces.empty()) replacing[domain].push_back(i);
  }
  for (std::size_t i = 0; i < domains_.size(); ++i) {
    domains_[i].rules.build(set.rules, std::move(rules[i]));
    domains_[i].replacing.build(set.rules, std::move(replacing[i]));
  }
}

void RuleIndex::add_replaces(const RuleSet& set) {
  for (std::uint32_t i = 0; i < set.rules.size(); ++i)
    for (const std::string& name : set.rules[i].replaces) {
      const auto found = rule_by_name_.find(name);
      if (found != rule_by_name_.end() && found->second != i) rules_[i].replaces.push_back(found->second);
    }
}

void RuleIndex::set_live(const RuleSet& set, std::span<const LiveOverride> live) {
  live_for_all_.clear();
  LiveOverrides learning_of_all;
  absl::flat_hash_map<std::string_view, LiveOverrides> learning_of_rule;
  for (const LiveOverride& one : live)
    if (one.kind == LiveOverride::Kind::learning)
      (one.rule.empty() ? learning_of_all : learning_of_rule[one.rule]).push_back(one);

  for (std::uint32_t i = 0; i < rules_.size(); ++i) {
    if (rules_[i].exceptions != nullptr) rules_[i].exceptions->clear_live();
    const auto own = learning_of_rule.find(set.rules[i].name);
    rules_[i].terms =
        own_terms(set, set.rules[i], own == learning_of_rule.end() ? learning_of_all : own->second);
  }
  request_terms_ = own_terms(set, Rule{}, learning_of_all);
  request_terms_.source = LimitSource::request;

  for (std::uint32_t i = 0; i < live.size(); ++i) {
    const LiveOverride& one = live[i];
    if (one.kind == LiveOverride::Kind::learning) continue;
    const auto found = rule_by_name_.find(one.rule);
    if (found != rule_by_name_.end() && one.kind == LiveOverride::Kind::limits)
      set_live_limits(set.rules[found->second], rules_[found->second], one, i);
    else if (found != rule_by_name_.end())
      exceptions_of(set.rules[found->second], rules_[found->second]).add_live(one, i);
    else if (one.rule.empty() && one.kind != LiveOverride::Kind::limits)
      live_for_all_.add(one.principal, one.match,
                        {.enforcing = one.kind == LiveOverride::Kind::enforcing,
                         .ignoring = one.kind == LiveOverride::Kind::ignoring});
  }

  for (std::uint32_t i = 0; i < rules_.size(); ++i) {
    std::unique_ptr<Exceptions>& exceptions = rules_[i].exceptions;
    if (!live_for_all_.empty())
      exceptions_of(set.rules[i], rules_[i]);
    else if (exceptions != nullptr && exceptions->empty())
      exceptions.reset();
  }
}

void RuleIndex::set_live_limits(const Rule& rule, Indexed& indexed, const LiveOverride& live,
                                std::uint32_t index) {
  if (!possible(live)) return;
  if (!live.match.empty()) {
    exceptions_of(rule, indexed).add_live(live, index);
    return;
  }
  indexed.terms.limits = live.limits;
  indexed.terms.unlimited = live.unlimited;
  indexed.terms.source = LimitSource::live;
  indexed.terms.override_index = index;
}

Terms RuleIndex::own_terms(const RuleSet& set, const Rule& rule, const LiveOverrides& learning) {
  const Learning decided = learning_of(set, rule, learning);
  return Terms{.limits = rule.limits,
               .unlimited = rule.unlimited,
               .learning = decided.learning,
               .enforced_by = decided.live == nullptr ? EnforcementSource::file : EnforcementSource::live};
}

Exceptions& RuleIndex::exceptions_of(const Rule& rule, Indexed& indexed) {
  if (indexed.exceptions == nullptr) indexed.exceptions = std::make_unique<Exceptions>(rule);
  return *indexed.exceptions;
}

std::vector<std::string_view> RuleIndex::domain_names() const {
  std::vector<std::string_view> names;
  for (const Domain& domain : domains_) names.push_back(domain.name);
  return names;
}

RuleIndex::Domain* RuleIndex::find_domain(std::string_view name) {
  if (name.empty() || name == default_domain_) return &domains_.front();
  const auto found = domain_by_name_.find(name);
  return found == domain_by_name_.end() ? nullptr : &domains_[found->second];
}

Terms RuleIndex::request_terms(const Descriptor& descriptor) const {
  Terms terms = request_terms_;
  if (!live_for_all_.empty()) terms.follow(live_for_all_.find(descriptor), EnforcementSource::live_list);
  return terms;
}

}  // namespace starling
