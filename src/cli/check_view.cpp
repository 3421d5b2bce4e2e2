#include "cli/check_view.hpp"

#include <fmt/format.h>

#include <map>
#include <optional>
#include <vector>

#include "limiter/duration_text.hpp"

namespace starling::cli {
namespace {

bool is_enforced(const Json& limit) {
  return !limit.contains("enforced") || flag_of(limit, "enforced");
}

/// What a limit says of the request, and why. A node of an earlier version gives no reason.
std::string verdict_of(const Json& limit) {
  if (!limit.is_object()) return "-";
  const std::string_view contradiction =
      flag_of(limit, "contradiction") ? "; the caller is in enforcing and in ignoring, so it only learns"
                                      : "";
  if (flag_of(limit, "allowed")) {
    const bool uncounted = limit.contains("counted") && !flag_of(limit, "counted");
    return fmt::format("allows{}{}", uncounted ? ", not counted: table full" : "", contradiction);
  }
  const std::string reason = text_of(limit, "denial");
  std::string verdict = is_enforced(limit) ? "denies" : "would deny, but only learns";
  if (reason == "share") verdict += ": this part of a divided cluster has used its share";
  if (reason == "held_back") verdict += ": held back until peers know what this node has spent";
  if (reason == "isolated") verdict += ": no peer can be reached";
  if (reason == "full") verdict += ": no room for its counter";
  return fmt::format("{}{}", verdict, contradiction);
}

/// The limit a client should look at: of those that deny the one with the longest wait, else the one with the
/// least left. Nothing if none can.
std::optional<std::size_t> deciding(const Json& limits, bool allowed) {
  std::optional<std::size_t> found;
  for (std::size_t i = 0; i < limits.size(); ++i) {
    const Json& limit = limits[i];
    if (!limit.is_object() || flag_of(limit, "unlimited")) continue;
    if (!allowed && (flag_of(limit, "allowed") || !is_enforced(limit))) continue;
    const std::string_view key = allowed ? "remaining" : "reset_ms";
    const bool better = !found || (allowed ? number_of(limit, key) < number_of(limits[*found], key)
                                           : number_of(limit, key) > number_of(limits[*found], key));
    if (better) found = i;
  }
  return found;
}

std::string source_of(const Json& limit) {
  std::string source = text_of(limit, "source");
  if (source == "rule") return "the rule";
  if (source == "override") return "an override in the file";
  if (source == "live") return "a live override";
  if (source == "request") return "the request";
  return source;
}

std::string window_text(const Json& limit) {
  const std::int64_t seconds = number_of(limit, "window_s");
  constexpr std::int64_t seconds_max = 1'000'000'000'000;
  if (seconds <= 0 || seconds > seconds_max) return text_of(limit, "window_s") + "s";
  return format_duration(std::chrono::seconds(seconds));
}

std::string limit_text(const Json& limit) {
  if (flag_of(limit, "unlimited")) return "unlimited";
  return fmt::format("{} per {}", text_of(limit, "limit"), window_text(limit));
}

std::string verdict_line(const Json& document, const Paint& paint) {
  const bool allowed = flag_of(document, "allowed");
  std::string line =
      fmt::format("{} by {}", paint(allowed ? Hue::good : Hue::bad, allowed ? "allowed" : "denied"),
                  text_of(document, "node"));
  if (flag_of(document, "failed"))
    line += ", which could not decide";
  else if (flag_of(document, "learned"))
    line += ", only because what would deny it learns";
  if (flag_of(document, "truncated")) line += "; more limits apply than are looked at";
  return line + "\n";
}

std::string render_shares(const Json& shares) {
  std::vector<std::vector<std::string>> rows;
  for (const Json& share : shares) {
    const std::int64_t total = number_of(share, "total");
    const std::int64_t hits = number_of(share, "hits");
    rows.push_back({text_of(share, "rule"), limit_text(share), text_of(share, "node"), text_of(share, "hits"),
                    total <= 0 ? "-"
                               : fmt::format("{:.1f} %", 100.0 * static_cast<double>(hits) /
                                                             static_cast<double>(total))});
  }
  if (rows.empty()) return "\nnobody has counted anything of this request in its windows yet\n";
  return "\n" + render_table({"RULE", "LIMIT", "COUNTED BY", "HITS", "SHARE"}, rows);
}

}  // namespace

std::string render_check(const Json& document, bool wide, const Paint& paint) {
  const Json& limits = member_of(document, "limits");
  const bool allowed = flag_of(document, "allowed");
  const std::optional<std::size_t> decides = limits.is_array() ? deciding(limits, allowed) : std::nullopt;
  std::vector<std::string> header{"", "RULE", "LIMIT", "USED", "REMAINING", "RESET", "VERDICT"};
  if (wide) header.insert(header.end() - 1, {"HITS", "FROM"});
  std::vector<std::vector<std::string>> rows;
  std::size_t index = 0;
  for (const Json& limit : limits) {
    const bool unlimited = flag_of(limit, "unlimited");
    std::vector<std::string> row{decides == index++ ? ">" : "",
                                 text_of(limit, "rule"),
                                 limit_text(limit),
                                 unlimited ? "-" : text_of(limit, "used"),
                                 unlimited ? "-" : text_of(limit, "remaining"),
                                 unlimited ? "-" : render_age(number_of(limit, "reset_ms")),
                                 verdict_of(limit)};
    if (wide) row.insert(row.end() - 1, {text_of(limit, "hits"), source_of(limit)});
    rows.push_back(std::move(row));
  }
  std::string out = verdict_line(document, paint);
  if (rows.empty()) return out + "no rule matches this request\n";
  const auto hue_of = [last = header.size() - 1](std::size_t column, std::string_view cell) {
    if (column != last) return Hue::plain;
    return cell.starts_with("denies") ? Hue::bad : cell.starts_with("would deny") ? Hue::warning : Hue::plain;
  };
  out += render_table(header, rows, paint, hue_of);
  if (rows.size() > 1 && decides)
    out +=
        allowed ? "> has the least left\n" : "> decides: of those that deny the one with the longest wait\n";
  if (wide && document.contains("shares")) out += render_shares(member_of(document, "shares"));
  return out;
}

Json shares_of(const Json& counters, const Json& peers) {
  std::map<std::string, std::string> names;
  for (const Json& peer : member_of(peers, "peers"))
    names.emplace(text_of(peer, "origin"), text_of(peer, "name"));
  names[text_of(counters, "origin")] = text_of(peers, "node");
  Json shares = Json::array();
  for (const Json& counter : member_of(counters, "counters")) {
    for (const Json& component : member_of(counter, "components")) {
      const std::string origin = text_of(component, "origin");
      const auto name = names.find(origin);
      shares.push_back({{"rule", text_of(counter, "rule")},
                        {"limit", member_of(counter, "limit")},
                        {"window_s", member_of(counter, "window_s")},
                        {"total", member_of(counter, "total")},
                        {"node", name != names.end() ? name->second : "a node gone, origin " + origin},
                        {"hits", member_of(component, "hits")}});
    }
  }
  return shares;
}

}  // namespace starling::cli
