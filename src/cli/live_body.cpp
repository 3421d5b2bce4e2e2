#include "cli/live_body.hpp"

#include <fmt/format.h>

#include <charconv>
#include <chrono>

#include "counter/window.hpp"
#include "limiter/duration_text.hpp"
#include "limiter/rules.hpp"

namespace starling::cli {
namespace {

void add_end(Json& body, const LiveFlags& flags) {
  if (!flags.expires.empty()) body["expires"] = flags.expires;
}

}  // namespace

std::optional<Json> parse_limit(std::string_view text) {
  const std::size_t slash = text.find('/');
  if (slash == std::string_view::npos) return std::nullopt;
  Hits requests = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + slash, requests);
  if (error != std::errc{} || end != text.data() + slash || requests > limit_requests_max)
    return std::nullopt;
  const std::string_view per = text.substr(slash + 1);
  const auto length = parse_duration(per);
  if (!length || length->count() % 1000 != 0) return std::nullopt;
  const auto seconds = length->count() / 1000;
  if (seconds < window_s_min || seconds > window_s_max) return std::nullopt;
  return Json{{"requests", requests}, {"per", std::string(per)}};
}

std::string wrong_limit(const std::string& text) {
  if (parse_limit(text)) return {};
  return fmt::format(
      "expected REQUESTS/WINDOW with a window of whole seconds from 1s to 366d, such as 2000/10s, "
      "found \"{}\"",
      printable(text));
}

std::string wrong_expires(const std::string& text) {
  const auto duration = parse_duration(text);
  if (duration && *duration >= std::chrono::seconds(1) && *duration <= std::chrono::seconds(window_s_max))
    return {};
  return fmt::format("expected a duration from 1s to 366d, such as 30m, 1h or 7d, found \"{}\"",
                     printable(text));
}

Json subject_body(std::string_view kind, const LiveFlags& flags) {
  Json body = {{"kind", kind}};
  if (!flags.rule.empty()) body["rule"] = flags.rule;
  if (!flags.principal.empty()) body["principal"] = flags.principal;
  for (const std::string& entry : flags.match) {
    const std::size_t equals = entry.find('=');
    body["match"][entry.substr(0, equals)] = entry.substr(equals + 1);
  }
  if (!flags.as.empty()) body["set_by"] = flags.as;
  return body;
}

Json limits_body(const LiveFlags& flags) {
  Json body = subject_body("limits", flags);
  if (flags.unlimited) body["unlimited"] = true;
  for (const std::string& text : flags.limits)
    if (auto limit = parse_limit(text)) body["limits"].push_back(std::move(*limit));
  add_end(body, flags);
  return body;
}

Json learning_body(const LiveFlags& flags, bool learning) {
  Json body = subject_body("learning", flags);
  body["learning"] = learning;
  add_end(body, flags);
  return body;
}

Json caller_body(std::string_view kind, const LiveFlags& flags) {
  Json body = subject_body(kind, flags);
  add_end(body, flags);
  return body;
}

}  // namespace starling::cli
