/// `POST /json`: Envoy's Rate Limit Service for whoever cannot speak gRPC, as its reference service has it.
///
/// 200 passes, 429 denies, 400 is a request that asks nothing, 500 one that could not be decided: what then
/// holds is the gateway's to say. The body is a `RateLimitRequest`, the answer's a `RateLimitResponse`. The
/// headers for the client are in it, and not on the answer, for the gateway is not who they are for; only
/// `Retry-After` is on a 429 as well. What Content-Type the request names does not matter, as in the
/// reference: `curl -d` names the wrong one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "frontend/rls_decider.hpp"
#include "http/handler.hpp"
#include "http/status_counts.hpp"

namespace starling::http {

class RlsApi final : public Handler {
 public:
  /// `service` must outlive this.
  explicit RlsApi(CheckService& service, HeaderFamilies families = header_families_default)
      : decider_(service, families) {}

  std::size_t body_bytes_max(const RequestView& request) const override;
  void on_request(const RequestView& request, Response& response) override;

  /// Requests that could not be decided, since the start.
  std::uint64_t failures() const { return decider_.failures(); }

  /// How gateways were answered; not those whose body never came whole.
  const StatusCounts& answers() const { return answers_; }

 private:
  void answer(const RequestView& request, Response& response);

  RlsDecider decider_;
  StatusCounts answers_;
  std::string arena_;
};

}  // namespace starling::http
