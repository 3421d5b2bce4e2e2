#include "http/short_rules.hpp"

#include <fmt/format.h>

#include <chrono>
#include <iterator>
#include <span>

#include "base/check.hpp"
#include "base/json_text.hpp"
#include "limiter/duration_text.hpp"

namespace starling::http {
namespace {

using Kind = LiveOverride::Kind;

std::string_view text_of(bool value) {
  return value ? "true" : "false";
}

void append_key(std::string& out, std::string_view key) {
  out.append(",\"").append(key).append("\":");
}

void append_text(std::string& out, std::string_view key, std::string_view value) {
  append_key(out, key);
  append_json_string(out, value);
}

void append_limits(std::string& out, const std::vector<Limit>& limits) {
  out += '[';
  for (const Limit& limit : limits) {
    if (out.back() != '[') out += ',';
    fmt::format_to(std::back_inserter(out), R"({{"requests":{},"per":"{}"}})", limit.requests,
                   format_duration(std::chrono::seconds(limit.window_s)));
  }
  out += ']';
}

void append_match(std::string& out, const std::vector<Matcher>& match) {
  out += '{';
  for (const Matcher& matcher : match) {
    if (out.back() != '{') out += ',';
    append_json_string(out, matcher.key);
    out += ':';
    append_json_string(out, matcher.to_string());
  }
  out += '}';
}

/// What was set for the whole rule while running; null: nothing. And how many overrides name the rule.
void append_live(std::string& out, std::span<const LiveView* const> live) {
  const LiveOverride* whole = nullptr;
  for (const LiveView* view : live)
    if (whole == nullptr && view->what.kind == Kind::limits && view->what.match.empty()) whole = &view->what;
  if (whole == nullptr)
    out += "null";
  else if (whole->unlimited)
    out += "\"unlimited\"";
  else
    append_limits(out, whole->limits);
  fmt::format_to(std::back_inserter(out), R"(,"live_count":{})", live.size());
}

}  // namespace

ShortRules::ShortRules(const RuleSet& set) : text_("[") {
  places_.reserve(set.rules.size());
  for (const Rule& rule : set.rules) {
    if (!places_.empty()) text_ += ',';
    append(set, rule);
  }
  text_ += ']';
  text_.shrink_to_fit();
}

void ShortRules::append(const RuleSet& set, const Rule& rule) {
  Places places;
  text_ += "{\"name\":";
  append_json_string(text_, rule.name);
  append_key(text_, "match");
  append_match(text_, rule.match);
  append_key(text_, "exact");
  text_ += text_of(rule.exact);
  append_key(text_, "limits");
  append_limits(text_, rule.limits);
  append_key(text_, "unlimited");
  text_ += text_of(rule.unlimited);
  append_key(text_, "learning");
  places.learning_begin = text_.size();
  text_ += text_of(learning_of(set, rule, std::vector<LiveOverride>{}).learning);
  places.learning_end = text_.size();
  append_text(text_, "from", rule.from.empty() ? "built-in" : rule.from);
  append_key(text_, "live_limits");
  places.live_begin = text_.size();
  append_live(text_, {});
  places.live_end = text_.size();
  append_key(text_, "overrides_count");
  fmt::format_to(std::back_inserter(text_), "{}", rule.overrides.size());
  append_text(text_, "algorithm", name(rule.algorithm));
  append_text(text_, "admission", name(rule.admission));
  append_text(text_, "when_isolated", name(rule.when_isolated));
  append_text(text_, "when_full", name(rule.when_full));
  text_ += '}';
  places_.push_back(places);
}

std::string ShortRules::text_with(const std::vector<LiveView>& live, const RuleSet& set) const {
  STARLING_CHECK(places_.size() == set.rules.size());
  const LiveIndex index(live);
  const bool about_all = !index.about({}).empty();
  std::string out;
  out.reserve(text_.size() + 64 * live.size());
  std::size_t copied = 0;
  const auto copy_until = [&](std::size_t end) {
    out.append(text_, copied, end - copied);
    copied = end;
  };
  for (std::size_t i = 0; i < places_.size(); ++i) {
    const Rule& rule = set.rules[i];
    const auto about_it = index.about(rule.name);
    if (!about_all && about_it.empty()) continue;
    const Places& places = places_[i];
    copy_until(places.learning_begin);
    out += text_of(index.learning(set, rule).learning);
    copied = places.learning_end;
    copy_until(places.live_begin);
    append_live(out, about_it);
    copied = places.live_end;
  }
  copy_until(text_.size());
  return out;
}

}  // namespace starling::http
