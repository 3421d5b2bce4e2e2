/// Decisions: what the counts mean.
///
/// A request may match several rules in each of its descriptors, and each rule may have several limits. It
/// passes if every limit allows it, and then every limit counts it; a denied request counts nowhere, so a
/// flood of denials neither fills the table nor keeps a window closed. Two passes do that: look at all
/// counters, then, if all allow, add to all. Each limit is looked at once, however many descriptors lead to
/// it.
///
/// `fixed_window`: a request passes while used + hits <= limit in the current window. `sliding_window`: used
/// also has the previous window's hits, weighted by the share of it that the last window length still covers.
/// Both are pure functions of merged window counts. What the cluster around says - how many nodes, how many
/// of them out of reach, how stale the views - comes in as `Surroundings`; the policies of a rule
/// (`when_isolated`, `admission`, `when_full`) turn it into a smaller limit, a pause, or a word of warning.
#pragma once

#include <starling/request.hpp>

#include <array>
#include <span>
#include <string_view>

#include "base/ids.hpp"
#include "base/keyed_hash.hpp"
#include "base/time.hpp"
#include "counter/counter_table.hpp"
#include "limiter/guard.hpp"
#include "limiter/live_override.hpp"
#include "limiter/rules.hpp"
#include "limiter/surroundings.hpp"

namespace starling {

inline constexpr Hits hits_per_request_max = 0xFFFF'FFFF;

class Limiter {
 public:
  /// `components_max`: rows of the counter table, for what is kept beside them.
  Limiter(RuleSet rules, KeyedHash hash, std::size_t components_max = 0)
      : rules_(std::move(rules)), hash_(hash), guard_(components_max) {}

  /// Decides, and counts if the request passes. Views in the result live until the next call or
  /// `replace_rules`. Shape: O(rules x descriptors), no allocation for known counters.
  Decision decide(const Request& request, const Surroundings& around, CounterTable& counters);

  /// What the last `decide` counted: the component that grew, and what its counter is held to. With a sliding
  /// window the previous window's component too, for what is kept back of it weighs on the same limit.
  struct Charge {
    ComponentIndex component;
    Hits limit = 0;
  };
  std::span<const Charge> charges() const { return {charges_.data(), charges_count_}; }

  /// The counters behind the last decision's `limits`, in the same order; for inspection.
  std::span<const CounterId> counters() const { return {ids_.data(), limits_count_}; }

  /// What others know of our own counts, for `admission: guarded`.
  Guard& guard() { return guard_; }

  void replace_rules(RuleSet rules) { rules_ = std::move(rules); }
  /// The live overrides that hold from now on, all of them.
  void set_live_overrides(std::vector<LiveOverride> overrides) { live_ = std::move(overrides); }
  const RuleSet& rules() const { return rules_; }

 private:
  /// Fills `limits_` and `ids_` with every limit that applies. Returns false if there were more than fit.
  bool match(const Request& request, WallTime wall);
  bool add_limits(std::uint32_t rule_index, const Descriptor& descriptor, WallTime wall);
  /// Looks at limit `index`: what is used, and whether it allows `hits` more.
  void judge(std::size_t index, Hits hits, const Surroundings& around, const CounterTable& counters);
  void count(std::size_t index, Hits hits, const Surroundings& around, CounterTable& counters);
  const LimitStatus* tightest(bool allowed) const;

  RuleSet rules_;
  std::vector<LiveOverride> live_;
  KeyedHash hash_;
  Guard guard_;
  // Scratch of one decision, kept so that deciding allocates nothing.
  std::array<LimitStatus, limits_per_request_max> limits_;
  std::array<CounterId, limits_per_request_max> ids_;
  std::array<Hits, limits_per_request_max> budgets_;  // what this node holds each limit to, here and now
  std::array<Charge, 2 * limits_per_request_max> charges_;
  std::size_t limits_count_ = 0;
  std::size_t charges_count_ = 0;
};

}  // namespace starling
