#include "cli/top_view.hpp"

#include <fmt/format.h>

#include <charconv>
#include <cmath>

#include "limiter/duration_text.hpp"

namespace starling::cli {
namespace {

/// Longer ones are whole in the other formats.
constexpr std::size_t principal_columns_max = 60;

std::string principal_of(const Json& row, bool wide) {
  const Json& principal = member_of(row, "principal");
  if (!principal.is_string()) return "#" + text_of(row, "key");
  std::string text = principal.get<std::string>();
  if (text.empty()) return "(all)";
  if (wide) return text;
  text = printable(text);
  return columns_of(text) <= principal_columns_max ? text
                                                   : cut_to_columns(text, principal_columns_max) + "...";
}

std::string rule_of(const Json& row) {
  return member_of(row, "rule") == Json("") ? "(request)" : text_of(row, "rule");
}

std::string limit_of(const Json& row) {
  const std::string window = format_duration(std::chrono::seconds(number_of(row, "window_s") & 0xFFFF'FFFF));
  return fmt::format("{}/{}", text_of(row, "limit"), window);
}

std::string usage_of(const Json& row) {
  const Json& usage = member_of(row, "usage");
  if (!usage.is_number()) return "-";
  const double percent = 100 * usage.get<double>();
  return percent < 1e9 ? fmt::format("{:.0f}%", std::floor(percent)) : "-";
}

constexpr std::size_t usage_column = 4;

/// At its limit, or near it.
Hue hue_of_usage(std::string_view usage) {
  constexpr int near_percent = 80;
  int percent = 0;
  std::from_chars(usage.data(), usage.data() + usage.size(),
                  percent);  // one too large for it is beyond anyway
  const bool is_huge = usage.size() > 5;
  return is_huge || percent >= 100 ? Hue::bad : percent >= near_percent ? Hue::warning : Hue::plain;
}

std::string shares_of(const Json& row) {
  std::string out;
  const Json& shares = member_of(row, "shares");
  for (const Json& share : shares)
    out += fmt::format("{}{} {}", out.empty() ? "" : ", ", text_of(share, "node", text_of(share, "origin")),
                       text_of(share, "hits"));
  const std::int64_t more = number_of(row, "nodes") - static_cast<std::int64_t>(shares.size());
  if (more > 0) out += fmt::format(" and {} more", more);
  return out.empty() ? "-" : out;
}

}  // namespace

std::string render_top(const Json& document, bool wide, const Paint& paint) {
  std::vector<std::string> header{"PRINCIPAL", "RULE", "LIMIT", "USED", "USAGE", "DENIED(HERE)"};
  if (wide) header.insert(header.end(), {"LEARNED(HERE)", "KEY", "SHARES"});
  std::vector<std::vector<std::string>> rows;
  for (const Json& row : member_of(document, "rows")) {
    std::vector<std::string> cells{principal_of(row, wide), rule_of(row),  limit_of(row),
                                   text_of(row, "used"),    usage_of(row), text_of(row, "denied_here")};
    if (wide) cells.insert(cells.end(), {text_of(row, "learned_here"), text_of(row, "key"), shares_of(row)});
    rows.push_back(std::move(cells));
  }
  const std::string by = text_of(document, "by");
  const std::string node = text_of(document, "node");
  const auto hue_of = [](std::size_t column, std::string_view cell) {
    return column == usage_column ? hue_of_usage(cell) : Hue::plain;
  };
  std::string out = render_table(header, rows, paint, hue_of);
  out += fmt::format("the hottest {} of {} by {}, as {} sees the current windows\n", rows.size(),
                     text_of(document, "scanned"), by, node);
  const std::int64_t unnamed = number_of(document, "unnamed");
  if (!flag_of(document, "complete"))
    out += "the table is large and still being read: ask again, or --watch\n";
  if (unnamed > 0)
    out += fmt::format("{} without a name: only nodes that are gone, or have not answered yet, know it\n",
                       unnamed);
  return out;
}

}  // namespace starling::cli
