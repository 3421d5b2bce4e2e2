#include "limiter/limiter.hpp"

#include <algorithm>

#include "limiter/principal_hash.hpp"

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

Decision Limiter::decide(const Request& request, WallTime wall, CounterTable& counters) {
  Decision decision;
  decision.truncated = !match(request, wall);
  charges_count_ = 0;
  const Hits hits = std::min(request.hits, hits_per_request_max);

  for (std::size_t i = 0; i < limits_count_; ++i) {
    LimitStatus& status = limits_[i];
    // A component above the limit plus one request's cost can only be an error or an attack.
    status.used = counters.value_clamped(ids_[i], saturating_add(status.limit, hits_per_request_max));
    status.allowed = saturating_add(status.used, hits) <= status.limit;
    decision.allowed = decision.allowed && status.allowed;
  }
  for (std::size_t i = 0; i < limits_count_; ++i) {
    LimitStatus& status = limits_[i];
    if (decision.allowed && hits > 0) {
      const auto component = counters.add_own(ids_[i], hits, wall);
      status.counted = component.has_value();
      if (component) {
        status.used = saturating_add(status.used, hits);
        charges_[charges_count_++] = Charge{.component = *component, .limit = status.limit};
      }
    }
    status.remaining = saturating_sub(status.limit, status.used);
  }
  decision.limits = std::span<const LimitStatus>(limits_.data(), limits_count_);
  decision.tightest = tightest(decision.allowed);
  return decision;
}

const LimitStatus* Limiter::tightest(bool allowed) const {
  const LimitStatus* best = nullptr;
  for (std::size_t i = 0; i < limits_count_; ++i) {
    const LimitStatus& status = limits_[i];
    if (!allowed && status.allowed) continue;
    const bool better = best == nullptr || (allowed ? status.remaining < best->remaining  //
                                                    : status.reset_ms > best->reset_ms);
    if (better) best = &status;
  }
  return best;
}

}  // namespace starling
