/// What the admin API needs from a node.
#pragma once

#include <starling/request.hpp>

#include <vector>

#include "engine/view.hpp"
#include "node/status.hpp"

namespace starling::http {

class AdminService {
 public:
  virtual NodeStatus status() const = 0;
  /// The counters behind a request, without counting it.
  virtual std::vector<CounterView> counters(const Request& request) = 0;

 protected:
  ~AdminService() = default;
};

}  // namespace starling::http
