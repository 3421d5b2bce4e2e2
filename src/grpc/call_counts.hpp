/// How calls of Envoy's Rate Limit Service were answered.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "frontend/request_count.hpp"
#include "grpc/method.hpp"

namespace starling::grpc {

class CallCounts {
 public:
  void add(Code code, bool is_over_limit) {
    ++counts_[code == Code::ok && is_over_limit ? over_limit : static_cast<std::size_t>(code)];
  }
  /// What occurred, and the two answers to a good question in any case.
  void append_to(std::vector<RequestCount>& out) const {
    for (std::size_t i = 0; i < counts_.size(); ++i)
      if (counts_[i] > 0 || i == 0 || i == over_limit)
        out.push_back({.protocol = "grpc", .code = name(i), .count = counts_[i]});
  }

 private:
  static constexpr std::size_t over_limit = 17;  // no code of gRPC
  static std::string name(std::size_t place) {
    return place == over_limit ? "OVER_LIMIT" : std::string(grpc::name(static_cast<Code>(place)));
  }
  std::array<std::uint64_t, over_limit + 1> counts_{};
};

}  // namespace starling::grpc
