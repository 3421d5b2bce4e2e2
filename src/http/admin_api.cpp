#include "http/admin_api.hpp"

#include <fmt/format.h>

#include <string>
#include <utility>

#include "base/shown_text.hpp"
#include "http/admin_json.hpp"
#include "http/rules_json.hpp"
#include "http/top_json.hpp"
#include "node/loop.hpp"

namespace starling::http {
namespace {

bool only_reads(std::string_view method) {
  return method == "GET" || method == "HEAD";
}

}  // namespace

AdminApi::AdminApi(AdminService& service, CheckApi& check, WriteAccess access, PageApi::Clock clock)
    : service_(service),
      check_(check),
      access_(std::move(access)),
      overrides_(service, access_),
      page_(service, clock),
      clock_(clock ? std::move(clock) : PageApi::Clock(&Loop::now)) {}

std::size_t AdminApi::body_bytes_max(const RequestView& request) const {
  return request.path == "/v1/overrides" ? overrides_.body_bytes_max(request) : 0;
}

void AdminApi::on_request(const RequestView& request, Response& response) {
  if (CheckApi::serves(request.path)) return check_.on_question_by_hand(request, response);
  if (request.path == "/v1/overrides") return overrides_.on_request(request, response);
  const bool known = PageApi::serves(request.path) || request.path == "/livez" || request.path == "/readyz" ||
                     request.path == "/metrics" || request.path == "/v1/peers" ||
                     request.path == "/v1/status" || request.path == "/v1/rules" ||
                     request.path == "/v1/counters" || request.path == "/v1/top";
  if (!known) {
    response.set_message(404,
                         "expected / (a page for people), /livez, /readyz, /metrics, /v1/peers, /v1/status, "
                         "/v1/rules, /v1/overrides, "
                         "/v1/counters, /v1/top or /v1/check");
    return;
  }
  if (!only_reads(request.method)) {
    response.set_message(405, "expected GET or HEAD").add_header("Allow", "GET, HEAD");
    return;
  }
  if (PageApi::serves(request.path)) return page_.on_request(request, response);
  if (request.path == "/livez") {
    response.set_text("ok\n");
  } else if (request.path == "/readyz") {
    answer_ready(response);
  } else if (request.path == "/metrics") {
    answer_metrics(response);
  } else if (request.path == "/v1/peers") {
    answer_peers(response);
  } else if (request.path == "/v1/status") {
    answer_status(response);
  } else if (request.path == "/v1/rules") {
    answer_rules(request, response);
  } else if (request.path == "/v1/top") {
    answer_top(request, response);
  } else {
    answer_counters(request, response);
  }
}

void AdminApi::answer_ready(Response& response) const {
  const NodeStatus status = service_.status();
  if (!status.ready()) response.set_status(503);
  set_document(
      response,
      {{"ready", status.ready()}, {"state", name(status.state)}, {"reason", not_ready_reason(status)}});
}

void AdminApi::answer_metrics(Response& response) {
  const Instant now = clock_();
  if (now >= metrics_.until) {
    metrics_.text = service_.metrics();
    metrics_.until = now + metrics_kept_per_byte * static_cast<std::int64_t>(metrics_.text.size());
  }
  response.body() = metrics_.text;
  response.add_header("Content-Type", "text/plain; version=0.0.4; charset=utf-8");
}

void AdminApi::answer_peers(Response& response) const {
  set_document(response, peers_document(service_.status()));
}

void AdminApi::answer_status(Response& response) {
  const NodeStatus status = service_.status();
  const std::string& rules = rules_text(status);
  set_document(response, status_document(status, service_.front_ends()));
  std::string& body = response.body();
  body.pop_back();  // the closing brace
  body.append(",\"rules\":").append(rules).append("}");
}

void AdminApi::keep(ShortRules rules) {
  rules_ = {
      .rules = service_.status().rules, .in_short = std::move(rules), .overrides = {}, .with_overrides = {}};
}

const std::string& AdminApi::rules_text(const NodeStatus& status) {
  if (rules_.rules != status.rules)
    rules_ = {
        .rules = status.rules, .in_short = ShortRules(*status.rules), .overrides = {}, .with_overrides = {}};
  const KeptRules::Overrides overrides{.digest = status.counts.live.digest,
                                       .count = status.counts.live.overrides};
  if (overrides.count == 0) return rules_.in_short.text();
  if (rules_.with_overrides.empty() || rules_.overrides != overrides) {
    rules_.overrides = overrides;
    rules_.with_overrides = rules_.in_short.text_with(service_.live_overrides(), *rules_.rules);
  }
  return rules_.with_overrides;
}

void AdminApi::answer_rules(const RequestView& request, Response& response) {
  const auto query = parse_check_query(request.query, scratch_);
  if (!query) {
    response.set_message(400, query.error());
    return;
  }
  std::string_view only;
  for (const Entry& entry : query->entries) {
    if (entry.key != "rule" || entry.value.empty() || !only.empty()) {
      response.set_message(400, fmt::format("expected no parameter but one rule=NAME, found {}",
                                            starling::quoted(fmt::format("{}={}", entry.key, entry.value))));
      return;
    }
    only = entry.value;
  }
  const NodeStatus status = service_.status();
  if (!only.empty() && !has_rule(*status.rules, only)) {
    response.set_message(404, fmt::format("no rule here is named {}", starling::quoted(only)));
    return;
  }
  set_document(response, rules_document(*status.rules, service_.live_overrides(), only));
}

void AdminApi::answer_counters(const RequestView& request, Response& response) {
  const auto query = parse_check_query(request.query, scratch_);
  if (!query) {
    response.set_message(400, query.error());
    return;
  }
  const Descriptor descriptor{.entries = query->entries};
  const auto counters = service_.counters(
      starling::Request{.domain = query->domain, .descriptors = std::span(&descriptor, 1), .hits = 0});
  set_document(response, counters_document(service_.status().origin, counters));
}

void AdminApi::answer_top(const RequestView& request, Response& response) {
  const auto query = parse_top_query(request.query, scratch_);
  if (!query) {
    response.set_message(400, query.error());
    return;
  }
  set_document(response, top_document(service_.status(), *query, service_.top(*query)));
}

}  // namespace starling::http
