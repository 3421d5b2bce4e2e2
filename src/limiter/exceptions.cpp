#include "limiter/exceptions.hpp"

#include <algorithm>

namespace starling {
namespace {

/// True if each of the keys by which the rule tells callers apart is asked for by an equal value.
bool names_wholly(std::span<const Matcher> match, const Rule& rule) {
  return std::all_of(rule.match.begin(), rule.match.end(), [&](const Matcher& key) {
    return key.kind == Matcher::Kind::equal ||
           std::any_of(match.begin(), match.end(), [&](const Matcher& matcher) {
             return matcher.key == key.key && matcher.kind == Matcher::Kind::equal;
           });
  });
}

bool better(std::uint64_t rank, const auto* than) {
  return than == nullptr || rank < than->rank;
}

}  // namespace

bool Terms::follow(Listed listed, EnforcementSource list) {
  if (!listed.anywhere()) return false;
  learning = listed.ignoring;
  contradiction = listed.enforcing && listed.ignoring;
  enforced_by = list;
  return true;
}

Exceptions::Exceptions(const Rule& rule) : rule_(rule) {
  for (std::uint32_t i = 0; i < rule.overrides.size(); ++i) {
    const Override& other = rule.overrides[i];
    file_.add(other.match, Candidate{.rank = rank(other.match, false, i),
                                     .limits = other.limits,
                                     .unlimited = other.unlimited,
                                     .learning = other.learning,
                                     .source = LimitSource::exception,
                                     .index = i});
  }
  for (const Caller& caller : rule.enforcing)
    file_.lists.add(caller.principal, caller.match, {.enforcing = true});
  for (const Caller& caller : rule.ignoring)
    file_.lists.add(caller.principal, caller.match, {.ignoring = true});
}

void Exceptions::add_live(const LiveOverride& live, std::uint32_t index) {
  switch (live.kind) {
    case LiveOverride::Kind::limits:
      live_.add(live.match, Candidate{.rank = rank(live.match, true, index),
                                      .limits = live.limits,
                                      .unlimited = live.unlimited,
                                      .learning = {},
                                      .source = LimitSource::live,
                                      .index = index});
      break;
    case LiveOverride::Kind::enforcing:
      live_.lists.add(live.principal, live.match, {.enforcing = true});
      break;
    case LiveOverride::Kind::ignoring:
      live_.lists.add(live.principal, live.match, {.ignoring = true});
      break;
    case LiveOverride::Kind::learning:
      break;  // speaks of the rule as a whole
  }
}

void Exceptions::clear_live() {
  live_.clear();
}

void Exceptions::apply(const Descriptor& descriptor, const CallerLists& live_for_all, Terms& terms) const {
  Best best;
  live_.find_best(descriptor, best);
  file_.find_best(descriptor, best);
  if (best.limits != nullptr) {
    terms.limits = best.limits->limits;
    terms.unlimited = best.limits->unlimited;
    terms.source = best.limits->source;
    terms.override_index = best.limits->index;
  }
  Listed listed = live_for_all.find(rule_.match, descriptor);
  listed.add(live_.lists.find(rule_.match, descriptor));
  if (terms.follow(listed, EnforcementSource::live_list)) return;
  if (terms.follow(file_.lists.find(rule_.match, descriptor), EnforcementSource::list)) return;
  if (best.learning == nullptr) return;
  terms.learning = *best.learning->learning;
  terms.enforced_by = EnforcementSource::exception;
}

std::uint64_t Exceptions::rank(std::span<const Matcher> match, bool live, std::uint32_t order) const {
  const std::uint64_t keys_missing = match_keys_max - std::min(match.size(), match_keys_max);
  return (names_wholly(match, rule_) ? 0 : std::uint64_t{1} << 63) | (live ? 0 : std::uint64_t{1} << 62) |
         keys_missing << 32 | order;
}

void Exceptions::Layer::clear() {
  index.clear();
  candidates.clear();
  lists.clear();
}

void Exceptions::Layer::add(std::span<const Matcher> match, const Candidate& candidate) {
  index.add(match, static_cast<std::uint32_t>(candidates.size()));
  candidates.push_back(candidate);
}

void Exceptions::Layer::find_best(const Descriptor& descriptor, Best& best) const {
  index.for_each_fitting(descriptor, [&](std::uint32_t id) {
    const Candidate& candidate = candidates[id];
    if (candidate.says_limits() && better(candidate.rank, best.limits)) best.limits = &candidate;
    if (candidate.learning && better(candidate.rank, best.learning)) best.learning = &candidate;
  });
}

}  // namespace starling
