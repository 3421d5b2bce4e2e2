#include "node/status.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace starling {
namespace {

std::size_t count_state(const NodeStatus& status, std::string_view state) {
  return static_cast<std::size_t>(std::count_if(status.peers.begin(), status.peers.end(),
                                                [&](const PeerView& peer) { return peer.state == state; }));
}

}  // namespace

std::string not_ready_reason(const NodeStatus& status) {
  switch (status.state) {
    case EngineState::ready:
      return "";
    case EngineState::leaving:
      return "leaving: this node was told to stop";
    case EngineState::left:
      return "left: this node is about to end";
    case EngineState::joining:
      break;
  }
  if (!status.neighborhood.resolved_ms_ago)
    return fmt::format("joining: {} is not resolved yet", status.neighborhood.host);
  const std::size_t alive = count_state(status, "alive");
  return fmt::format("joining: waiting for the counts of {} peer(s), {} address(es) have not answered yet",
                     alive, count_state(status, "candidate"));
}

}  // namespace starling
