#include "limiter/limiter.hpp"

#include <algorithm>
#include <string>
#include <tuple>

#include "limiter/matching.hpp"
#include "limiter/sliding_window.hpp"

namespace starling {
namespace {

/// What holds for limits that requests bring along.
const Rule& request_rule() {
  static const Rule rule{.name = std::string(request_rule_name)};
  return rule;
}

/// Stands where an unlimited rule has no counter: equal for equal statuses, and no counter's id.
CounterId no_counter(std::uint32_t rule_index, LimitSource source) {
  return CounterId{.key = CounterKey{std::uint64_t{rule_index} << 8 | static_cast<std::uint8_t>(source)},
                   .window = {.length_s = 0, .id = {}}};
}

/// Of two terms for one counter. A total order, so that the order of descriptors is no matter.
bool stricter(const LimitStatus& a, const LimitStatus& b) {
  const auto key = [](const LimitStatus& status) {
    return std::tuple(!status.enforced, status.limit, status.source, status.override_index,
                      status.enforced_by, status.contradiction);
  };
  return key(a) < key(b);
}

/// True while the nodes that can be reached hold only their part of the limit.
bool divided(const Rule& rule, const Surroundings& around) {
  return rule.when_isolated == WhenIsolated::share && around.nodes_count < around.known_count;
}

/// That part: all parts of a divided neighborhood together stay below the whole.
Hits budget_of(const Rule& rule, Hits limit, const Surroundings& around) {
  if (!divided(rule, around)) return limit;
  // limit <= 10^12 and nodes_count < 2^12: no overflow.
  return limit * around.nodes_count / around.known_count;
}

/// A divided neighborhood promises not to exceed the limit, so its parts are guarded as well.
bool guarded(const Rule& rule, Hits limit, const Surroundings& around) {
  if (divided(rule, around)) return true;
  return rule.admission == Admission::guarded &&
         limit / std::max(around.nodes_count, 1U) >= guarded_share_min;
}

}  // namespace

Limiter::Limiter(RuleSet rules, KeyedHash hash, std::size_t counters_max)
    : hash_(hash), guard_(counters_max) {
  replace_rules(std::move(rules));
}

void Limiter::replace_rules(RuleSet rules) {
  rules_ = std::make_shared<const RuleSet>(std::move(rules));
  index_.build(*rules_, hash_);
  tallies_.replace_rules(*rules_, index_.domain_names());
  live_changed_ = !live_.empty();
  replaced_in_.assign(rules_->rules.size(), replacing_requests_ = 0);
}

void Limiter::set_live_overrides(std::vector<LiveOverride> overrides) {
  live_ = std::move(overrides);
  live_changed_ = true;
}

bool Limiter::add(const LimitStatus& status, const CounterId& id) {
  const auto end = ids_.begin() + static_cast<std::ptrdiff_t>(limits_count_);
  const auto known = std::find(ids_.begin(), end, id);
  if (known != end) {  // another descriptor led here already
    LimitStatus& other = limits_[static_cast<std::size_t>(known - ids_.begin())];
    const std::uint64_t descriptors = other.descriptors | status.descriptors;
    const Hits hits = std::max(other.hits, status.hits);
    if (stricter(status, other)) other = status;
    other.descriptors = descriptors;
    other.hits = hits;
    return true;
  }
  if (limits_count_ == limits_per_request_max) return false;
  ids_[limits_count_] = id;
  limits_[limits_count_++] = status;
  return true;
}

bool Limiter::add_limits(const Terms& terms, const PrincipalHasher& hasher, LimitStatus& status,
                         WallTime wall) {
  status.source = terms.source;
  status.override_index = terms.override_index;
  status.enforced = !terms.learning;
  status.enforced_by = terms.enforced_by;
  status.contradiction = terms.contradiction;
  status.unlimited = terms.unlimited;
  if (terms.unlimited) return add(status, no_counter(status.rule_index, status.source));
  for (const Limit& limit : terms.limits) {
    const Window window = Window::at(wall, limit.window_s);
    status.limit = limit.requests;
    status.window_s = limit.window_s;
    status.window_id = window.id.value;
    status.reset_ms = window.remaining_ms(wall);
    if (!add(status, CounterId{.key = hasher.key(limit.window_s), .window = window})) return false;
  }
  return true;
}

bool Limiter::add_rule(std::uint32_t rule_index, const Asked& asked, WallTime wall) {
  const Rule& rule = rules_->rules[rule_index];
  PrincipalHasher hasher(hash_, index_.key_state(rule_index));
  for (const Matcher& matcher : rule.match)
    if (matcher.kind != Matcher::Kind::equal)
      hasher.add_value(find_entry(asked.descriptor, matcher.key)->value);
  LimitStatus status{
      .rule = rule.name, .rule_index = rule_index, .descriptors = asked.bit, .hits = asked.hits};
  return add_limits(index_.terms(rule_index, asked.descriptor), hasher, status, wall);
}

bool Limiter::add_request_limit(const RuleIndex::Domain& domain, const Asked& asked, WallTime wall) {
  PrincipalHasher hasher(hash_, domain.request_key_state);
  for (const Entry& entry : asked.descriptor.entries) {
    hasher.add_value(entry.key);
    hasher.add_value(entry.value);
  }
  // A front end lets no other values through; if one does, they must not stop the node.
  const RequestLimit& brought = *asked.descriptor.limit;
  const Limit limit{.requests = std::min(brought.requests, limit_requests_max),
                    .window_s = std::clamp(brought.window_s, window_s_min, window_s_max)};
  Terms terms = index_.request_terms(asked.descriptor);
  terms.limits = std::span(&limit, 1);
  LimitStatus status{
      .rule = request_rule_name, .rule_index = no_rule, .descriptors = asked.bit, .hits = asked.hits};
  return add_limits(terms, hasher, status, wall);
}

void Limiter::mark_replaced(RuleIndex::Domain& domain, std::span<const Descriptor> descriptors) {
  ++replacing_requests_;
  for (const Descriptor& descriptor : descriptors) {
    if (descriptor.limit) continue;
    domain.replacing.for_each_candidate(descriptor, [&](std::uint32_t rule) {
      if (fits(rules_->rules[rule], descriptor))
        for (const std::uint32_t replaced : index_.replaced_by(rule))
          replaced_in_[replaced] = replacing_requests_;
      return true;
    });
  }
}

bool Limiter::match_rules(RuleIndex::Domain& domain, const Asked& asked, WallTime wall) {
  const bool replacing = !domain.replacing.empty();
  return domain.rules.for_each_candidate(asked.descriptor, [&](std::uint32_t rule) {
    if (replacing && replaced_in_[rule] == replacing_requests_) return true;
    return !fits(rules_->rules[rule], asked.descriptor) || add_rule(rule, asked, wall);
  });
}

bool Limiter::match(const Request& request, WallTime wall) {
  limits_count_ = 0;
  if (live_changed_) index_.set_live(*rules_, live_);
  live_changed_ = false;
  RuleIndex::Domain* domain = index_.find_domain(request.domain);
  if (domain == nullptr) return true;
  domain_number_ = domain->number;
  const auto descriptors =
      request.descriptors.first(std::min(request.descriptors.size(), descriptors_per_request_max));
  if (!domain->replacing.empty()) mark_replaced(*domain, descriptors);
  for (std::size_t i = 0; i < descriptors.size(); ++i) {
    const Descriptor& descriptor = descriptors[i];
    const Asked asked{.descriptor = descriptor,
                      .bit = std::uint64_t{1} << i,
                      .hits = std::min(descriptor.hits.value_or(request.hits), hits_per_request_max)};
    const bool fit = descriptor.limit ? add_request_limit(*domain, asked, wall)  //
                                      : match_rules(*domain, asked, wall);
    if (!fit) return false;
  }
  return descriptors.size() == request.descriptors.size();
}

const Rule& Limiter::rule_of(const LimitStatus& status) const {
  return status.rule_index == no_rule ? request_rule() : rules_->rules[status.rule_index];
}

void Limiter::judge(std::size_t index, const Surroundings& around, const CounterTable& counters) {
  LimitStatus& status = limits_[index];
  if (status.unlimited) return;
  const Hits hits = status.hits;
  const Rule& rule = rule_of(status);
  const CounterId& id = ids_[index];
  const Hits budget = budget_of(rule, status.limit, around);
  // A component above the limit plus one request's cost can only be an error or an attack.
  const Hits component_max = saturating_add(status.limit, hits_per_request_max);
  const CounterRow row = rows_[index];
  const Hits current = counters.value_clamped(row, component_max);
  const bool slides = rule.algorithm == Algorithm::sliding_window;
  const Hits previous =
      slides && id.window.id.value > 0 ? counters.value_clamped(id.previous(), component_max) : 0;
  const Hits slid_in = weighted_previous(previous, id.window, around.wall);
  status.used = saturating_add(current, slid_in);
  budgets_[index] = saturating_sub(budget, slid_in);

  if (rule.when_isolated == WhenIsolated::deny && around.isolated) {
    status.denial = Denial::isolated;
  } else if (saturating_add(status.used, hits) > budget) {
    status.denial = saturating_add(status.used, hits) > status.limit ? Denial::limit : Denial::share;
  } else if (rule.when_full == WhenFull::deny && hits > 0 && !counters.has_room_for_own(row)) {
    status.denial = Denial::full;
  } else if (hits > 0 && guarded(rule, status.limit, around)) {
    const ComponentIndex own = counters.own_component(row);
    const Hits unseen = guard_.unseen(own, own == no_component ? 0 : counters.hits(own), around);
    const Guard::Spending spending{
        .remaining = budget - status.used, .unseen = unseen, .hits = hits, .exact = divided(rule, around)};
    if (!Guard::admits(spending, around)) status.denial = Denial::held_back;
  }
  status.allowed = status.denial == Denial::none;
  if (status.enforced && rule.when_isolated == WhenIsolated::learning && around.isolated) {
    status.enforced = false;
    status.enforced_by = EnforcementSource::isolation;
  }
  status.remaining = saturating_sub(budget, status.used);
  if (slides && !status.allowed)
    status.reset_ms = sliding_wait_ms(SlidingCounts{.previous = previous, .current = current},
                                      saturating_sub(budget, hits), id.window, around.wall);
}

void Limiter::count(std::size_t index, const Surroundings& around, CounterTable& counters) {
  LimitStatus& status = limits_[index];
  const bool is_first = counters.own_component(rows_[index]) == no_component;
  const auto component = counters.add_own(rows_[index], ids_[index], status.hits, around.wall);
  status.counted = component.has_value();
  if (!component) return;
  status.used = saturating_add(status.used, status.hits);
  status.remaining = saturating_sub(status.remaining, status.hits);
  // Above a limit that only learns nothing depends on how soon the others know, and telling them of every hit
  // at once would be a flood.
  const bool above = !status.allowed && status.denial != Denial::held_back;
  const Rule& rule = rule_of(status);
  const bool slides = rule.algorithm == Algorithm::sliding_window;
  charges_[charges_count_++] = Charge{.component = *component,
                                      .limit = above ? hits_max : budgets_[index],
                                      .is_first = is_first,
                                      .wait_max = std::chrono::milliseconds(slides ? 0 : status.reset_ms),
                                      .status = static_cast<std::uint8_t>(index)};
  // A neighborhood may fall apart at any time.
  if (rule.admission == Admission::guarded || rule.when_isolated == WhenIsolated::share)
    guard_.follow(*component);
  if (!slides) return;
  const CounterRow previous = counters.find(ids_[index].previous());
  const ComponentIndex own = counters.own_component(previous);
  if (own != no_component)
    charges_[charges_count_++] =
        Charge{.component = own,
               .limit = above ? hits_max : saturating_add(counters.value(previous), status.remaining)};
}

std::span<const CounterRow> Limiter::find(const Request& request, WallTime wall,
                                          const CounterTable& counters) {
  truncated_ = !match(request, wall);
  for (std::size_t i = 0; i < limits_count_; ++i)
    rows_[i] = limits_[i].unlimited ? no_counter_row : counters.find(ids_[i]);
  return {rows_.data(), limits_count_};
}

Decision Limiter::look(const Request& request, const Surroundings& around, const CounterTable& counters) {
  find(request, around.wall, counters);
  Decision decision = judge_all(around, counters);
  decision.tightest = tightest(decision.allowed);
  return decision;
}

Decision Limiter::judge_all(const Surroundings& around, const CounterTable& counters) {
  Decision decision;
  decision.truncated = truncated_;
  charges_count_ = 0;
  bool exceeded = false;
  for (std::size_t i = 0; i < limits_count_; ++i) {
    judge(i, around, counters);
    decision.allowed = decision.allowed && (limits_[i].allowed || !limits_[i].enforced);
    exceeded = exceeded || !limits_[i].allowed;
  }
  decision.learned = decision.allowed && exceeded;
  decision.limits = std::span<const LimitStatus>(limits_.data(), limits_count_);
  return decision;
}

Decision Limiter::decide(const Request& request, const Surroundings& around, CounterTable& counters) {
  find(request, around.wall, counters);
  return decide_found(around, counters);
}

Decision Limiter::decide_found(const Surroundings& around, CounterTable& counters) {
  Decision decision = judge_all(around, counters);
  tallies_.on_decision(decision.limits, domain_number_);
  if (decision.allowed)
    for (std::size_t i = 0; i < limits_count_; ++i)
      if (limits_[i].hits > 0 && !limits_[i].unlimited) count(i, around, counters);
  decision.tightest = tightest(decision.allowed);  // by what remains now
  return decision;
}

const LimitStatus* Limiter::tightest(bool allowed) const {
  const LimitStatus* best = nullptr;
  for (std::size_t i = 0; i < limits_count_; ++i) {
    const LimitStatus& status = limits_[i];
    if (status.unlimited || (!allowed && (status.allowed || !status.enforced))) continue;
    const bool better = best == nullptr || (allowed ? status.remaining < best->remaining  //
                                                    : status.reset_ms > best->reset_ms);
    if (better) best = &status;
  }
  return best;
}

}  // namespace starling
