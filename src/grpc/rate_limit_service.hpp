/// `ShouldRateLimit` of Envoy's Rate Limit Service (v3): bytes in, decision, bytes out.
///
/// A request that asks nothing (no domain, no descriptors, no message) is INVALID_ARGUMENT. If deciding fails
/// the answer is UNAVAILABLE, so that Envoy applies its own `failure_mode_deny`; an OK with an empty message
/// would pass whatever that says.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "frontend/rls_decider.hpp"
#include "grpc/call_counts.hpp"
#include "grpc/method.hpp"

namespace starling::grpc {

class RateLimitService final : public UnaryMethod {
 public:
  /// `service` must outlive this.
  explicit RateLimitService(CheckService& service, HeaderFamilies families = header_families_default)
      : decider_(service, families) {}

  std::string_view path() const override {
    return "/envoy.service.ratelimit.v3.RateLimitService/ShouldRateLimit";
  }
  CallStatus call(std::string_view request, std::string& reply) override;

  /// Requests that could not be decided, since the start.
  std::uint64_t failures() const { return decider_.failures(); }

  /// Not those that the transport answered without asking here.
  const CallCounts& answers() const { return answers_; }

 private:
  CallStatus answer(std::string_view request, std::string& reply);

  RlsDecider decider_;
  std::string error_;
  CallCounts answers_;
};

}  // namespace starling::grpc
