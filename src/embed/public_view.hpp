/// From the views inside to those of the public API.
#pragma once

#include <starling/view.hpp>

#include <vector>

#include "engine/view.hpp"
#include "node/status.hpp"

namespace starling::embed {

State state_of(EngineState state);
std::vector<Peer> peers_of(const std::vector<PeerView>& peers);
Counts counts_of(const EngineCounts& counts, const RuleSet& rules);
Status status_of(const NodeStatus& status);

}  // namespace starling::embed
