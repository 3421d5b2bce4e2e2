#include "http/check_api.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <span>
#include <string>

#include "http/json_text.hpp"

namespace starling::http {
namespace {

constexpr std::string_view check_path = "/v1/check";

/// How much of an unknown path an answer repeats.
constexpr std::size_t shown_bytes_max = 64;

/// Rounded up: whoever waits that long finds the window over.
std::uint64_t reset_s(const LimitStatus& limit) {
  return std::max<std::uint64_t>(limit.reset_ms / 1000 + (limit.reset_ms % 1000 == 0 ? 0 : 1), 1);
}

void append_explanation(std::string& out, const Decision& decision, std::string_view node_name) {
  const auto append = std::back_inserter(out);
  fmt::format_to(append, R"({{"allowed":{},"node":)", decision.allowed);
  append_json_string(out, node_name);
  out += R"(,"limits":[)";
  bool first = true;
  for (const LimitStatus& limit : decision.limits) {
    out += first ? R"({"rule":)" : R"(,{"rule":)";
    first = false;
    append_json_string(out, limit.rule);
    fmt::format_to(append,
                   R"(,"limit":{},"window_s":{},"window_id":{},"used":{},"remaining":{},)"
                   R"("reset_ms":{},"allowed":{},"denial":"{}","enforced":{},"counted":{}}})",
                   limit.limit, limit.window_s, limit.window_id, limit.used, limit.remaining, limit.reset_ms,
                   limit.allowed, name(limit.denial), limit.enforced, limit.counted);
  }
  out += "]}";
}

void append_denial(std::string& out, const LimitStatus* limit) {
  if (limit == nullptr) {
    out += R"({"message":"rate limit exceeded"})";
    return;
  }
  out += R"({"message":"rate limit exceeded: )";
  fmt::format_to(std::back_inserter(out), "{} per {} s; retry in {} s", limit->limit, limit->window_s,
                 reset_s(*limit));
  out += R"("})";
}

}  // namespace

bool CheckApi::serves(std::string_view path) {
  return path.starts_with(check_path) && (path.size() == check_path.size() || path[check_path.size()] == '/');
}

void CheckApi::on_request(const RequestView& request, Response& response) {
  if (!serves(request.path)) {
    response.set_message(404, fmt::format("nothing at '{}'; requests are checked at {}",
                                          request.path.substr(0, shown_bytes_max), check_path));
    return;
  }
  const auto query = parse_check_query(request.query, scratch_);
  if (!query) {
    response.set_message(400, query.error());
    return;
  }
  const Descriptor descriptor{.entries = query->entries};
  const Decision decision = service_.decide(
      {.domain = query->domain, .descriptors = std::span(&descriptor, 1), .hits = query->hits});

  response.set_status(decision.allowed ? 200 : query->deny_status);
  const LimitStatus* tightest = decision.tightest;
  if (tightest != nullptr) {
    response.add_header("X-RateLimit-Limit", tightest->limit);
    response.add_header("X-RateLimit-Remaining", tightest->remaining);
    response.add_header("X-RateLimit-Reset", reset_s(*tightest));
  }
  if (!decision.allowed) response.add_header("Retry-After", tightest != nullptr ? reset_s(*tightest) : 1);
  if (!decision.allowed || query->explain) response.add_header("Content-Type", "application/json");
  if (query->explain)
    append_explanation(response.body(), decision, service_.node_name());
  else if (!decision.allowed)
    append_denial(response.body(), tightest);
}

}  // namespace starling::http
