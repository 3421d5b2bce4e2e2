#include "limiter/limiter.hpp"

#include <algorithm>

#include "limiter/principal_hash.hpp"
#include "limiter/sliding_window.hpp"

namespace starling {
namespace {

const Entry* find_entry(const Descriptor& descriptor, std::string_view key) {
  for (const Entry& entry : descriptor.entries)
    if (entry.key == key) return &entry;
  return nullptr;
}

bool rule_matches(const Rule& rule, const Descriptor& descriptor) {
  return std::all_of(rule.match.begin(), rule.match.end(), [&](const Matcher& matcher) {
    const Entry* entry = find_entry(descriptor, matcher.key);
    return entry != nullptr && matcher.matches(entry->value);
  });
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

bool Limiter::add_limits(std::uint32_t rule_index, const Descriptor& descriptor, WallTime wall) {
  const Rule& rule = rules_.rules[rule_index];
  PrincipalHasher hasher(hash_, rules_.domain, rule.name);
  for (const Matcher& matcher : rule.match)
    if (matcher.kind != Matcher::Kind::equal) hasher.add_value(find_entry(descriptor, matcher.key)->value);

  for (const Limit& limit : rule.limits) {
    const Window window = Window::at(wall, limit.window_s);
    const CounterId id{.key = hasher.key(limit.window_s), .window = window};
    const auto ids_end = ids_.begin() + static_cast<std::ptrdiff_t>(limits_count_);
    if (std::find(ids_.begin(), ids_end, id) != ids_end) continue;  // another descriptor led here already
    if (limits_count_ == limits_per_request_max) return false;
    ids_[limits_count_] = id;
    limits_[limits_count_] = LimitStatus{.rule = rule.name,
                                         .rule_index = rule_index,
                                         .limit = limit.requests,
                                         .window_s = limit.window_s,
                                         .window_id = window.id.value,
                                         .reset_ms = window.remaining_ms(wall)};
    ++limits_count_;
  }
  return true;
}

bool Limiter::match(const Request& request, WallTime wall) {
  limits_count_ = 0;
  if (!request.domain.empty() && request.domain != rules_.domain) return true;
  for (const Descriptor& descriptor : request.descriptors)
    for (std::uint32_t index = 0; index < rules_.rules.size(); ++index)
      if (rule_matches(rules_.rules[index], descriptor) && !add_limits(index, descriptor, wall)) return false;
  return true;
}

void Limiter::judge(std::size_t index, Hits hits, const Surroundings& around, const CounterTable& counters) {
  LimitStatus& status = limits_[index];
  const Rule& rule = rules_.rules[status.rule_index];
  const CounterId& id = ids_[index];
  const Hits budget = budget_of(rule, status.limit, around);
  // A component above the limit plus one request's cost can only be an error or an attack.
  const Hits component_max = saturating_add(status.limit, hits_per_request_max);
  const Hits current = counters.value_clamped(id, component_max);
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
  } else if (rule.when_full == WhenFull::deny && hits > 0 && !counters.has_room_for_own(id)) {
    status.denial = Denial::full;
  } else if (hits > 0 && guarded(rule, status.limit, around)) {
    const ComponentIndex own = counters.own_component(id);
    const Hits unseen = guard_.unseen(own, own == no_component ? 0 : counters.hits(own), around);
    const Guard::Spending spending{
        .remaining = budget - status.used, .unseen = unseen, .hits = hits, .exact = divided(rule, around)};
    if (!Guard::admits(spending, around)) status.denial = Denial::held_back;
  }
  status.allowed = status.denial == Denial::none;
  status.enforced = rule.when_isolated != WhenIsolated::learning || !around.isolated;
  status.remaining = saturating_sub(budget, status.used);
  if (slides && !status.allowed)
    status.reset_ms = sliding_wait_ms(SlidingCounts{.previous = previous, .current = current},
                                      saturating_sub(budget, hits), id.window, around.wall);
}

void Limiter::count(std::size_t index, Hits hits, const Surroundings& around, CounterTable& counters) {
  LimitStatus& status = limits_[index];
  const auto component = counters.add_own(ids_[index], hits, around.wall);
  status.counted = component.has_value();
  if (!component) return;
  status.used = saturating_add(status.used, hits);
  status.remaining = saturating_sub(status.remaining, hits);
  charges_[charges_count_++] = Charge{.component = *component, .limit = budgets_[index]};
  const Rule& rule = rules_.rules[status.rule_index];
  // A neighborhood may fall apart at any time.
  if (rule.admission == Admission::guarded || rule.when_isolated == WhenIsolated::share)
    guard_.follow(*component);
  if (rule.algorithm != Algorithm::sliding_window) return;
  const CounterId previous = ids_[index].previous();
  const ComponentIndex own = counters.own_component(previous);
  if (own != no_component)
    charges_[charges_count_++] =
        Charge{.component = own, .limit = saturating_add(counters.value(previous), status.remaining)};
}

Decision Limiter::decide(const Request& request, const Surroundings& around, CounterTable& counters) {
  Decision decision;
  decision.truncated = !match(request, around.wall);
  charges_count_ = 0;
  const Hits hits = std::min(request.hits, hits_per_request_max);
  for (std::size_t i = 0; i < limits_count_; ++i) {
    judge(i, hits, around, counters);
    decision.allowed = decision.allowed && (limits_[i].allowed || !limits_[i].enforced);
  }
  if (decision.allowed && hits > 0)
    for (std::size_t i = 0; i < limits_count_; ++i) count(i, hits, around, counters);
  decision.limits = std::span<const LimitStatus>(limits_.data(), limits_count_);
  decision.tightest = tightest(decision.allowed);
  return decision;
}

const LimitStatus* Limiter::tightest(bool allowed) const {
  const LimitStatus* best = nullptr;
  for (std::size_t i = 0; i < limits_count_; ++i) {
    const LimitStatus& status = limits_[i];
    if (!allowed && (status.allowed || !status.enforced)) continue;
    const bool better = best == nullptr || (allowed ? status.remaining < best->remaining  //
                                                    : status.reset_ms > best->reset_ms);
    if (better) best = &status;
  }
  return best;
}

}  // namespace starling
