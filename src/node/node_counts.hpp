/// What a node has counted since its start, and how things stand: for metrics. Unlike `NodeStatus` it copies
/// no rules, so that it can be asked for every few seconds.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/duration_histogram.hpp"
#include "base/time.hpp"
#include "engine/view.hpp"
#include "limiter/rule_tallies.hpp"
#include "node/log_stats.hpp"
#include "node/status.hpp"
#include "node/udp_socket.hpp"

namespace starling {

struct NodeCounts {
  std::string name;
  std::string cluster;
  EngineState state = EngineState::joining;
  EngineCounts engine;
  std::uint64_t decisions_failed = 0;   ///< requests that could not be decided
  std::vector<RuleTally> rules;         ///< what they said; views are valid until rules are replaced
  std::size_t rules_count = 0;          ///< in force
  std::uint32_t window_s_smallest = 0;  ///< of their windows
  std::vector<PeerView> peers;          ///< candidates too
  UdpSocket::Counters sync_socket;
  UdpSocket::Counters heartbeat_socket;
  LogStats log;
  std::uint64_t dns_ok = 0;      ///< rounds that found addresses for every name
  std::uint64_t dns_failed = 0;  ///< rounds in which a name had none, or none that could be had
  NodeStatus::Reloads reloads;
  bool last_reload_ok = true;       ///< also if there was none
  NodeStatus::Reloads key_reloads;  ///< of the key file
  bool last_key_reload_ok = true;   ///< also if there was none
  WallTime rules_since{};           ///< when the rules in force were put there
  DurationHistogram decisions{{}};  ///< how long they took; one of `Node::decisions_per_sample`
};

}  // namespace starling
