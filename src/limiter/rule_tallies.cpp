#include "limiter/rule_tallies.hpp"

#include <algorithm>

namespace starling {

RuleTallies::RuleTallies() {
  rows_.reserve(tallies_max + 1);
  names_.reserve(tallies_max + 1);
  rows_.emplace_back();
  names_.push_back({.domain = std::string(others_name), .rule = std::string(others_name)});
  row_by_name_.emplace(std::pair(names_[others_row].domain, names_[others_row].rule), others_row);
}

void RuleTallies::replace_rules(const RuleSet& set, std::span<const std::string_view> domains) {
  for (Name& name : names_) name.is_rule = name.in_use = false;
  const auto domain_of = [&](const Rule& rule) -> const std::string& {
    return rule.domain.empty() ? set.domain : rule.domain;
  };
  // What has a tally keeps it, before anything new takes a place.
  const auto keep = [&](std::string_view domain, std::string_view rule) {
    const auto known = row_by_name_.find(std::pair(std::string(domain), std::string(rule)));
    if (known != row_by_name_.end()) names_[known->second].in_use = true;
  };
  for (const Rule& rule : set.rules) keep(domain_of(rule), rule.name);
  for (const std::string_view domain : domains) keep(domain, request_limits_name);
  unused_from_ = others_row + 1;

  rules_.clear();
  domains_.clear();
  // Limits that requests bring to the usual domain come first, those to other domains last.
  for (const std::string_view domain : domains.first(std::min<std::size_t>(domains.size(), 1)))
    domains_.push_back({.row = row_of(domain, request_limits_name, false)});
  for (const Rule& rule : set.rules) rules_.push_back({.row = row_of(domain_of(rule), rule.name, true)});
  for (std::size_t i = 1; i < domains.size(); ++i)
    domains_.push_back({.row = row_of(domains[i], request_limits_name, false)});
}

std::uint32_t RuleTallies::row_of(std::string_view domain, std::string_view rule, bool is_rule) {
  const std::pair name{std::string(domain), std::string(rule)};
  const auto known = row_by_name_.find(name);
  const std::uint32_t row = known != row_by_name_.end() ? known->second : free_row();
  if (row != others_row && known == row_by_name_.end()) {
    row_by_name_.emplace(name, row);
    names_[row].domain = domain;
    names_[row].rule = rule;
  }
  names_[row].in_use = true;
  names_[row].is_rule = names_[row].is_rule || is_rule;
  return row;
}

std::uint32_t RuleTallies::free_row() {
  if (rows_.size() <= tallies_max) {
    rows_.emplace_back();
    names_.emplace_back();
    return static_cast<std::uint32_t>(rows_.size() - 1);
  }
  while (unused_from_ < rows_.size() && names_[unused_from_].in_use) ++unused_from_;
  if (unused_from_ == rows_.size()) return others_row;
  const std::uint32_t row = unused_from_++;
  for (std::size_t i = 0; i < rows_[row].size(); ++i) rows_[others_row][i] += rows_[row][i];
  rows_[row] = {};
  row_by_name_.erase(std::pair(names_[row].domain, names_[row].rule));
  return row;
}

std::vector<RuleTally> RuleTallies::list() const {
  std::vector<RuleTally> tallies;
  tallies.reserve(rows_.size());
  for (std::size_t row = 0; row < rows_.size(); ++row) {
    const Requests& requests = rows_[row];
    const bool silent = std::all_of(requests.begin(), requests.end(), [](auto count) { return count == 0; });
    if (names_[row].is_rule || !silent)
      tallies.push_back({.domain = names_[row].domain, .rule = names_[row].rule, .requests = requests});
  }
  return tallies;
}

}  // namespace starling
