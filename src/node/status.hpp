/// What a node knows about itself, for `/v1/status` and `starling status`.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/endpoint.hpp"
#include "engine/view.hpp"
#include "limiter/rules.hpp"
#include "node/log_stats.hpp"
#include "node/settings.hpp"
#include "node/udp_socket.hpp"

namespace starling {

struct NodeStatus {
  std::string name;
  OriginId origin;
  std::string cluster;
  std::int64_t uptime_ms = 0;
  EngineState state = EngineState::joining;

  struct Neighborhood {
    std::string host;                             ///< as configured; empty: a cluster of one
    std::vector<Endpoint> addresses;              ///< what it resolved to last
    std::optional<std::int64_t> resolved_ms_ago;  ///< nothing: never yet
    std::vector<std::string> errors;              ///< of the last round
  } neighborhood;

  struct Listeners {
    Endpoint sync;
    Endpoint heartbeat;
    std::optional<Endpoint> http;
    std::optional<Endpoint> grpc;
    std::optional<Endpoint> admin;
  } listeners;

  std::vector<SettingView> settings;
  RuleSet rules;
  std::string rules_from;    ///< the file, or "built-in"
  std::string reload_error;  ///< of the last reload; empty: it went well
  struct Reloads {
    std::uint64_t ok = 0;                     ///< rules replaced while running
    std::uint64_t failed = 0;                 ///< refused: a bad or unreadable file
    std::optional<std::int64_t> last_ms_ago;  ///< of either; nothing: never yet
  } reloads;
  EngineCounts counts;
  std::uint64_t decisions_failed = 0;  ///< passed because an error kept them from being decided
  UdpSocket::Counters sync_socket;
  UdpSocket::Counters heartbeat_socket;
  std::vector<PeerView> peers;
  LogStats log;

  bool ready() const { return state == EngineState::ready; }
};

/// Why the node is not ready, in a few words; empty if it is.
std::string not_ready_reason(const NodeStatus& status);

/// What a person should do next, most pressing first; empty if all is well.
std::vector<std::string> advice(const NodeStatus& status);

}  // namespace starling
