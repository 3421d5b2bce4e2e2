#include "http/rls_api.hpp"

#include "http/rls_json.hpp"

namespace starling::http {

std::size_t RlsApi::body_bytes_max(const RequestView& request) const {
  return request.method == "POST" ? rls_message_bytes_max : 0;
}

void RlsApi::on_request(const RequestView& request, Response& response) {
  try {
    answer(request, response);
  } catch (...) {
    answers_.add(500);  // what the server makes of it
    throw;
  }
  answers_.add(response.status());
}

void RlsApi::answer(const RequestView& request, Response& response) {
  if (request.method != "POST") {
    response.set_message(405, "expected POST").add_header("Allow", "POST");
    return;
  }
  if (const auto read = read_rls_json(request.body, arena_, decider_.begin()); !read) {
    response.set_message(400, read.error());
    return;
  }
  switch (decider_.decide()) {
    case RlsDecider::Outcome::invalid:
      response.set_message(400, decider_.error());
      return;
    case RlsDecider::Outcome::failed:
      response.set_message(500, decider_.error());
      return;
    case RlsDecider::Outcome::answered:
      break;
  }
  const RlsAnswer& answer = decider_.answer();
  response.add_header("Content-Type", "application/json");
  if (answer.overall() == RlsCode::over_limit) {
    response.set_status(429);
    response.add_header("Retry-After", answer.retry_after_s());
  }
  append_rls_json(response.body(), answer);
}

}  // namespace starling::http
