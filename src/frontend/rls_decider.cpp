#include "frontend/rls_decider.hpp"

#include <exception>

namespace starling {

RlsDecider::Outcome RlsDecider::fail(std::string_view what) {
  service_.on_failure(what);
  ++failures_;
  error_ = "the request could not be decided; the node's log says why";
  return Outcome::failed;
}

RlsDecider::Outcome RlsDecider::decide() {
  auto request = request_.read();
  if (!request) {
    error_ = std::move(request.error());
    return Outcome::invalid;
  }
  try {
    const Decision decision = service_.decide(*request);
    answer_.assign(decision, request->descriptors.size(), service_.decided_at());
  } catch (const std::exception& error) {
    return fail(error.what());
  } catch (...) {
    return fail("unknown exception");
  }
  return Outcome::answered;
}

}  // namespace starling
