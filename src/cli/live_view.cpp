#include "cli/live_view.hpp"

#include <fmt/format.h>

#include <vector>

#include "cli/rules_view.hpp"

namespace starling::cli {
namespace {

std::string who_of(const Json& entry) {
  const std::string principal = text_of(entry, "principal", "");
  return principal.empty() ? match_text(member_of(entry, "match")) : principal;
}

std::string rule_of(const Json& entry) {
  const std::string rule = text_of(entry, "rule", "");
  return rule.empty() ? "(all rules)" : rule;
}

std::string limits_of(const Json& entry) {
  return flag_of(entry, "unlimited") ? "unlimited" : limits_text(member_of(entry, "limits"));
}

std::string value_of(const Json& entry) {
  const std::string kind = text_of(entry, "kind");
  if (kind == "limits") return limits_of(entry);
  if (kind == "learning") return flag_of(entry, "learning") ? "on" : "off";
  return "-";
}

}  // namespace

Json select_overrides(const Json& document, std::string_view kind, std::string_view rule) {
  Json chosen = Json::array();
  for (const Json& entry : member_of(document, "overrides")) {
    if (!kind.empty() && member_of(entry, "kind") != Json(kind)) continue;
    if (!rule.empty() && member_of(entry, "rule") != Json(rule)) continue;
    chosen.push_back(entry);
  }
  return {{"overrides", std::move(chosen)}};
}

std::string render_overrides(const Json& document, bool wide, const Paint& paint) {
  std::vector<std::string> header{"RULE", "KIND", "WHO", "VALUE", "EXPIRES", "SET BY", "APPLIES"};
  if (wide) header.insert(header.begin() + 6, {"SET ON", "SET AT"});
  std::vector<std::vector<std::string>> rows;
  for (const Json& entry : member_of(document, "overrides")) {
    const std::string note = text_of(entry, "note", "");
    std::vector<std::string> row{
        rule_of(entry),
        text_of(entry, "kind"),
        who_of(entry),
        value_of(entry),
        text_of(entry, "expires_at", "never"),
        text_of(entry, "set_by"),
        fmt::format("{}{}{}", flag_of(entry, "applies") ? "yes" : "no", note.empty() ? "" : ": ", note)};
    if (wide) row.insert(row.begin() + 6, {text_of(entry, "set_on"), text_of(entry, "set_at")});
    rows.push_back(std::move(row));
  }
  if (rows.empty()) return "no live overrides\n";
  const auto hue_of = [last = header.size() - 1](std::size_t column, std::string_view cell) {
    return column == last && cell.starts_with("no") ? Hue::warning : Hue::plain;
  };
  return render_table(header, rows, paint, hue_of);
}

std::string what_holds(const Json& entry, std::string_view expires) {
  const std::string kind = text_of(entry, "kind");
  const std::string rule = text_of(entry, "rule", "");
  const std::string rules = rule.empty() ? "all rules" : "rule " + rule;
  const bool plural = rule.empty();
  const std::string who = who_of(entry);
  std::string line;
  if (kind == "limits") {
    line = fmt::format("{} allows {} {}", rules, who == "-" ? "each caller" : who, limits_of(entry));
  } else if (kind == "learning") {
    const bool learning = flag_of(entry, "learning");
    line = learning ? fmt::format("{} {} and {} nobody", rules, plural ? "learn" : "learns",
                                  plural ? "deny" : "denies")
           : plural ? "rules enforce unless their file says that they learn"
                    : fmt::format("{} enforces", rules);
  } else if (kind == "enforcing") {
    line = fmt::format("{} {} {}, even while learning", rules, plural ? "hold" : "holds", who);
  } else {
    line = fmt::format("{} {} {}", rules, plural ? "never deny" : "never denies", who);
  }
  const std::string until = text_of(entry, "expires_at", "");
  if (until.empty()) return line + ", until it is taken back";
  if (expires.empty()) return fmt::format("{}, until {}", line, until);
  return fmt::format("{}, for {} (until {})", line, printable(expires), until);
}

}  // namespace starling::cli
