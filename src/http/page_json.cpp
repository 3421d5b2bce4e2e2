#include "http/page_json.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <numeric>
#include <starling/version.hpp>

#include "http/top_json.hpp"

namespace starling::http {
namespace {

/// Another text whenever rules, or what was set about them while running, may have changed.
std::string stamp_of(const NodeStatus& status) {
  return fmt::format("{:016x}-{}-{}-{:016x}", status.origin.value, status.reloads.ok,
                     status.counts.live.overrides, status.counts.live.digest);
}

Json datagrams_of(const NodeStatus& status) {
  std::uint64_t packets = 0;
  std::uint64_t bytes = 0;
  for (const Traffic& traffic : status.counts.sent) {
    packets += traffic.packets;
    bytes += traffic.bytes;
  }
  Json dropped = Json::object();
  for (std::size_t code = 0; code < error_codes_count; ++code)
    if (const std::uint64_t count = status.counts.dropped[code]; count != 0)
      dropped[std::string(name(static_cast<ErrorCode>(code)))] = count;
  const auto lost = [](const UdpSocket::Counters& socket) {
    return socket.send_dropped + socket.send_failed + socket.receive_failed + socket.truncated;
  };
  return {{"received", status.counts.datagrams_received},
          {"sent", packets},
          {"sent_bytes", bytes},
          {"dropped", std::move(dropped)},
          {"socket_errors", lost(status.sync_socket) + lost(status.heartbeat_socket)}};
}

/// Those first of which something is to be said, so that a cut takes the healthy.
Json peers_of(const NodeStatus& status) {
  constexpr std::array<std::string_view, 5> pressing{"dead", "suspect", "candidate", "alive", "left"};
  NodeStatus shown{.name = status.name, .peers = status.peers};
  std::stable_sort(shown.peers.begin(), shown.peers.end(), [&](const PeerView& a, const PeerView& b) {
    return std::find(pressing.begin(), pressing.end(), a.state) <
           std::find(pressing.begin(), pressing.end(), b.state);
  });
  if (shown.peers.size() > page_peers_max) shown.peers.resize(page_peers_max);
  return std::move(peers_document(shown)["peers"]);
}

Json front_ends_of(const std::vector<FrontEndStatus>& front_ends) {
  Json list = Json::array();
  for (const FrontEndStatus& front_end : front_ends) {
    const std::uint64_t errors =
        std::accumulate(front_end.errors.begin(), front_end.errors.end(), std::uint64_t{0},
                        [](std::uint64_t sum, const auto& error) { return sum + error.second; });
    list.push_back({{"name", front_end.name},
                    {"listeners", front_end.listeners},
                    {"requests", front_end.requests},
                    {"open", front_end.connections_open},
                    {"refused", front_end.connections_refused},
                    {"errors", errors}});
  }
  return list;
}

Json hottest_of(const TopView& hottest) {
  Json list = Json::array();
  for (const TopRow& row : hottest.rows)
    list.push_back({{"rule", row.rule},
                    {"principal", row.principal},
                    {"limit", row.limit},
                    {"window_s", row.window_s},
                    {"used", row.used}});
  return list;
}

TopView cut_shares(TopView view) {
  for (TopRow& row : view.rows)
    if (row.shares.size() > page_shares_max) row.shares.resize(page_shares_max);
  return view;
}

}  // namespace

Json page_document(const PageView& view, std::string_view page) {
  const NodeStatus& status = view.status;
  const EngineCounts& counts = status.counts;
  Json document = {{"page", page},
                   {"stamp", stamp_of(status)},
                   {"node",
                    {{"name", status.name},
                     {"origin", fmt::format("{:016x}", status.origin.value)},
                     {"version", version},
                     {"uptime_ms", status.uptime_ms},
                     {"cluster", status.cluster}}},
                   {"state", name(status.state)},
                   {"ready", status.ready()},
                   {"reason", not_ready_reason(status)},
                   {"advice", advice_document(advice_of(status))},
                   {"cluster_size", counts.nodes_count},
                   {"cluster_known", counts.known_count},
                   {"isolated", counts.isolated},
                   {"rules_count", status.rules->rules.size()}};
  document["decisions"] = {{"allowed", counts.allowed},     {"denied", counts.denied},
                           {"learned", counts.learned},     {"uncounted", counts.uncounted},
                           {"truncated", counts.truncated}, {"failed", status.decisions_failed}};
  document["counters"] = {{"used", counts.counters_used}, {"max", counts.counters_max}};
  document["overrides"] = {{"used", counts.live.overrides}, {"max", counts.live.overrides_max}};
  document["datagrams"] = datagrams_of(status);
  document["front_ends"] = front_ends_of(view.front_ends);
  document["peers"] = peers_of(status);
  if (status.peers.size() > page_peers_max) document["more_peers"] = status.peers.size() - page_peers_max;
  document["top"] = top_document(status, view.query, cut_shares(view.top));
  document["hottest"] = hottest_of(view.hottest);
  // Nobody of the other rules is hotter than the last of a full list.
  if (view.hottest.rows.size() == page_rules_max)
    document["others_at_most"] = view.hottest.rows.back().usage();
  return document;
}

}  // namespace starling::http
