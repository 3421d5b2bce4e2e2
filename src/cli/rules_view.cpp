#include "cli/rules_view.hpp"

#include <fmt/format.h>

#include <array>
#include <string_view>

#include "cli/live_view.hpp"

namespace starling::cli {
namespace {

using Rows = std::vector<std::vector<std::string>>;

std::string yes_or_no(const Json& value) {
  return value.is_boolean() ? (value == Json(true) ? "yes" : "no") : text_of(Json{{"v", value}}, "v");
}

void add_list(Rows& rows, const Json& rule, std::string_view key, std::string_view label) {
  for (const Json& item : member_of(rule, key))
    rows.push_back({"", std::string(label), text_of(item, "who"), text_of(item, "from")});
  if (const std::int64_t more = number_of(member_of(rule, "more"), key); more > 0)
    rows.push_back({"", std::string(label), fmt::format("and {} more", more), ""});
}

void add_overrides(Rows& rows, const Json& rule) {
  for (const Json& item : member_of(rule, "overrides")) {
    std::string value = fmt::format("{}:", match_text(member_of(item, "match")));
    if (item.contains("limits")) value += " " + limits_text(member_of(item, "limits"));
    if (item.contains("learning")) value += flag_of(item, "learning") ? " learns" : " enforces";
    rows.push_back({"", "override", value, text_of(item, "from")});
  }
  if (const std::int64_t more = number_of(member_of(rule, "more"), "overrides"); more > 0)
    rows.push_back({"", "override", fmt::format("and {} more", more), ""});
}

void add_rule(Rows& rows, const Json& rule, bool wide) {
  const std::string place = text_of(rule, "from");
  rows.push_back({text_of(rule, "name"), "match",
                  fmt::format("{}{}", match_text(member_of(rule, "match")),
                              flag_of(rule, "exact") ? "; no other keys" : ""),
                  place});
  const Json& limits = member_of(rule, "limits");
  rows.push_back({"", "limits", limits_text(member_of(limits, "value")), text_of(limits, "from")});
  const Json& learning = member_of(rule, "learning");
  rows.push_back({"", "learning", yes_or_no(member_of(learning, "value")), text_of(learning, "from")});
  for (const std::string_view key : {"algorithm", "admission", "when_isolated", "when_full"}) {
    const Json& choice = member_of(rule, key);
    if (wide || text_of(choice, "from") != "default")
      rows.push_back({"", std::string(key), text_of(choice, "value"), text_of(choice, "from")});
  }
  if (wide) rows.push_back({"", "domain", text_of(rule, "domain"), place});
  add_overrides(rows, rule);
  add_list(rows, rule, "enforcing", "enforcing");
  add_list(rows, rule, "ignoring", "ignoring");
  for (const Json& name : member_of(rule, "replaces"))
    rows.push_back({"", "replaces", text_of(Json{{"v", name}}, "v"), place});
}

std::string first_line(const Json& document) {
  const Json& learning = member_of(document, "learning");
  return fmt::format("domain {}; rules {} unless they say otherwise ({})\n", text_of(document, "domain"),
                     flag_of(learning, "value") ? "learn" : "enforce", text_of(learning, "from"));
}

/// Callers that a list or an override of the file treats otherwise, of a rule or of all rules.
void add_exceptions(std::vector<std::string>& lines, const Json& holder, const std::string& of,
                    bool learning) {
  const std::string_view list = learning ? "enforcing" : "ignoring";
  for (const Json& item : member_of(holder, list))
    lines.push_back(
        fmt::format("{}: {} is in its {} list ({})", of, text_of(item, "who"), list, text_of(item, "from")));
  if (const std::int64_t more = number_of(member_of(holder, "more"), list); more > 0)
    lines.push_back(fmt::format("{}: {} more in its {} list", of, more, list));
  for (const Json& item : member_of(holder, "overrides"))
    if (item.is_object() && item.contains("learning") && flag_of(item, "learning") != learning)
      lines.push_back(fmt::format("{}: {} by an override ({})", of, match_text(member_of(item, "match")),
                                  text_of(item, "from")));
}

}  // namespace

std::string limits_text(const Json& limits) {
  if (limits.is_string()) return printable(limits.get_ref<const std::string&>());
  std::string text;
  for (const Json& limit : limits)
    text += fmt::format("{}{} per {}", text.empty() ? "" : ", ", text_of(limit, "requests"),
                        text_of(limit, "per"));
  return text.empty() ? "-" : text;
}

std::string match_text(const Json& match) {
  std::string text;
  if (match.is_object())
    for (const auto& [key, value] : match.items())
      text += fmt::format("{}{}={}", text.empty() ? "" : ", ", printable(key),
                          value.is_string() ? printable(value.get_ref<const std::string&>()) : "?");
  return text.empty() ? "-" : text;
}

std::string render_rules(const Json& document, bool wide, const Paint& paint) {
  Rows rows;
  for (const Json& rule : member_of(document, "rules")) add_rule(rows, rule, wide);
  // A rule that only learns denies nobody, which is easily overlooked.
  const auto hue_of = [](std::size_t column, std::string_view cell) {
    return column == 2 && cell == "yes" ? Hue::warning : Hue::plain;
  };
  std::string out = first_line(document);
  Rows common;
  add_list(common, document, "enforcing", "enforcing");
  add_list(common, document, "ignoring", "ignoring");
  if (!common.empty()) common.front().front() = "(all rules)";
  rows.insert(rows.begin(), common.begin(), common.end());
  out += rows.empty() ? "no rules: nothing is limited\n"
                      : render_table({"RULE", "SETTING", "VALUE", "FROM"}, rows, paint, hue_of);
  const Json& more = member_of(document, "more");
  if (const std::int64_t rules = number_of(more, "rules"); rules > 0)
    out += fmt::format("and {} more rules; --rule NAME shows one\n", rules);
  const Json& orphans = member_of(document, "orphans");
  if (orphans.empty()) return out;
  out += "\nLive overrides of rules that are not here:\n" +
         render_overrides(Json{{"overrides", orphans}}, wide, paint);
  if (const std::int64_t left_out = number_of(more, "orphans"); left_out > 0)
    out += fmt::format("and {} more\n", left_out);
  return out;
}

std::string render_learning(const Json& document, const Paint& paint) {
  Rows rows;
  for (const Json& rule : member_of(document, "rules")) {
    const Json& learning = member_of(rule, "learning");
    rows.push_back(
        {text_of(rule, "name"), yes_or_no(member_of(learning, "value")), text_of(learning, "from")});
  }
  const auto hue_of = [](std::size_t column, std::string_view cell) {
    return column == 1 && cell == "yes" ? Hue::warning : Hue::plain;
  };
  std::string out = first_line(document) + render_table({"RULE", "LEARNS", "FROM"}, rows, paint, hue_of);
  if (const std::int64_t rules = number_of(member_of(document, "more"), "rules"); rules > 0)
    out += fmt::format("and {} more rules; --rule NAME shows one\n", rules);
  return out;
}

std::vector<std::string> against_learning(const Json& document, bool learning) {
  std::vector<std::string> lines;
  add_exceptions(lines, document, "all rules", learning);
  for (const Json& rule : member_of(document, "rules")) {
    const Json& own = member_of(rule, "learning");
    const std::string of = "rule " + text_of(rule, "name");
    if (own.is_object() && flag_of(own, "value") != learning)
      lines.push_back(fmt::format("{} ({})", of, text_of(own, "from")));
    else
      add_exceptions(lines, rule, of, learning);
  }
  if (const std::int64_t more = number_of(member_of(document, "more"), "rules"); more > 0)
    lines.push_back(fmt::format("perhaps some of {} more rules", more));
  return lines;
}

}  // namespace starling::cli
