/// Reports a node's life to the service manager: ready when the node is (so that what is started after it
/// finds all counts), a sign of life as often as it wants one, and that it stops.
///
/// The sign of life comes from the loop that answers requests: a loop that stands still sends none, and is
/// restarted.
#pragma once

#include <uv.h>

#include "node/handle.hpp"
#include "node/loop.hpp"
#include "node/node.hpp"
#include "node/service_manager.hpp"

namespace starling {

class ServiceReports {
 public:
  /// `loop` and `node` outlive this.
  ServiceReports(Loop& loop, Node& node);

  /// A new configuration is read beside the loop, while the node answers: it was asked for, and that is all
  /// that is waited for. Whether it is in force, the log and `/v1/status` tell.
  void reloading();
  void reloaded();
  void stopping();

 private:
  void look_whether_ready();

  Node& node_;
  const ServiceManager manager_;
  Handle<uv_timer_t> ready_timer_;
  Handle<uv_timer_t> alive_timer_;
};

}  // namespace starling
