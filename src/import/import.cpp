#include "import/import.hpp"

#include <fmt/format.h>

#include <map>
#include <optional>
#include <set>
#include <utility>

#include "base/shown_text.hpp"
#include "import/envoy.hpp"
#include "import/foreign_value.hpp"
#include "import/foreign_yaml.hpp"
#include "import/kong.hpp"
#include "import/native_text.hpp"
#include "import/spinnaker.hpp"
#include "limiter/replacement_check.hpp"

namespace starling {
namespace {

std::optional<Imported> read(ImportFrom from, const std::vector<ForeignNode>& documents,
                             ImportReport& report) {
  switch (from) {
    case ImportFrom::spinnaker:
      return import_spinnaker(documents, report);
    case ImportFrom::kong:
      return import_kong(documents, report);
    case ImportFrom::envoy:
      break;
  }
  for (std::size_t i = 1; i < documents.size(); ++i)
    report.not_carried(
        documents[i].place,
        "a further YAML document: Envoy's service reads only the first; put it into a file of its own");
  return import_envoy(documents.front(), report);
}

/// What the rules file takes. A rule beyond these is nobody's mistake in particular, so the error has no
/// place.
void check_bounds(const RuleSet& set, ImportReport& report) {
  const auto check = [&](std::string_view of, std::string_view what, std::size_t found, std::size_t max) {
    if (found > max)
      report.error(Place{},
                   fmt::format("{}: expected at most {} {}, found {}; split the file", of, max, what, found));
  };
  check("the file", "rules", set.rules.size(), rules_max);
  for (const Rule& rule : set.rules) {
    const std::string of = fmt::format("the rule {}", quoted(rule.name));
    check(of, "keys in `match`", rule.match.size(), match_keys_max);
    check(of, "limits", rule.limits.size(), limits_per_rule_max);
    check(of, "overrides", rule.overrides.size(), overrides_per_rule_max);
    check(of, "callers in `enforcing`", rule.enforcing.size(), callers_per_list_max);
    check(of, "callers in `ignoring`", rule.ignoring.size(), callers_per_list_max);
  }
}

/// The same for texts: a longer one is refused by the rules file, so it is here.
void check_texts(const RuleSet& set, ImportReport& report) {
  for (const Rule& rule : set.rules) {
    const auto check = [&](std::string_view what, std::string_view text, std::size_t bytes_max) {
      if (text.size() > bytes_max)
        report.error(Place{},
                     fmt::format("the rule {}: expected {} of at most {} bytes, found one of {}, {}; "
                                 "shorten it or leave it out",
                                 quoted(rule.name), what, bytes_max, text.size(), quoted(text)));
    };
    const auto check_values = [&](const std::vector<Matcher>& match) {
      for (const Matcher& matcher : match)
        check("a value to match", matcher.to_string(), foreign_value_bytes_max);
    };
    check_values(rule.match);
    for (const Override& exception : rule.overrides) check_values(exception.match);
    for (const auto* callers : {&rule.enforcing, &rule.ignoring})
      for (const Caller& caller : *callers) {
        check("a caller", caller.principal, foreign_name_bytes_max);
        check_values(caller.match);
      }
  }
}

/// Rules that replace each other would never apply, so the rules file refuses that: opens each such circle.
void open_circles(RuleSet& set, ImportReport& report) {
  std::vector<const Rule*> rules;
  for (const Rule& rule : set.rules) rules.push_back(&rule);
  std::map<std::string_view, std::set<std::string>> closing;
  for (const ReplacementCircle& circle : replacement_circles(rules)) {
    const std::string& replaced = circle.rule->replaces[circle.replaces_index];
    closing[circle.rule->name].insert(replaced);
    report.not_carried(
        Place{}, fmt::format("that {} replaces {}: they replace each other, by way of others or not, and "
                             "neither would apply",
                             quoted(circle.rule->name), quoted(replaced)));
  }
  for (Rule& rule : set.rules)
    if (const auto drop = closing.find(rule.name); drop != closing.end())
      std::erase_if(rule.replaces,
                    [&](const std::string& replaced) { return drop->second.contains(replaced); });
}

}  // namespace

tl::expected<Imported, std::vector<ImportError>> import_rules(ImportFrom from, std::string_view text) {
  const auto documents = read_foreign_yaml(text);
  if (!documents) return tl::unexpected(std::vector<ImportError>{documents.error()});
  ImportReport report;
  std::optional<Imported> imported = read(from, *documents, report);
  if (imported) check_bounds(imported->rules, report);
  if (imported) check_texts(imported->rules, report);
  if (imported && !report.has_errors()) open_circles(imported->rules, report);
  if (report.has_errors() || !imported) return tl::unexpected(report.take_errors());
  imported->notes = report.take_notes();
  return std::move(*imported);
}

std::string told(std::string_view file, Place place, std::string_view message) {
  if (place.line <= 0) return fmt::format("{}: {}", file, message);
  return fmt::format("{}:{}:{}: {}", file, place.line, place.column, message);
}

std::string native_file(const Imported& imported, ImportFrom from, std::string_view file) {
  std::vector<std::string> comments{fmt::format("Made by `starling config import --from {}` from {}.",
                                                import_from_names[static_cast<std::size_t>(from)],
                                                shown(file))};
  comments.insert(comments.end(), imported.explanation.begin(), imported.explanation.end());
  if (!imported.notes.empty()) comments.emplace_back();
  for (const ImportNote& note : imported.notes)
    comments.push_back(told(shown(file), note.place, fmt::format("{}: {}", name(note.kind), note.message)));
  return write_rules(imported.rules, comments);
}

}  // namespace starling
