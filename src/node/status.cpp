#include "node/status.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstdlib>

namespace starling {
namespace {

std::size_t count_state(const NodeStatus& status, std::string_view state) {
  return static_cast<std::size_t>(std::count_if(status.peers.begin(), status.peers.end(),
                                                [&](const PeerView& peer) { return peer.state == state; }));
}

std::string addresses_in_state(const NodeStatus& status, std::string_view state) {
  std::vector<std::string> addresses;
  for (const PeerView& peer : status.peers)
    if (peer.state == state) addresses.push_back(peer.heartbeat.address.to_string());
  constexpr std::size_t shown_max = 5;
  const std::size_t more = addresses.size() > shown_max ? addresses.size() - shown_max : 0;
  addresses.resize(addresses.size() - more);
  return more == 0 ? fmt::format("{}", fmt::join(addresses, ", "))
                   : fmt::format("{} and {} more", fmt::join(addresses, ", "), more);
}

std::uint64_t dropped(const NodeStatus& status, ErrorCode code) {
  return status.counts.dropped[static_cast<std::size_t>(code)];
}

void advise_on_neighborhood(const NodeStatus& status, std::vector<std::string>& out) {
  if (status.neighborhood.host.empty()) return;
  for (const std::string& error : status.neighborhood.errors)
    out.push_back(
        fmt::format("DNS: {}. Check that the name is right and, in Kubernetes, that the headless Service has "
                    "publishNotReadyAddresses: true",
                    error));
  const std::size_t silent = count_state(status, "candidate");
  if (silent != 0)
    out.push_back(
        fmt::format("{} address(es) never answered a heartbeat ({}): check that UDP {} and {} are open both "
                    "ways, and that --cluster is the same there",
                    silent, addresses_in_state(status, "candidate"), status.listeners.heartbeat.port,
                    status.listeners.sync.port));
  const std::size_t dead = count_state(status, "dead");
  if (dead != 0)
    out.push_back(
        fmt::format("{} peer(s) fell silent ({}): this node enforces the limits with those that are left; "
                    "check those nodes or the network to them",
                    dead, addresses_in_state(status, "dead")));
}

void advise_on_peers(const NodeStatus& status, std::vector<std::string>& out) {
  const std::uint32_t window_s = status.rules.window_s_smallest();
  for (const PeerView& peer : status.peers) {
    if (peer.state != "alive") continue;
    if (std::abs(peer.clock_skew_ms) > std::int64_t{window_s} * 100)
      out.push_back(
          fmt::format("the clock of {} differs by {} ms, more than a tenth of the smallest window ({} s): "
                      "check time synchronisation (NTP) on both",
                      peer.name, peer.clock_skew_ms, window_s));
    constexpr std::int64_t lag_worth_a_word_ms = 2000;
    if (peer.lag_ms > lag_worth_a_word_ms)
      out.push_back(
          fmt::format("counts of {} have been missing for {} ms: UDP {} from it may be blocked or lossy",
                      peer.name, peer.lag_ms, status.listeners.sync.port));
  }
}

void advise_on_counts(const NodeStatus& status, std::vector<std::string>& out) {
  if (status.counts.uncounted != 0)
    out.push_back(fmt::format(
        "the counter table was full and {} limit(s) went uncounted: raise --max-counters (now {}) "
        "or match fewer distinct principals",
        status.counts.uncounted, status.counts.counters_max));
  if (status.decisions_failed != 0)
    out.push_back(
        fmt::format("{} request(s) could not be decided, and passed unless their gateway says otherwise: the "
                    "log says why, and it is worth "
                    "a report",
                    status.decisions_failed));
  if (!status.reload_error.empty())
    out.push_back(
        fmt::format("the last reload was refused and the old rules are in force: {}", status.reload_error));
  if (dropped(status, ErrorCode::wrong_cluster) != 0)
    out.push_back(
        fmt::format("{} datagram(s) came from a cluster of another name: if that is one of yours, make "
                    "--cluster the same (here: {})",
                    dropped(status, ErrorCode::wrong_cluster), status.cluster));
  if (dropped(status, ErrorCode::wrong_protocol) != 0)
    out.push_back(
        fmt::format("{} datagram(s) were of a protocol version that this node cannot read: finish the "
                    "rolling upgrade",
                    dropped(status, ErrorCode::wrong_protocol)));
}

void advise_on_overrides(const NodeStatus& status, std::vector<std::string>& out) {
  const LiveCounts& live = status.counts.live;
  if (live.refused_full != 0)
    out.push_back(fmt::format(
        "{} override(s) found no room ({} of {} in use): delete some with `starling override delete`, or put "
        "them into the rules file",
        live.refused_full, live.overrides, live.overrides_max));
  if (live.refused_clock != 0)
    out.push_back(fmt::format(
        "{} override(s) were refused because they were set more than 24 h ahead of this node's clock: check "
        "time synchronisation (NTP) here and where they were set",
        live.refused_clock));
  if (live.refused_flawed != 0)
    out.push_back(
        fmt::format("{} override(s) that peers told of make no sense and were refused: check that all nodes "
                    "run the same version",
                    live.refused_flawed));
  if (live.refused_unknown != 0)
    out.push_back(fmt::format(
        "{} override(s) are of kinds that only newer nodes know and do not hold here: finish the rolling "
        "upgrade",
        live.refused_unknown));
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

std::vector<std::string> advice(const NodeStatus& status) {
  std::vector<std::string> out;
  advise_on_neighborhood(status, out);
  advise_on_peers(status, out);
  advise_on_counts(status, out);
  advise_on_overrides(status, out);
  return out;
}

}  // namespace starling
