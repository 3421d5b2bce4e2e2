/// How many requests were answered with which status.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "frontend/request_count.hpp"

namespace starling::http {

class StatusCounts {
 public:
  void add(int status) {
    if (status >= status_min && status < status_min + static_cast<int>(counts_.size()))
      ++counts_[static_cast<std::size_t>(status - status_min)];
  }
  /// What occurred, and the two answers to a good question in any case.
  void append_to(std::vector<RequestCount>& out, std::string_view protocol) const {
    for (std::size_t i = 0; i < counts_.size(); ++i) {
      const int status = status_min + static_cast<int>(i);
      if (counts_[i] > 0 || status == 200 || status == 429)
        out.push_back({.protocol = protocol, .code = std::to_string(status), .count = counts_[i]});
    }
  }

 private:
  static constexpr int status_min = 100;
  std::array<std::uint64_t, 500> counts_{};
};

}  // namespace starling::http
