#include "http/overrides_api.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <utility>

#include "base/shown_text.hpp"
#include "http/admin_json.hpp"
#include "http/live_document.hpp"
#include "http/live_json.hpp"

namespace starling::http {
namespace {

bool writes(std::string_view method) {
  return method == "PUT" || method == "DELETE";
}

/// Parameters of a media type ("; charset=utf-8") do not matter.
bool is_json(const RequestView& request) {
  const Header* type = request.find("content-type");
  if (type == nullptr) return false;
  std::string_view media = type->value.substr(0, type->value.find(';'));
  while (media.ends_with(' ') || media.ends_with('\t')) media.remove_suffix(1);
  return equals_ignoring_case(media, "application/json");
}

/// How many of the list the client has already.
tl::expected<std::size_t, std::string> offset_of(const CheckQuery& query) {
  std::size_t offset = 0;
  for (const Entry& entry : query.entries) {
    const char* const last = entry.value.data() + entry.value.size();
    const auto [end, error] = std::from_chars(entry.value.data(), last, offset);
    if (entry.key != "offset" || query.entries.size() > 1 || error != std::errc{} || end != last)
      return tl::unexpected(fmt::format("expected no parameter but one offset=NUMBER, found {}",
                                        starling::quoted(fmt::format("{}={}", entry.key, entry.value))));
  }
  return offset;
}

}  // namespace

std::size_t OverridesApi::body_bytes_max(const RequestView& request) const {
  const bool wanted = writes(request.method) && !access_.refusal(request) && is_json(request);
  return wanted ? live_body_bytes_max : 0;
}

void OverridesApi::on_request(const RequestView& request, Response& response) {
  if (request.method == "GET" || request.method == "HEAD") return list(request, response);
  if (!writes(request.method)) {
    response.set_message(405, "expected GET, HEAD, PUT or DELETE")
        .add_header("Allow", "GET, HEAD, PUT, DELETE");
    return;
  }
  if (!may_write(request, response)) return;
  request.method == "PUT" ? set(request, response) : clear(request, response);
}

bool OverridesApi::may_write(const RequestView& request, Response& response) const {
  if (const auto refusal = access_.refusal(request)) {
    response.set_message(403, *refusal);
    return false;
  }
  if (!is_json(request)) {
    const Header* type = request.find("content-type");
    response.set_message(415, fmt::format("expected Content-Type: application/json, found {}",
                                          type == nullptr ? "none" : starling::quoted(type->value)));
    return false;
  }
  if (request.body.size() > live_body_bytes_max) {
    response.set_message(413, fmt::format("expected a body of at most {} bytes, found {}",
                                          live_body_bytes_max, request.body.size()));
    return false;
  }
  return true;
}

void OverridesApi::list(const RequestView& request, Response& response) {
  const auto query = parse_check_query(request.query, scratch_);
  const auto offset = query ? offset_of(*query) : tl::unexpected(query.error());
  if (!offset) {
    response.set_message(400, offset.error());
    return;
  }
  const std::vector<LiveView> live = service_.live_overrides();
  const NodeStatus status = service_.status();
  const LiveReach reach(*status.rules, live);
  const std::size_t begin = std::min(*offset, live.size());
  const std::size_t end = begin + std::min(overrides_listed_max, live.size() - begin);
  Json overrides = Json::array();
  for (std::size_t i = begin; i < end; ++i) overrides.push_back(live_entry_document(live[i], reach));
  Json document = {{"overrides", std::move(overrides)}};
  if (end < live.size()) document["more"] = live.size() - end;
  set_document(response, document);
}

void OverridesApi::set(const RequestView& request, Response& response) {
  const auto change = parse_live_change(request.body);
  if (!change) {
    response.set_message(400, change.error());
    return;
  }
  const auto view = service_.set_live(*change);
  if (!view) {
    response.set_message(400, view.error());
    return;
  }
  std::vector<LiveView> others;
  if (LiveReach::depends_on_others(view->what)) others = service_.live_overrides();
  const auto rules = service_.rules();
  set_document(response, live_entry_document(*view, LiveReach(*rules, others)));
}

void OverridesApi::clear(const RequestView& request, Response& response) {
  const auto subject = parse_live_subject(request.body);
  if (!subject) {
    response.set_message(400, subject.error());
    return;
  }
  if (!service_.clear_live(subject->what, subject->set_by)) {
    response.set_message(404,
                         "there is no override about that; `starling override list` shows what there is");
    return;
  }
  set_document(response, {{"deleted", true}});
}

}  // namespace starling::http
