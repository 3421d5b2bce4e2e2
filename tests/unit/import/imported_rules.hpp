/// What an import said, in short texts to compare; and that its text is read back as the same rules.
#pragma once

#include <doctest/doctest.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "import/import.hpp"
#include "limiter/config_file.hpp"

namespace starling {

inline std::string shown(const std::vector<Matcher>& match) {
  std::string out;
  for (const Matcher& matcher : match)
    out += fmt::format("[{}|{}|{}]", matcher.key, static_cast<int>(matcher.kind), matcher.text);
  return out;
}

inline std::string shown(const std::vector<Limit>& limits, bool unlimited) {
  std::string out;
  for (const Limit& limit : limits) out += fmt::format("{}/{}s ", limit.requests, limit.window_s);
  return unlimited ? out + "unlimited" : out;
}

inline std::string shown(const std::optional<bool>& flag) {
  return flag ? (*flag ? "yes" : "no") : "-";
}

inline std::string shown(const std::vector<Caller>& callers) {
  std::string out;
  for (const Caller& caller : callers) out += fmt::format("({}{})", caller.principal, shown(caller.match));
  return out;
}

/// Every field that a rules file can say.
inline std::string shown(const Rule& rule) {
  std::string out = fmt::format(
      "{} match={} exact={} limits={} {} {} {} {} learning={} enforcing={} ignoring={} replaces={}",
      rule.name, shown(rule.match), rule.exact, shown(rule.limits, rule.unlimited), name(rule.algorithm),
      name(rule.admission), name(rule.when_isolated), name(rule.when_full), shown(rule.learning),
      shown(rule.enforcing), shown(rule.ignoring), fmt::join(rule.replaces, ","));
  for (const Override& each : rule.overrides)
    out += fmt::format("\n  {} {} learning={}", shown(each.match), shown(each.limits, each.unlimited),
                       shown(each.learning));
  return out;
}

inline std::string shown(const RuleSet& set) {
  std::string out = fmt::format("domain={} learning={}", set.domain, set.learning);
  for (const Rule& rule : set.rules) out += '\n' + shown(rule);
  return out;
}

/// The reader of Starling's own files must understand `set`, and take `text` without a warning unless it says
/// itself that something was lost.
inline void check_read_back(const std::string& text, const RuleSet& set) {
  CAPTURE(text);
  const auto config = parse_config(text, "native.yaml");
  if (!config) FAIL(config.error().front().to_string());
  CHECK(shown(config->rules) == shown(set));
  const bool odd = set.rules.empty() || text.find(": not carried over: ") != std::string::npos;
  if (!config->warnings.empty() && !odd) FAIL_CHECK(config->warnings.front().to_string());
}

/// Imports what has to be good, and reads it back.
inline Imported import_good(ImportFrom from, std::string_view text) {
  CAPTURE(text);
  auto imported = import_rules(from, text);
  if (!imported) FAIL(told("f", imported.error().front().place, imported.error().front().message));
  check_read_back(native_file(*imported, from, "f"), imported->rules);
  return std::move(*imported);
}

/// "3:5 message" of each error, or none.
inline std::vector<std::string> import_errors(ImportFrom from, std::string_view text) {
  std::vector<std::string> lines;
  const auto imported = import_rules(from, text);
  if (imported) return lines;
  for (const ImportError& error : imported.error())
    lines.push_back(fmt::format("{}:{} {}", error.place.line, error.place.column, error.message));
  return lines;
}

/// "3:5 not carried over: message" of each note.
inline std::vector<std::string> notes_of(const Imported& imported) {
  std::vector<std::string> lines;
  for (const ImportNote& note : imported.notes)
    lines.push_back(
        fmt::format("{}:{} {}: {}", note.place.line, note.place.column, name(note.kind), note.message));
  return lines;
}

/// Each line begins as expected, and there are no others.
inline void check_lines(const std::vector<std::string>& lines, const std::vector<std::string>& expected) {
  CAPTURE(fmt::format("{}", fmt::join(lines, "\n")));
  REQUIRE(lines.size() == expected.size());
  for (std::size_t i = 0; i < lines.size(); ++i) CHECK(lines[i].substr(0, expected[i].size()) == expected[i]);
}

inline bool loses_something(const Imported& imported) {
  return std::any_of(imported.notes.begin(), imported.notes.end(),
                     [](const ImportNote& note) { return note.kind == ImportNote::Kind::not_carried; });
}

}  // namespace starling
