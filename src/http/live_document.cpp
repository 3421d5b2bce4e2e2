#include "http/live_document.hpp"

#include <fmt/format.h>

#include <ctime>

#include "limiter/duration_text.hpp"

namespace starling::http {

std::string time_text(WallTime time) {
  const auto seconds = static_cast<std::time_t>(ms_since_epoch(time) / 1000);
  std::tm parts{};
  if (gmtime_r(&seconds, &parts) == nullptr) return {};  // a year beyond what `int` holds
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z", parts.tm_year + 1900LL, parts.tm_mon + 1,
                     parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec);
}

Json limits_document(const std::vector<Limit>& limits) {
  Json list = Json::array();
  for (const Limit& limit : limits)
    list.push_back(
        {{"requests", limit.requests}, {"per", format_duration(std::chrono::seconds(limit.window_s))}});
  return list;
}

Json match_document(const std::vector<Matcher>& match) {
  Json map = Json::object();
  for (const Matcher& matcher : match) map[matcher.key] = matcher.to_string();
  return map;
}

std::string story_of(const LiveView& view) {
  std::string story = "override";
  if (!view.set_by.empty()) story += " by " + view.set_by;
  if (!view.set_on.empty()) story += " on " + view.set_on;
  story += " at " + time_text(view.set_at);
  if (view.expires_at) story += ", expires " + time_text(*view.expires_at);
  return story;
}

Json live_entry_document(const LiveView& view, const LiveReach& reach) {
  const LiveOverride& what = view.what;
  const std::string obstacle = reach.obstacle(what);
  return {{"kind", name(what.kind)},
          {"rule", what.rule},
          {"match", match_document(what.match)},
          {"principal", what.principal},
          {"limits", limits_document(what.limits)},
          {"unlimited", what.unlimited},
          {"learning", what.learning},
          {"set_by", view.set_by},
          {"set_on", view.set_on},
          {"set_at", time_text(view.set_at)},
          {"expires_at", view.expires_at ? Json(time_text(*view.expires_at)) : Json(nullptr)},
          {"applies", obstacle.empty()},
          {"note", obstacle.empty() ? reach.contradiction(what) : obstacle}};
}

}  // namespace starling::http
