/// From a filled `RlsRequest` to an `RlsAnswer`: what the gRPC method and `POST /json` have in common.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "frontend/check_service.hpp"
#include "frontend/rls_answer.hpp"
#include "frontend/rls_request.hpp"

namespace starling {

class RlsDecider {
 public:
  enum class Outcome : std::uint8_t {
    answered,
    invalid,  ///< the request asks nothing that can be answered
    failed,   ///< deciding failed, which the service was told; what then holds is the gateway's to say
  };

  /// `service` must outlive this.
  RlsDecider(CheckService& service, HeaderFamilies families) : service_(service), answer_(families) {}

  /// An empty one, to be filled.
  RlsRequest& begin() {
    request_.clear();
    return request_;
  }
  /// Decides and counts what was filled in.
  Outcome decide();

  // Valid until the next `decide`.
  const RlsAnswer& answer() const { return answer_; }   ///< if it was answered
  std::string_view error() const { return error_; }     ///< for the client, if it was not
  std::uint64_t failures() const { return failures_; }  ///< since the start

 private:
  Outcome fail(std::string_view what);

  CheckService& service_;
  RlsRequest request_;
  RlsAnswer answer_;
  std::string error_;
  std::uint64_t failures_ = 0;
};

}  // namespace starling
