/// What the front ends need from a node to answer gateways; they know nothing else about limits.
#pragma once

#include <string_view>

#include "base/time.hpp"
#include "starling/request.hpp"

namespace starling {

class CheckService {
 public:
  /// Decides and counts. The views in `request` live only during the call; those in the decision live until
  /// the next call.
  virtual Decision decide(const Request& request) = 0;
  /// The wall clock by which the last decision was made: what its `reset_ms` counts from.
  virtual WallTime decided_at() const = 0;
  virtual std::string_view node_name() const = 0;
  /// The peers' counts are in, and the node is not leaving.
  virtual bool ready() const = 0;
  /// `decide` threw; the request passes, or what becomes of it is the gateway's to say. `what`: for the log;
  /// there can be thousands of them a second.
  virtual void on_failure(std::string_view /*what*/) {}

 protected:
  ~CheckService() = default;
};

}  // namespace starling
