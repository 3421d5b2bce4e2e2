/// Reports a node's life to the service manager: ready when the node is (so that what is started after it
/// finds all counts), a sign of life as often as it wants one, and that it stops.
///
/// The sign of life comes from the loop that answers requests: a loop that stands still sends none, and is
/// restarted.
#pragma once

#include <uv.h>

#include <cstdint>

#include "node/handle.hpp"
#include "node/loop.hpp"
#include "node/node.hpp"
#include "node/service_manager.hpp"

namespace starling {

class ServiceReports {
 public:
  /// `loop` and `node` outlive this.
  ServiceReports(Loop& loop, Node& node);

  /// A configuration was asked for. It is read beside the loop, while the node answers.
  void reloading();
  /// What was asked for, if anything was, is in force or refused; the log and `/v1/status` tell which.
  void reloaded();
  void stopping();

 private:
  void begin_to_tell_ready();
  void tell_ready();

  Node& node_;
  const ServiceManager manager_;
  enum class Told : std::uint8_t { nothing, ready, reloading, stopping } told_ = Told::nothing;
  std::uint32_t refusals_ = 0;
  Loop& loop_;
  Handle<uv_timer_t> ready_timer_;
  Handle<uv_timer_t> alive_timer_;
};

}  // namespace starling
