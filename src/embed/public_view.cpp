#include "embed/public_view.hpp"

#include <utility>

#include "node/advice.hpp"

namespace starling::embed {

State state_of(EngineState state) {
  switch (state) {
    case EngineState::joining:
      return State::joining;
    case EngineState::ready:
      return State::ready;
    case EngineState::leaving:
      return State::leaving;
    case EngineState::left:
      return State::left;
  }
  return State::idle;
}

std::vector<Peer> peers_of(const std::vector<PeerView>& peers) {
  std::vector<Peer> out;
  out.reserve(peers.size());
  for (const PeerView& peer : peers)
    out.push_back(Peer{.name = peer.name,
                       .address = peer.heartbeat.to_string(),
                       .origin = peer.origin.value,
                       .state = std::string(peer.state),
                       .version = peer.software,
                       .heard_ms_ago = peer.heard_ms_ago,
                       .rtt_us = peer.rtt_us,
                       .lag_ms = peer.lag_ms,
                       .clock_skew_ms = peer.clock_skew_ms});
  return out;
}

Counts counts_of(const EngineCounts& counts, const RuleSet& rules) {
  return Counts{.allowed = counts.allowed,
                .denied = counts.denied,
                .failed = 0,
                .uncounted = counts.uncounted,
                .counters = counts.counters_used,
                .counters_max = counts.counters_max,
                .cluster_size = counts.nodes_count,
                .rules = static_cast<std::uint32_t>(rules.rules.size()),
                .isolated = counts.isolated};
}

Status status_of(const NodeStatus& status) {
  Status out{.name = status.name,
             .cluster = status.cluster,
             .origin = status.origin.value,
             .state = state_of(status.state),
             .uptime_ms = status.uptime_ms,
             .sync_address = status.listeners.sync.to_string(),
             .heartbeat_address = status.listeners.heartbeat.to_string(),
             .neighborhood = {},
             .counts = counts_of(status.counts, *status.rules),
             .advice = {}};
  for (Advice& each : advice_of(status))  // notes speak of flags and files
    if (!each.is_note) out.advice.push_back(std::move(each.text));
  out.counts.failed = status.decisions_failed;
  for (const starling::Endpoint& endpoint : status.neighborhood.addresses)
    out.neighborhood.push_back(endpoint.to_string());
  return out;
}

}  // namespace starling::embed
