#include "import/kong_limits.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "base/shown_text.hpp"
#include "counter/window.hpp"
#include "import/foreign_value.hpp"

namespace starling {
namespace {

struct Period {
  std::string_view name;
  std::uint32_t seconds;
};
constexpr std::array<Period, 6> periods{{{"second", 1},
                                         {"minute", 60},
                                         {"hour", 3600},
                                         {"day", 86'400},
                                         {"month", 30 * 86'400},
                                         {"year", 365 * 86'400}}};

/// How nodes share counts there: here they do it by themselves.
constexpr std::array<std::string_view, 8> sharing{"policy",
                                                  "fault_tolerant",
                                                  "sync_rate",
                                                  "redis",
                                                  "strategy",
                                                  "dictionary_name",
                                                  "lock_dictionary_name",
                                                  "retry_after_jitter_max"};
/// How a denial looks: the gateway's business, or that of the node's settings.
constexpr std::array<std::string_view, 3> answering{"hide_client_headers", "error_code", "error_message"};

class LimitsReader {
 public:
  LimitsReader(const KongPlugin& plugin, ImportReport& report) : plugin_(plugin), report_(report) {}

  std::optional<KongLimits> read();

 private:
  bool read_basic(const ForeignEntry& entry);
  bool read_advanced(const ForeignEntry& entry);
  void read_by(const ForeignNode& value, std::string_view what);
  void pair_windows();
  void add(Limit limit, Place place);
  void tell_ignored();
  void expected(const ForeignNode& node, std::string_view what, std::string_view wanted) {
    report_.error(node.place, fmt::format("config: {}: expected {}, found {}", what, wanted, node.found()));
  }

  const KongPlugin& plugin_;
  ImportReport& report_;
  KongLimits limits_;
  std::vector<const ForeignNode*> numbers_;  ///< of the advanced plugin: `limit`
  std::vector<const ForeignNode*> windows_;  ///< and `window_size`
  bool says_limits_ = false;
  std::vector<std::string> sharing_;
  std::vector<std::string> answering_;
};

void LimitsReader::add(Limit limit, Place place) {
  const auto same = std::find_if(limits_.limits.begin(), limits_.limits.end(),
                                 [&](const Limit& other) { return other.window_s == limit.window_s; });
  if (same == limits_.limits.end()) return limits_.limits.push_back(limit);
  same->requests = std::min(same->requests, limit.requests);
  report_.remark(place, "two limits with the same window; the smaller one is kept, for it decides");
}

void LimitsReader::read_by(const ForeignNode& value, std::string_view what) {
  constexpr std::array<std::string_view, 7> known{"consumer", "credential",    "ip", "service", "header",
                                                  "path",     "consumer-group"};
  if (!value.is_text() || std::find(known.begin(), known.end(), value.text) == known.end())
    return expected(value, what, fmt::format("one of {}", fmt::join(known, ", ")));
  limits_.by = value.text;
}

bool LimitsReader::read_basic(const ForeignEntry& entry) {
  const auto period =
      std::find_if(periods.begin(), periods.end(), [&](const Period& p) { return p.name == entry.key; });
  if (period != periods.end()) {
    says_limits_ = true;
    if (const auto number = read_foreign_number_up(entry.value, entry.key, limit_requests_max, report_))
      add(Limit{.requests = *number, .window_s = period->seconds}, entry.place);
    if (period->name == "month" || period->name == "year")
      report_.remark(entry.place, fmt::format("{}: Kong goes by the calendar; here it is {} days",
                                              period->name, period->seconds / 86'400));
    return true;
  }
  if (entry.key != "limit_by") return false;
  read_by(entry.value, "limit_by");
  return true;
}

bool LimitsReader::read_advanced(const ForeignEntry& entry) {
  const auto flat = [](const ForeignNode& node) {
    std::vector<const ForeignNode*> out;
    if (!node.is_list()) out.push_back(&node);
    for (const ForeignNode& item : node.items) out.push_back(&item);
    return out;
  };
  if (entry.key == "limit") {
    numbers_ = flat(entry.value);
    says_limits_ = !numbers_.empty();
  } else if (entry.key == "window_size") {
    windows_ = flat(entry.value);
  } else if (entry.key == "identifier") {
    read_by(entry.value, "identifier");
  } else if (entry.key == "window_type") {
    if (entry.value.text != "sliding" && entry.value.text != "fixed")
      expected(entry.value, "window_type", "fixed or sliding");
    limits_.algorithm = entry.value.text == "fixed" ? Algorithm::fixed_window : Algorithm::sliding_window;
  } else if (entry.key == "disable_penalty") {
    report_.remark(entry.place, "disable_penalty: here a denied request is never counted");
  } else if (entry.key == "namespace") {
    report_.not_carried(entry.place,
                        "namespace: rules do not share counters, so plugins with the same namespace count "
                        "apart");
  } else {
    return false;
  }
  return true;
}

void LimitsReader::pair_windows() {
  if (numbers_.size() != windows_.size())
    return report_.error(plugin_.config->place,
                         fmt::format("config: expected as many `limit` as `window_size`, found {} and {}",
                                     numbers_.size(), windows_.size()));
  for (std::size_t i = 0; i < numbers_.size(); ++i) {
    const auto number = read_foreign_number_up(*numbers_[i], "limit", limit_requests_max, report_);
    const auto window = read_foreign_number(*windows_[i], "window_size", window_s_max, report_);
    if (window && *window < window_s_min) expected(*windows_[i], "window_size", "at least 1 second");
    if (number && window && *window >= window_s_min)
      add(Limit{.requests = *number, .window_s = static_cast<std::uint32_t>(*window)}, numbers_[i]->place);
  }
}

void LimitsReader::tell_ignored() {
  if (!sharing_.empty())
    report_.remark(
        plugin_.config->place,
        fmt::format("{}: not needed, the nodes share their counts by themselves", fmt::join(sharing_, ", ")));
  if (!answering_.empty())
    report_.remark(
        plugin_.config->place,
        fmt::format("{}: how a denial looks is a matter of the node and the gateway, not of a rule",
                    fmt::join(answering_, ", ")));
}

std::optional<KongLimits> LimitsReader::read() {
  const bool advanced = plugin_.kind == KongPlugin::Kind::rate_limiting_advanced;
  if (advanced) limits_.algorithm = Algorithm::sliding_window;
  for (const ForeignEntry& entry : plugin_.config->entries) {
    if (entry.value.is_nothing()) continue;  // as Kong's own exports write what is not set
    const auto is_key = [&](std::string_view key) { return key == entry.key; };
    if (advanced ? read_advanced(entry) : read_basic(entry)) continue;
    if (entry.key == "header_name" || entry.key == "path") {
      if (!entry.value.is_text()) expected(entry.value, entry.key, "a text");
      (entry.key == "path" ? limits_.path : limits_.header_name) = entry.value.text;
    } else if (std::any_of(sharing.begin(), sharing.end(), is_key) || entry.key.starts_with("redis_")) {
      sharing_.push_back(entry.key);
    } else if (std::any_of(answering.begin(), answering.end(), is_key)) {
      answering_.push_back(entry.key);
    } else {
      report_.not_carried(entry.place, fmt::format("config: {} has no counterpart", quoted(entry.key)));
    }
  }
  if (advanced && says_limits_) pair_windows();
  tell_ignored();
  if (!says_limits_) report_.error(plugin_.config->place, "config: expected at least one limit, found none");
  if (limits_.limits.empty()) return std::nullopt;
  return std::move(limits_);
}

}  // namespace

std::optional<KongLimits> read_kong_limits(const KongPlugin& plugin, ImportReport& report) {
  return LimitsReader(plugin, report).read();
}

}  // namespace starling
