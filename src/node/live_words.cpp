#include "node/live_words.hpp"

#include <fmt/format.h>

#include "base/shown_text.hpp"
#include "counter/window.hpp"
#include "limiter/duration_text.hpp"

namespace starling {
namespace {

std::string limits_text(const std::vector<Limit>& limits) {
  std::string text;
  for (const Limit& limit : limits)
    text += fmt::format("{}{} per {}", text.empty() ? "" : ", ", limit.requests,
                        format_duration(std::chrono::seconds(limit.window_s)));
  return text;
}

std::string explain_limits(LiveFlaw flaw, const LiveOverride& what) {
  switch (flaw) {
    case LiveFlaw::limits_missing:
      return "limits: expected at least one limit or unlimited: true, found neither; to go back to the rules "
             "file delete the override";
    case LiveFlaw::both_limits:
      return fmt::format("limits: expected limits or unlimited: true, found both ({}); give one of the two",
                         limits_text(what.limits));
    case LiveFlaw::unwanted_limits:
      return fmt::format("limits: expected none with kind {}, found some; use kind limits", name(what.kind));
    case LiveFlaw::limits_count:
      return fmt::format("limits: expected at most {}, found {}", limits_per_rule_max, what.limits.size());
    case LiveFlaw::window:
      return fmt::format("limits: expected each per within 1s and 366d, found {}", limits_text(what.limits));
    case LiveFlaw::window_twice:
      return fmt::format("limits: expected one limit for each per, found {}; keep the one that is meant",
                         limits_text(what.limits));
    default:
      return fmt::format("limits: expected at most {} requests, found {}", limit_requests_max,
                         limits_text(what.limits));
  }
}

std::string explain(LiveFlaw flaw, const LiveOverride& what) {
  switch (flaw) {
    case LiveFlaw::rule_missing:
      return "rule: expected the name of the rule whose limits are to change, found none";
    case LiveFlaw::caller_missing:
      return fmt::format("{}: expected a principal or a match that says who is meant, found neither",
                         name(what.kind));
    case LiveFlaw::two_callers:
      return fmt::format("{}: expected a principal or a match, found both; give one of the two",
                         name(what.kind));
    case LiveFlaw::unwanted_caller:
      return fmt::format(
          "learning: expected a rule or nothing, for it is set for a rule or for all, found a caller ({}); "
          "use "
          "kind enforcing or ignoring for single callers",
          what.principal.empty() ? "a match" : quoted(what.principal));
    case LiveFlaw::limits_principal:
      return fmt::format(
          "limits: expected callers as a match such as {{\"principal\":{0}}}, found principal {0}",
          quoted(what.principal));
    case LiveFlaw::match_count:
      return fmt::format("match: expected at most {} keys, found {}", match_keys_max, what.match.size());
    case LiveFlaw::match_order:
      return "match: expected keys that are not empty, sorted, each once";
    case LiveFlaw::text_length:
      return fmt::format(
          "expected names of at most {} bytes, values of at most {} and set_by of at most {}, found a longer "
          "text; use a prefix such as abc* for long values",
          wire::override_name_bytes_max, wire::override_text_bytes_max, wire::name_bytes_max);
    case LiveFlaw::text_characters:
      return "expected texts in UTF-8 without control characters, found one that is not";
    case LiveFlaw::size:
      return fmt::format(
          "expected an override of at most {} bytes as nodes tell it to each other, found a larger one; use "
          "shorter values or fewer keys",
          wire::override_bytes_max);
    default:
      return explain_limits(flaw, what);
  }
}

}  // namespace

std::string describe(const LiveOverride& what) {
  std::string text = fmt::format("{} rule={}", name(what.kind), what.rule.empty() ? "all" : shown(what.rule));
  if (!what.principal.empty()) text += fmt::format(" principal={}", shown(what.principal));
  for (const Matcher& matcher : what.match)
    text += fmt::format(" {}={}", shown(matcher.key), shown(matcher.to_string()));
  if (what.kind == LiveOverride::Kind::learning) text += what.learning ? ": on" : ": off";
  if (what.unlimited) text += ": unlimited";
  if (!what.limits.empty()) text += ": " + limits_text(what.limits);
  return text;
}

std::string story_of(const LiveView& view, WallTime wall) {
  std::string text =
      fmt::format("by={} on={}", view.set_by.empty() ? "?" : shown(view.set_by), shown(view.set_on));
  if (view.expires_at && *view.expires_at > wall)
    text += fmt::format(" expires_in={}", format_duration(*view.expires_at - wall));
  return text;
}

std::string explain(const Error& error, const LiveOverride& what, std::size_t overrides_max) {
  if (error.code == ErrorCode::table_full)
    return fmt::format(
        "expected room for one more override, found all {} in use; delete some, or put them into the rules "
        "file",
        overrides_max);
  return explain(static_cast<LiveFlaw>(error.detail), what);
}

}  // namespace starling
