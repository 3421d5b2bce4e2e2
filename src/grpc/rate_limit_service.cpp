#include "grpc/rate_limit_service.hpp"

#include <fmt/format.h>

#include <utility>

#include "grpc/rls_codec.hpp"

namespace starling::grpc {

CallStatus RateLimitService::call(std::string_view request, std::string& reply) {
  CallStatus status;
  try {
    status = answer(request, reply);
  } catch (...) {
    answers_.add(Code::internal, false);  // what the transport makes of it
    throw;
  }
  answers_.add(status.code, decider_.answer().overall() == RlsCode::over_limit);
  return status;
}

CallStatus RateLimitService::answer(std::string_view request, std::string& reply) {
  if (request.size() > rls_message_bytes_max) {  // where the transport's own bound is another
    error_ = fmt::format("expected a RateLimitRequest of at most {} bytes, found {}", rls_message_bytes_max,
                         request.size());
    return {.code = Code::invalid_argument, .message = error_};
  }
  if (auto decoded = decode(request, decider_.begin()); !decoded) {
    error_ = std::move(decoded.error());
    return {.code = Code::invalid_argument, .message = error_};
  }
  switch (decider_.decide()) {
    case RlsDecider::Outcome::invalid:
      return {.code = Code::invalid_argument, .message = decider_.error()};
    case RlsDecider::Outcome::failed:
      return {.code = Code::unavailable, .message = decider_.error()};
    case RlsDecider::Outcome::answered:
      break;
  }
  encode(decider_.answer(), reply);
  return {};
}

}  // namespace starling::grpc
