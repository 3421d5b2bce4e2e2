#include "live/live_entry.hpp"

#include <algorithm>
#include <span>
#include <tuple>

#include "base/plain_text.hpp"
#include "counter/window.hpp"
#include "wire/codec.hpp"

namespace starling {
namespace {

static_assert(live_override_kind_names.size() == wire::override_kinds_count);
static_assert(match_keys_max <= wire::override_matches_max);
static_assert(limits_per_rule_max <= wire::override_limits_max);
static_assert(limit_requests_max <= wire::override_requests_max);
static_assert(window_s_max <= wire::override_window_s_max);

/// Lengths in front, so that no two things are written alike.
class Written {
 public:
  Written& number(std::uint64_t value) {
    for (int i = 0; i < 8; ++i) bytes_.push_back(static_cast<char>(value >> (8 * i)));
    return *this;
  }
  Written& text(std::string_view value) {
    number(value.size());
    bytes_.append(value);
    return *this;
  }
  Written& subject(const LiveOverride& what) {
    number(static_cast<std::uint64_t>(what.kind)).text(what.rule).text(what.principal);
    number(what.match.size());
    for (const Matcher& matcher : what.match)
      text(matcher.key).number(static_cast<std::uint64_t>(matcher.kind)).text(matcher.text);
    return *this;
  }
  std::uint64_t hashed(const KeyedHash& hash) const { return hash(std::as_bytes(std::span(bytes_))); }

 private:
  std::string bytes_;
};

LiveFlaw flaw_of_text(std::string_view text, std::size_t bytes_max) {
  if (text.size() > bytes_max) return LiveFlaw::text_length;
  return is_plain_text(text) ? LiveFlaw::none : LiveFlaw::text_characters;
}

LiveFlaw flaw_of_match(const LiveOverride& what) {
  if (what.match.size() > match_keys_max) return LiveFlaw::match_count;
  for (std::size_t i = 0; i < what.match.size(); ++i) {
    const Matcher& matcher = what.match[i];
    for (const LiveFlaw flaw : {flaw_of_text(matcher.key, wire::override_name_bytes_max),
                                flaw_of_text(matcher.text, wire::override_text_bytes_max)})
      if (flaw != LiveFlaw::none) return flaw;
    if (matcher.key.empty() || (i > 0 && what.match[i - 1].key >= matcher.key)) return LiveFlaw::match_order;
  }
  return LiveFlaw::none;
}

LiveFlaw flaw_of_limits(const LiveOverride& what) {
  if (what.kind != LiveOverride::Kind::limits)
    return what.limits.empty() && !what.unlimited ? LiveFlaw::none : LiveFlaw::unwanted_limits;
  if (what.limits.empty() && !what.unlimited) return LiveFlaw::limits_missing;
  if (!what.limits.empty() && what.unlimited) return LiveFlaw::both_limits;
  if (what.limits.size() > limits_per_rule_max) return LiveFlaw::limits_count;
  for (std::size_t i = 0; i < what.limits.size(); ++i) {
    if (what.limits[i].window_s == 0 || what.limits[i].window_s > window_s_max) return LiveFlaw::window;
    if (what.limits[i].requests > limit_requests_max) return LiveFlaw::requests;
    for (std::size_t j = 0; j < i; ++j)
      if (what.limits[j].window_s == what.limits[i].window_s) return LiveFlaw::window_twice;
  }
  return LiveFlaw::none;
}

}  // namespace

LiveFlaw flaw_of_subject(const LiveOverride& what) {
  using Kind = LiveOverride::Kind;
  for (const LiveFlaw flaw : {flaw_of_text(what.rule, wire::override_name_bytes_max),
                              flaw_of_text(what.principal, wire::override_text_bytes_max)})
    if (flaw != LiveFlaw::none) return flaw;
  const bool names_caller = !what.principal.empty() || !what.match.empty();
  switch (what.kind) {
    case Kind::limits:
      if (what.rule.empty()) return LiveFlaw::rule_missing;
      if (!what.principal.empty()) return LiveFlaw::limits_principal;
      break;
    case Kind::learning:
      if (names_caller) return LiveFlaw::unwanted_caller;
      break;
    case Kind::enforcing:
    case Kind::ignoring:
      if (!names_caller) return LiveFlaw::caller_missing;
      if (!what.principal.empty() && !what.match.empty()) return LiveFlaw::two_callers;
      break;
  }
  return flaw_of_match(what);
}

LiveFlaw flaw_of(const LiveEntry& entry) {
  if (const LiveFlaw flaw = flaw_of_subject(entry.what); flaw != LiveFlaw::none) return flaw;
  if (!entry.deleted)
    if (const LiveFlaw flaw = flaw_of_limits(entry.what); flaw != LiveFlaw::none) return flaw;
  for (const std::string* text : {&entry.set_by, &entry.set_on})
    if (const LiveFlaw flaw = flaw_of_text(*text, wire::name_bytes_max); flaw != LiveFlaw::none) return flaw;
  return wire::override_bytes(to_wire(entry)) > wire::override_bytes_max ? LiveFlaw::size : LiveFlaw::none;
}

wire::OverrideEntry to_wire(const LiveEntry& entry) {
  wire::OverrideEntry out;
  out.kind = static_cast<std::uint8_t>(entry.what.kind);
  out.rule = entry.what.rule;
  out.principal = entry.what.principal;
  for (const Matcher& matcher : entry.what.match)
    out.match.push_back({matcher.key, static_cast<std::uint8_t>(matcher.kind), matcher.text});
  for (const Limit& limit : entry.what.limits) out.limits.push_back({limit.requests, limit.window_s});
  out.unlimited = entry.what.unlimited;
  out.learning = entry.what.learning;
  out.deleted = entry.deleted;
  out.wall_ms = entry.stamp.wall_ms;
  out.logical = entry.stamp.logical;
  out.origin = entry.stamp.origin;
  out.expires_ms = entry.expires_at ? ms_since_epoch(*entry.expires_at) : 0;
  out.set_by = entry.set_by;
  out.set_on = entry.set_on;
  return out;
}

LiveEntry from_wire(const wire::OverrideEntry& entry) {
  LiveEntry out;
  out.what.kind = static_cast<LiveOverride::Kind>(entry.kind);
  out.what.rule = entry.rule;
  out.what.principal = entry.principal;
  for (const wire::OverrideMatch& match : entry.match)
    out.what.match.push_back(
        Matcher{.key = match.key, .kind = static_cast<Matcher::Kind>(match.kind), .text = match.text});
  for (const wire::OverrideLimit& limit : entry.limits)
    out.what.limits.push_back(Limit{.requests = limit.requests, .window_s = limit.window_s});
  out.what.unlimited = entry.unlimited;
  out.what.learning = entry.learning;
  out.deleted = entry.deleted;
  out.stamp = Stamp{.wall_ms = entry.wall_ms, .logical = entry.logical, .origin = entry.origin};
  if (entry.expires_ms != 0)
    out.expires_at = WallTime(WallClock::duration(static_cast<std::int64_t>(entry.expires_ms)));
  out.set_by = entry.set_by;
  out.set_on = entry.set_on;
  return out;
}

std::uint64_t place_of(const LiveOverride& subject, const KeyedHash& hash) {
  const std::uint64_t place = Written().subject(subject).hashed(hash);
  return place == 0 ? 1 : place;
}

std::uint64_t digest_of(const LiveEntry& entry, const KeyedHash& hash) {
  Written written;
  written.subject(entry.what).number(entry.what.limits.size());
  for (const Limit& limit : entry.what.limits) written.number(limit.requests).number(limit.window_s);
  const std::uint64_t flags = (entry.what.unlimited ? 1U : 0U) | (entry.what.learning ? 2U : 0U) |
                              (entry.deleted ? 4U : 0U) | (entry.expires_at ? 8U : 0U);
  written.number(flags).number(entry.stamp.wall_ms).number(entry.stamp.logical);
  written.number(entry.stamp.origin.value).number(entry.expires_at ? ms_since_epoch(*entry.expires_at) : 0);
  return written.text(entry.set_by).text(entry.set_on).hashed(hash);
}

bool in_reading_order(const LiveOverride& a, const LiveOverride& b) {
  const auto rest = [](const Matcher& matcher) { return std::tie(matcher.key, matcher.kind, matcher.text); };
  if (std::tie(a.kind, a.rule, a.principal) != std::tie(b.kind, b.rule, b.principal))
    return std::tie(a.kind, a.rule, a.principal) < std::tie(b.kind, b.rule, b.principal);
  return std::lexicographical_compare(
      a.match.begin(), a.match.end(), b.match.begin(), b.match.end(),
      [&](const Matcher& one, const Matcher& other) { return rest(one) < rest(other); });
}

}  // namespace starling
