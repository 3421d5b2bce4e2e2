/// How many questions of gateways came by which protocol, and how they were answered: for metrics.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace starling {

struct RequestCount {
  std::string_view protocol;  ///< "http": /v1/check; "json": POST /json; "grpc"; static text
  std::string code;           ///< an HTTP status; by gRPC OK, OVER_LIMIT or the name of the call's status
  std::uint64_t count = 0;
};

}  // namespace starling
