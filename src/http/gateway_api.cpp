#include "http/gateway_api.hpp"

#include <fmt/format.h>

#include "base/shown_text.hpp"

namespace starling::http {
namespace {

constexpr std::string_view json_path = "/json";
constexpr std::string_view health_path = "/healthcheck";

}  // namespace

std::size_t GatewayApi::body_bytes_max(const RequestView& request) const {
  if (CheckApi::serves(request.path)) return check_.body_bytes_max(request);
  return request.path == json_path ? rls_.body_bytes_max(request) : 0;
}

void GatewayApi::on_request(const RequestView& request, Response& response) {
  if (CheckApi::serves(request.path)) return check_.on_request(request, response);
  if (request.path == json_path) return rls_.on_request(request, response);
  if (request.path == health_path) return answer_health(request, response);
  response.set_message(404, fmt::format("expected /v1/check, {} or {}, found {}", json_path, health_path,
                                        starling::quoted(request.path)));
}

void GatewayApi::answer_health(const RequestView& request, Response& response) const {
  if (request.method != "GET" && request.method != "HEAD") {
    response.set_message(405, "expected GET or HEAD").add_header("Allow", "GET, HEAD");
    return;
  }
  if (service_.ready()) {
    response.set_text("OK");
    return;
  }
  response.set_status(500).set_text("not ready: the peers' counts are not in yet, or the node is leaving\n");
}

}  // namespace starling::http
