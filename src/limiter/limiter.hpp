/// Decisions: what the counts mean.
///
/// A request may match several rules in each of its descriptors, and each rule may have several limits. It
/// passes if every limit allows it, and then every limit counts it; a denied request counts nowhere, so a
/// flood of denials neither fills the table nor keeps a window closed. Two passes do that: look at all
/// counters, then, if all allow, add to all. A limit that only learns is looked at and counted like any
/// other, and has no say in the verdict.
///
/// Each counter is looked at and counted once, however many descriptors lead to it, with the largest of their
/// hits. If they come with different terms for it (an override may ask for more than what tells callers
/// apart) the stricter hold: as if each had been looked at, in whatever order.
///
/// What each rule says to whom - overrides, lists, live changes - is in `rule_index.hpp`.
///
/// `fixed_window`: a request passes while used + hits <= limit in the current window. `sliding_window`: used
/// also has the previous window's hits, weighted by the share of it that the last window length still covers.
/// Both are pure functions of merged window counts. What the cluster around says - how many nodes, how many
/// of them out of reach, how stale the views - comes in as `Surroundings`; the policies of a rule
/// (`when_isolated`, `admission`, `when_full`) turn it into a smaller limit, a pause, or a word of warning.
#pragma once

#include <starling/request.hpp>

#include <array>
#include <chrono>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "base/ids.hpp"
#include "base/keyed_hash.hpp"
#include "base/time.hpp"
#include "counter/counter_table.hpp"
#include "limiter/guard.hpp"
#include "limiter/live_override.hpp"
#include "limiter/principal_hash.hpp"
#include "limiter/rule_index.hpp"
#include "limiter/rule_tallies.hpp"
#include "limiter/rules.hpp"
#include "limiter/surroundings.hpp"

namespace starling {

inline constexpr Hits hits_per_request_max = 0xFFFF'FFFF;

class Limiter {
 public:
  /// `counters_max`: of the counter table, for what is kept beside this node's components.
  Limiter(RuleSet rules, KeyedHash hash, std::size_t counters_max = CounterTable::Options{}.counters_max);
  Limiter(const Limiter&) = delete;  // the index has views of the rules
  Limiter& operator=(const Limiter&) = delete;

  /// Decides, and counts if the request passes. Views in the result live until the next call or
  /// `replace_rules`. Shape: O(entries + rules that apply or share an anchor (`rule_finder.hpp`)), in the
  /// overrides and lists of a rule O(1) but for patterns; no allocation for known counters. The first one
  /// after a live change indexes it.
  Decision decide(const Request& request, const Surroundings& around, CounterTable& counters);
  /// The first half of `decide`: which limits apply, and where their counters are. So whoever keeps more
  /// beside a counter can fetch it while the row is on its way. `no_counter_row`: nobody has counted there.
  std::span<const CounterRow> find(const Request& request, WallTime wall, const CounterTable& counters);
  /// The second: what they say.
  Decision decide_found(const Surroundings& around, CounterTable& counters);

  /// What `decide` would say, and nothing is counted, whatever the hits.
  Decision look(const Request& request, const Surroundings& around, const CounterTable& counters);

  /// What the last `decide` counted: the component that grew, and what its counter is held to. With a sliding
  /// window the previous window's component too, for what is kept back of it weighs on the same limit.
  struct Charge {
    ComponentIndex component;
    Hits limit = 0;
    bool is_first = false;  ///< this node had counted nothing there before
    /// How long others can do without these hits while far from the limit: until the window ends, and not at
    /// all where it weighs on decisions after its end.
    std::chrono::milliseconds wait_max{};
    std::uint8_t status = 0;  ///< which of the decision's `limits`
  };
  std::span<const Charge> charges() const { return {charges_.data(), charges_count_}; }

  /// The counters behind the last decision's `limits`, in the same order; for inspection. What is unlimited
  /// has none: there the window's length is 0.
  std::span<const CounterId> counters() const { return {ids_.data(), limits_count_}; }

  /// What others know of our own counts, for `admission: guarded`.
  Guard& guard() { return guard_; }

  /// What each rule said to those it decided about; `look` is not counted.
  const RuleTallies& tallies() const { return tallies_; }

  /// Live overrides stay, and counters too: they belong to names and windows.
  void replace_rules(RuleSet rules);
  /// The live overrides that hold from now on, all of them. Cheap: the next decision does the work.
  void set_live_overrides(std::vector<LiveOverride> overrides);
  const RuleSet& rules() const { return *rules_; }
  /// The same for whoever looks at them later: a reload leaves them as they are.
  std::shared_ptr<const RuleSet> shared_rules() const { return rules_; }
  const std::vector<LiveOverride>& live_overrides() const { return live_; }

 private:
  /// A descriptor of the request: which, and what it costs.
  struct Asked {
    const Descriptor& descriptor;
    std::uint64_t bit = 1;
    Hits hits = 1;
  };

  /// Of the limits that were found.
  Decision judge_all(const Surroundings& around, const CounterTable& counters);

  /// Fills `limits_` and `ids_` with every limit that applies. Returns false if there were more than fit.
  bool match(const Request& request, WallTime wall);
  bool match_rules(RuleIndex::Domain& domain, const Asked& asked, WallTime wall);
  void mark_replaced(RuleIndex::Domain& domain, std::span<const Descriptor> descriptors);
  /// These return false if there is no room.
  bool add_rule(std::uint32_t rule_index, const Asked& asked, WallTime wall);
  bool add_request_limit(const RuleIndex::Domain& domain, const Asked& asked, WallTime wall);
  /// `status`: begun by the caller, filled in for each limit.
  bool add_limits(const Terms& terms, const PrincipalHasher& hasher, LimitStatus& status, WallTime wall);
  bool add(const LimitStatus& status, const CounterId& id);

  const Rule& rule_of(const LimitStatus& status) const;
  /// Looks at limit `index`: what is used, and whether it allows its hits more.
  void judge(std::size_t index, const Surroundings& around, const CounterTable& counters);
  void count(std::size_t index, const Surroundings& around, CounterTable& counters);
  const LimitStatus* tightest(bool allowed) const;

  std::shared_ptr<const RuleSet> rules_;  // never null
  std::vector<LiveOverride> live_;
  bool live_changed_ = false;  // `index_` does not know of `live_` yet
  KeyedHash hash_;
  RuleIndex index_;
  Guard guard_;
  RuleTallies tallies_;
  // Scratch of one decision, kept so that deciding allocates nothing.
  std::array<LimitStatus, limits_per_request_max> limits_;
  std::array<CounterId, limits_per_request_max> ids_;
  std::array<CounterRow, limits_per_request_max> rows_;  // where the counters were found
  std::array<Hits, limits_per_request_max> budgets_;     // what this node holds each limit to, here and now
  std::array<Charge, std::size_t{2} * limits_per_request_max> charges_;
  std::vector<std::uint64_t> replaced_in_;  // by rule: the last request in which another one replaced it
  std::uint64_t replacing_requests_ = 0;
  std::size_t limits_count_ = 0;
  bool truncated_ = false;           // there were more
  std::uint32_t domain_number_ = 0;  // of the last request, if a limit applied
  std::size_t charges_count_ = 0;
};

}  // namespace starling
