#include "http/admin_api.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <string>

#include "http/admin_json.hpp"

namespace starling::http {
namespace {

void set_document(Response& response, const Json& document) {
  // Names come from other nodes and files: whatever they contain, the answer is valid JSON.
  response.set_json(document.dump(-1, ' ', false, Json::error_handler_t::replace));
}

bool only_reads(std::string_view method) {
  return method == "GET" || method == "HEAD";
}

}  // namespace

void AdminApi::on_request(const RequestView& request, Response& response) {
  if (CheckApi::serves(request.path)) return check_.on_request(request, response);
  const bool known = request.path == "/livez" || request.path == "/readyz" || request.path == "/v1/peers" ||
                     request.path == "/v1/status" || request.path == "/v1/counters";
  if (!known) {
    response.set_message(404, "expected /livez, /readyz, /v1/peers, /v1/status, /v1/counters or /v1/check");
    return;
  }
  if (!only_reads(request.method)) {
    response.set_message(405, "expected GET or HEAD").add_header("Allow", "GET, HEAD");
    return;
  }
  if (request.path == "/livez") {
    response.set_text("ok\n");
  } else if (request.path == "/readyz") {
    answer_ready(response);
  } else if (request.path == "/v1/peers") {
    answer_peers(response);
  } else if (request.path == "/v1/status") {
    answer_status(response);
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

void AdminApi::answer_peers(Response& response) const {
  set_document(response, peers_document(service_.status()));
}

void AdminApi::answer_status(Response& response) const {
  set_document(response, status_document(service_.status()));
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

}  // namespace starling::http
