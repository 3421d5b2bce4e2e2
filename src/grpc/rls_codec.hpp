/// The messages of Envoy's Rate Limit Service as protobuf: `RateLimitRequest` in, `RateLimitResponse` out.
///
/// Fields that are not known are stepped over, as protobuf wants it; a singular field that comes again
/// replaces the earlier one, and a message that comes again is merged into it. A known field of another wire
/// type is an error: other readers take it for an unknown field, and a limit would be looked up without it.
/// Strings need not be UTF-8 (`frontend/rls_request.hpp` says why). Field numbers: rls.proto and
/// ratelimit.proto of Envoy's API, 1.40.
#pragma once

#include <string>
#include <string_view>
#include <tl/expected.hpp>

#include "frontend/rls_answer.hpp"
#include "frontend/rls_request.hpp"

namespace starling::grpc {

/// Fills `request`, which is empty, with views into `message`. Error: what was expected and what was found;
/// the request is then of no use.
tl::expected<void, std::string> decode(std::string_view message, RlsRequest& request);

/// Appends the message to `out`. The overall code is always there: an answer without one is UNKNOWN, which
/// Envoy lets pass.
void encode(const RlsAnswer& answer, std::string& out);

}  // namespace starling::grpc
