/// What a node knows about itself, for `/v1/status` and `starling status`.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/endpoint.hpp"
#include "engine/view.hpp"
#include "limiter/rules.hpp"
#include "node/dns_fault.hpp"
#include "node/log_stats.hpp"
#include "node/settings.hpp"
#include "node/troubles.hpp"
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
    std::vector<DnsFault> faults;                 ///< one for each of them
  } neighborhood;

  struct Listeners {
    Endpoint sync;
    Endpoint heartbeat;
    std::optional<Endpoint> http;
    std::optional<Endpoint> grpc;
    std::optional<Endpoint> admin;
  } listeners;

  std::vector<SettingView> settings;
  std::shared_ptr<const RuleSet> rules = std::make_shared<RuleSet>();  ///< never null
  std::string rules_from;                                              ///< the file, or "built-in"
  std::string reload_error;      ///< of the last reload; empty: it went well
  bool config_vanished = false;  ///< that error: nothing could be read
  struct Reloads {
    std::uint64_t ok = 0;                     ///< rules replaced while running
    std::uint64_t failed = 0;                 ///< refused: a bad or unreadable file
    std::optional<std::int64_t> last_ms_ago;  ///< of either; nothing: never yet
  } reloads;
  struct Keys {
    std::string file;   ///< empty: none, and packets are not sealed
    std::string error;  ///< of the last reload; empty: it went well
    Reloads reloads;
    std::vector<std::string> sealed_from;      ///< lately: the last few addresses
    std::vector<std::string> not_sealed_from;  ///< likewise
    std::vector<std::string> bad_seal_from;    ///< likewise
    std::vector<std::string> unknown;  ///< likewise, each behind its key's id: "ab12cd34 from 10.0.0.7"
  } keys;
  EngineCounts counts;
  std::uint64_t decisions_failed =
      0;  ///< since the start: passed because an error kept them from being decided
  UdpSocket::Counters sync_socket;
  UdpSocket::Counters heartbeat_socket;
  std::vector<PeerView> peers;
  LogStats log;
  std::array<Troubles::View, troubles_count> troubles{};
  std::vector<std::string> wrong_cluster_from;                        ///< lately: the last few addresses
  std::vector<std::string> wrong_protocol_from;                       ///< likewise
  int receive_buffer_bytes = UdpSocket::receive_buffer_bytes_wanted;  ///< granted: the smaller of two
  std::string software;                                               ///< our version

  const Troubles::View& operator[](Trouble trouble) const {
    return troubles[static_cast<std::size_t>(trouble)];
  }
  Troubles::View& operator[](Trouble trouble) { return troubles[static_cast<std::size_t>(trouble)]; }

  bool ready() const { return state == EngineState::ready; }
};

/// Why the node is not ready, in a few words; empty if it is.
std::string not_ready_reason(const NodeStatus& status);

}  // namespace starling
