/// What the check API needs from a node. The node implements it; http knows nothing else about limits.
#pragma once

#include <string_view>

#include "starling/request.hpp"

namespace starling::http {

class CheckService {
 public:
  /// Decides and counts. The views in `request` live only during the call; those in the decision live until
  /// the next call.
  virtual Decision decide(const Request& request) = 0;
  virtual std::string_view node_name() const = 0;

 protected:
  ~CheckService() = default;
};

}  // namespace starling::http
