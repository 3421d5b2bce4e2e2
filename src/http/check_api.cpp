#include "http/check_api.hpp"

#include <fmt/format.h>

#include <exception>
#include <span>

#include "frontend/ranked_limits.hpp"
#include "http/denial_body.hpp"
#include "http/explanation.hpp"

namespace starling::http {
namespace {

constexpr std::string_view check_path = "/v1/check";

/// How much of an unknown path an answer repeats.
constexpr std::size_t shown_bytes_max = 64;

}  // namespace

bool CheckApi::serves(std::string_view path) {
  return path.starts_with(check_path) && (path.size() == check_path.size() || path[check_path.size()] == '/');
}

void CheckApi::on_request(const RequestView& request, Response& response) {
  try {
    check(request, false, response);
  } catch (...) {
    answers_.add(500);  // what the server makes of it
    throw;
  }
  answers_.add(response.status());
}

void CheckApi::on_question_by_hand(const RequestView& request, Response& response) {
  check(request, true, response);
}

void CheckApi::check(const RequestView& request, bool by_hand, Response& response) {
  if (!serves(request.path)) {
    response.set_message(404, fmt::format("nothing at '{}'; requests are checked at {}",
                                          request.path.substr(0, shown_bytes_max), check_path));
    return;
  }
  const std::string_view below = request.path.substr(check_path.size());
  auto query = parse_check_query(below.empty() ? request.query : std::string_view(), scratch_);
  if (!query) {
    response.set_message(400, query.error());
    return;
  }
  if (by_hand) return answer(request, *query, response);
  const auto entries = sources_.gather({.request = request, .below = below}, query->entries);
  if (!entries) {
    // Only a client can have caused it, and nginx's auth_request would make an error of its own of a 400.
    response.set_message(query->deny_status == 403 ? 403 : 400, entries.error());
    return;
  }
  query->entries = *entries;
  answer(request, *query, response);
}

Decision CheckApi::decide(const CheckQuery& query, bool& failed) {
  const Descriptor descriptor{.entries = query.entries};
  try {
    return service_.decide(
        {.domain = query.domain, .descriptors = std::span(&descriptor, 1), .hits = query.hits});
  } catch (const std::exception& error) {
    service_.on_failure(error.what());
  } catch (...) {
    service_.on_failure("unknown exception");
  }
  ++failures_;
  failed = true;
  return {.allowed = true, .limits = {}, .learned = true};
}

void CheckApi::answer(const RequestView& request, const CheckQuery& query, Response& response) {
  bool failed = false;
  const Decision decision = decide(query, failed);
  const RankedLimits ranked(decision);
  DenialBody denial{.as_spinnaker = headers_.families().has(HeaderFamily::spinnaker)};
  if (!decision.allowed) denial.form = choose_denial_form(request.headers);
  names_.assign(decision.limits);

  response.set_status(decision.allowed ? 200 : query.deny_status);
  headers_.add(decision, ranked, names_, service_.decided_at(), response);
  if (query.explain) {
    response.add_header("Content-Type", "application/json");
    append_explanation(response.body(), decision,
                       {.domain = query.domain,
                        .entries = query.entries,
                        .node_name = service_.node_name(),
                        .failed = failed});
  } else if (!decision.allowed) {
    write_denial(denial, decision, ranked, names_, response);
  }
}

}  // namespace starling::http
