#include <algorithm>
#include <array>
#include <cstdlib>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "metrics/families.hpp"
#include "metrics/label_text.hpp"

namespace starling::metrics {
namespace {

constexpr std::array<std::string_view, 5> states{"candidate", "alive", "suspect", "dead", "left"};

struct ShownPeer {
  const PeerView* peer = nullptr;
  std::string name;
  std::string address;
};

bool is_live(const PeerView& peer) {
  return peer.state == "alive" || peer.state == "suspect";
}

/// Names are what peers say they are: two may have the same. Then addresses tell them apart, or endpoints; of
/// two lives of one node at the same place the one that is alive is shown.
std::vector<ShownPeer> shown_peers(const std::vector<PeerView>& peers) {
  std::vector<const PeerView*> live;
  for (const PeerView& peer : peers)
    if (is_live(peer)) live.push_back(&peer);
  std::stable_partition(live.begin(), live.end(),
                        [](const PeerView* peer) { return peer->state == "alive"; });

  std::vector<ShownPeer> shown;
  std::set<std::pair<std::string, std::string>> taken;
  for (const PeerView* peer : live) {
    if (shown.size() == peers_shown_max) break;
    const std::string name = label_text(peer->name);
    for (const std::string& address : {peer->heartbeat.address.to_string(), peer->heartbeat.to_string()}) {
      if (!taken.emplace(name, address).second) continue;
      shown.push_back({.peer = peer, .name = name, .address = address});
      break;
    }
  }
  return shown;
}

double lag_s(const PeerView& peer) {
  return static_cast<double>(peer.lag_ms) * 1e-3;
}
double rtt_s(const PeerView& peer) {
  return static_cast<double>(peer.rtt_us.value_or(0)) * 1e-6;
}
double skew_s(const PeerView& peer) {
  return static_cast<double>(peer.clock_skew_ms) * 1e-3;
}
double skew_size_s(const PeerView& peer) {
  return std::abs(skew_s(peer));
}

double largest(const std::vector<PeerView>& peers, double (*of)(const PeerView&)) {
  double most = 0;
  for (const PeerView& peer : peers)
    if (is_live(peer)) most = std::max(most, of(peer));
  return most;
}

}  // namespace

void add_peers(const Snapshot& snapshot, FamilyList& out) {
  const std::vector<PeerView>& peers = snapshot.node.peers;
  out.gauge("starling_peers", "Other nodes and addresses of nodes, by state.");
  for (const std::string_view state : states)
    out.add({{"state", state}},
            static_cast<std::uint64_t>(std::count_if(
                peers.begin(), peers.end(), [&](const PeerView& peer) { return peer.state == state; })));

  const std::vector<ShownPeer> shown = shown_peers(peers);
  const auto of_each = [&](double (*of)(const PeerView&)) {
    for (const ShownPeer& each : shown)
      out.add({{"peer", each.name}, {"address", each.address}}, of(*each.peer));
  };
  out.gauge("starling_peer_lag_seconds",
            "Since when something is missing that the peer has published; at most 100 peers.");
  of_each(lag_s);
  out.gauge("starling_peer_rtt_seconds", "Round trip to the peer; at most 100 peers.");
  for (const ShownPeer& each : shown)
    if (each.peer->rtt_us) out.add({{"peer", each.name}, {"address", each.address}}, rtt_s(*each.peer));
  out.gauge("starling_peer_clock_skew_seconds",
            "The peer's wall clock minus this node's; at most 100 peers.");
  of_each(skew_s);
  out.gauge("starling_peer_lag_seconds_max", "The largest over all live peers.", largest(peers, lag_s));
  out.gauge("starling_peer_rtt_seconds_max", "The largest over all live peers.", largest(peers, rtt_s));
  out.gauge("starling_peer_clock_skew_seconds_max", "The largest over all live peers, without its sign.",
            largest(peers, skew_size_s));
  out.gauge("starling_peer_delay_seconds", "The delay between peers that the neighborhood has agreed on.",
            std::chrono::duration<double>(snapshot.node.engine.peer_delay).count());
}

}  // namespace starling::metrics
