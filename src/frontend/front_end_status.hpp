/// What a front end tells of itself, for `/v1/status`, which leaves out what is 0, and for metrics.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace starling {

struct FrontEndStatus {
  std::string_view name;               ///< "http", "grpc", "admin"
  std::vector<std::string> listeners;  ///< "127.0.0.1:8080", "unix:/run/starling/http.sock"
  std::uint64_t requests = 0;          ///< handed to a handler, since the start
  std::uint64_t connections_accepted = 0;
  std::uint64_t connections_open = 0;     ///< now
  std::uint64_t connections_refused = 0;  ///< for a bound on how many may be open
  /// Everything that was refused or given up, by reason; all reasons, with 0 what did not occur.
  std::vector<std::pair<std::string_view, std::uint64_t>> errors;

  /// Those that did.
  std::vector<std::pair<std::string_view, std::uint64_t>> errors_that_occurred() const {
    auto occurred = errors;
    std::erase_if(occurred, [](const auto& error) { return error.second == 0; });
    return occurred;
  }
};

}  // namespace starling
