/// What each rule said to the requests that it applied to, counted since the start: once per rule and
/// request, however many limits of the rule and descriptors of the request met.
///
/// A tally belongs to a domain and a rule's name, so it survives reloads as counters do: no reload lowers
/// one. There are at most `tallies_max`; what finds no room is summed in one for all the others. A rule that
/// a reload takes away keeps its tally until a new rule needs the place; then its numbers go to the others,
/// so that sums over all tallies never fall.
///
/// To count is O(limits of the request) without any allocation. A rule that is met again in the same request
/// with something worse to say is counted anew in the place of what was counted before, so nothing has to be
/// gathered and sorted first.
#pragma once

#include <absl/container/flat_hash_map.h>
#include <starling/request.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "limiter/rules.hpp"

namespace starling {

/// From good to bad: of several limits of a rule the worst counts.
enum class RuleVerdict : std::uint8_t {
  allowed,
  learning_denied,  ///< would have been denied, but the limit only learns
  denied,
};
inline constexpr std::array<std::string_view, 3> rule_verdict_names{"allowed", "learning_denied", "denied"};

/// For people. Views are valid until rules are replaced.
struct RuleTally {
  std::string_view domain;
  std::string_view rule;
  std::array<std::uint64_t, rule_verdict_names.size()> requests{};  ///< by RuleVerdict
};

class RuleTallies {
 public:
  static constexpr std::size_t tallies_max = 1'000;  ///< beside the one for all others
  /// Stands for limits that requests bring along, one for each domain. A rule of that name shares it.
  static constexpr std::string_view request_limits_name = "(request)";
  /// Stands for rules without a tally of their own, as domain and as rule.
  static constexpr std::string_view others_name = "(others)";

  RuleTallies();

  /// `domains`: as limits that requests bring along are counted by, by their number; the first is that of
  /// requests that name none.
  void replace_rules(const RuleSet& set, std::span<const std::string_view> domains);

  /// `domain`: number of the request's domain, as in `replace_rules`.
  void on_decision(std::span<const LimitStatus> limits, std::uint32_t domain) {
    ++request_;
    for (const LimitStatus& limit : limits) {
      Speaker& speaker = limit.rule_index == no_rule ? domains_[domain] : rules_[limit.rule_index];
      count(speaker, limit.allowed    ? RuleVerdict::allowed
                     : limit.enforced ? RuleVerdict::denied
                                      : RuleVerdict::learning_denied);
    }
  }

  /// Those of the rules in force, and those that counted something, in the order in which they came.
  std::vector<RuleTally> list() const;

 private:
  using Requests = std::array<std::uint64_t, rule_verdict_names.size()>;
  /// A rule, or the limits that requests bring to a domain: many may share a row.
  struct Speaker {
    std::uint64_t request = 0;  // the last one that it spoke to
    std::uint32_t row = 0;
    RuleVerdict said{};  // to that one
  };
  struct Name {
    std::string domain;
    std::string rule;
    bool is_rule = false;  // of a rule in force: listed though it is 0
    bool in_use = false;   // something in force is counted here
  };
  static constexpr std::uint32_t others_row = 0;

  void count(Speaker& speaker, RuleVerdict verdict) {
    Requests& row = rows_[speaker.row];
    if (speaker.request == request_) {
      if (verdict <= speaker.said) return;
      --row[static_cast<std::size_t>(speaker.said)];
    }
    speaker.request = request_;
    speaker.said = verdict;
    ++row[static_cast<std::size_t>(verdict)];
  }
  std::uint32_t row_of(std::string_view domain, std::string_view rule, bool is_rule);
  /// A row for a new name; that of the others if there is no room.
  std::uint32_t free_row();

  std::vector<Requests> rows_;
  std::vector<Name> names_;  // of the rows
  absl::flat_hash_map<std::pair<std::string, std::string>, std::uint32_t> row_by_name_;
  std::vector<Speaker> rules_;     // by rule index
  std::vector<Speaker> domains_;   // by number: limits that requests bring along
  std::uint32_t unused_from_ = 0;  // no row before it can be taken from what is out of force
  std::uint64_t request_ = 0;
};

}  // namespace starling
