#include "http/admin_json.hpp"

#include <fmt/format.h>
#include <array>
#include <starling/version.hpp>
#include <string_view>

#include "node/advice.hpp"
#include "node/key_file.hpp"

namespace starling::http {
namespace {

std::string hex(OriginId origin) {
  return origin == OriginId{} ? "" : fmt::format("{:016x}", origin.value);
}

template <class T>
Json or_null(const std::optional<T>& value) {
  return value ? Json(*value) : Json(nullptr);
}

std::string or_empty(const std::optional<Endpoint>& endpoint) {
  return endpoint ? endpoint->to_string() : "";
}

Json datagrams_document(const NodeStatus& status) {
  Json dropped = Json::object();
  for (std::size_t code = 0; code < error_codes_count; ++code)
    dropped[std::string(name(static_cast<ErrorCode>(code)))] = status.counts.dropped[code];
  Json sent_by = Json::object();
  std::uint64_t sent = 0;
  std::uint64_t sent_bytes = 0;
  for (std::size_t purpose = 0; purpose < purposes_count; ++purpose) {
    const Traffic& traffic = status.counts.sent[purpose];
    sent += traffic.packets;
    sent_bytes += traffic.bytes;
    sent_by[std::string(name(static_cast<Purpose>(purpose)))] = {
        {"packets", traffic.packets}, {"bytes", traffic.bytes}, {"deferred", traffic.deferred}};
  }
  const auto both = [&](std::uint64_t UdpSocket::Counters::*field) {
    return status.sync_socket.*field + status.heartbeat_socket.*field;
  };
  return {{"received", status.counts.datagrams_received},
          {"accepted", status.counts.datagrams_accepted},
          {"sent", sent},
          {"sent_bytes", sent_bytes},
          {"sent_by_purpose", std::move(sent_by)},
          {"dropped", std::move(dropped)},
          {"socket",
           {{"send_queued", both(&UdpSocket::Counters::send_queued)},
            {"send_dropped", both(&UdpSocket::Counters::send_dropped)},
            {"send_failed", both(&UdpSocket::Counters::send_failed)},
            {"receive_failed", both(&UdpSocket::Counters::receive_failed)},
            {"truncated", both(&UdpSocket::Counters::truncated)}}}};
}

Json overrides_document(const LiveCounts& live) {
  return {{"used", live.overrides},
          {"max", live.overrides_max},
          {"tombstones", live.tombstones},
          {"refused",
           {{"full", live.refused_full},
            {"clock", live.refused_clock},
            {"flawed", live.refused_flawed},
            {"unknown", live.refused_unknown}}}};
}

/// What names a key; never the key.
Json keys_document(const NodeStatus& status) {
  const KeysView& keys = status.counts.keys;
  Json ids = Json::array();
  for (const wire::KeyId id : keys.ids) ids.push_back(to_text(id));
  constexpr std::array<std::string_view, 3> plain_names{"refused", "accepted", "sent"};
  return {{"file", status.keys.file},
          {"ids", std::move(ids)},
          {"plain", plain_names.at(static_cast<std::size_t>(keys.plain))},
          {"ring", keys.ids.empty() ? "" : to_text(keys.ids, keys.plain)},
          {"opened", keys.opened},
          {"reload_error", status.keys.error.empty() ? Json(nullptr) : Json(status.keys.error)},
          {"reloads",
           {{"ok", status.keys.reloads.ok},
            {"failed", status.keys.reloads.failed},
            {"last_ms_ago", or_null(status.keys.reloads.last_ms_ago)}}}};
}

Json front_ends_document(const std::vector<FrontEndStatus>& front_ends) {
  Json list = Json::array();
  for (const FrontEndStatus& front_end : front_ends) {
    Json errors = Json::object();
    for (const auto& [reason, count] : front_end.errors)
      if (count > 0) errors[std::string(reason)] = count;
    list.push_back({{"name", front_end.name},
                    {"listeners", front_end.listeners},
                    {"requests", front_end.requests},
                    {"connections",
                     {{"open", front_end.connections_open},
                      {"accepted", front_end.connections_accepted},
                      {"refused", front_end.connections_refused}}},
                    {"errors", std::move(errors)}});
  }
  return list;
}

Json neighborhood_document(const NodeStatus::Neighborhood& neighborhood) {
  Json addresses = Json::array();
  for (const Endpoint& endpoint : neighborhood.addresses) addresses.push_back(endpoint.to_string());
  std::string errors;
  for (const std::string& error : neighborhood.errors)
    errors += fmt::format("{}{}", errors.empty() ? "" : "; ", error);
  return {{"host", neighborhood.host},
          {"addresses", std::move(addresses)},
          {"last_resolved_ms_ago", or_null(neighborhood.resolved_ms_ago)},
          {"error", errors.empty() ? Json(nullptr) : Json(errors)}};
}

}  // namespace

std::string text_of(const Json& document) {
  return document.dump(-1, ' ', false, Json::error_handler_t::replace);
}

void set_document(Response& response, const Json& document) {
  response.set_json(text_of(document));
}

Json peers_document(const NodeStatus& status) {
  Json peers = Json::array();
  for (const PeerView& peer : status.peers)
    peers.push_back({{"name", peer.name},
                     {"address", peer.heartbeat.address.to_string()},
                     {"heartbeat_endpoint", peer.heartbeat.to_string()},
                     {"sync_endpoint", peer.sync.port == 0 ? "" : peer.sync.to_string()},
                     {"origin", hex(peer.origin)},
                     {"state", peer.state},
                     {"age_ms", peer.age_ms},
                     {"heard_ms_ago", peer.heard_ms_ago},
                     {"rtt_us", or_null(peer.rtt_us)},
                     {"lag_ms", peer.lag_ms},
                     {"missing_versions", peer.missing_versions},
                     {"unacked_versions", peer.unacked_versions},
                     {"clock_skew_ms", peer.clock_skew_ms},
                     {"key", peer.key ? Json(to_text(*peer.key)) : Json(nullptr)},
                     {"version", peer.software}});
  return {{"node", status.name}, {"peers", std::move(peers)}};
}

Json status_document(const NodeStatus& status, const std::vector<FrontEndStatus>& front_ends) {
  Json settings = Json::array();
  for (const SettingView& setting : status.settings)
    settings.push_back({{"name", setting.name}, {"value", setting.value}, {"source", name(setting.source)}});
  const std::vector<Advice> advices = advice_of(status);
  Json document = {{"node",
                    {{"name", status.name},
                     {"origin", hex(status.origin)},
                     {"version", version},
                     {"uptime_ms", status.uptime_ms},
                     {"cluster", status.cluster}}},
                   {"state", name(status.state)},
                   {"ready", status.ready()},
                   {"reason", not_ready_reason(status)},
                   {"advice", advice(status)},
                   {"advice_items", advice_document(advices)},
                   {"verdict", verdict(advices)},
                   {"cluster_size", status.counts.nodes_count},
                   {"cluster_known", status.counts.known_count},
                   {"isolated", status.counts.isolated},
                   {"peer_delay_ms",
                    std::chrono::duration_cast<std::chrono::milliseconds>(status.counts.peer_delay).count()}};
  document["listeners"] = {{"http", or_empty(status.listeners.http)},
                           {"grpc", or_empty(status.listeners.grpc)},
                           {"admin", or_empty(status.listeners.admin)},
                           {"sync", status.listeners.sync.to_string()},
                           {"heartbeat", status.listeners.heartbeat.to_string()}};
  document["front_ends"] = front_ends_document(front_ends);
  document["neighborhood"] = neighborhood_document(status.neighborhood);
  document["keys"] = keys_document(status);
  document["settings"] = std::move(settings);
  document["domain"] = status.rules->domain;
  document["rules_from"] = status.rules_from;
  document["reload_error"] = status.reload_error.empty() ? Json(nullptr) : Json(status.reload_error);
  document["reloads"] = {{"ok", status.reloads.ok},
                         {"failed", status.reloads.failed},
                         {"last_ms_ago", or_null(status.reloads.last_ms_ago)}};
  document["counters"] = {{"used", status.counts.counters_used}, {"max", status.counts.counters_max}};
  document["decisions"] = {{"allowed", status.counts.allowed},
                           {"denied", status.counts.denied},
                           {"uncounted", status.counts.uncounted},
                           {"truncated", status.counts.truncated},
                           {"failed", status.decisions_failed}};
  document["overrides"] = overrides_document(status.counts.live);
  document["datagrams"] = datagrams_document(status);
  return document;
}

Json advice_document(const std::vector<Advice>& advices) {
  Json items = Json::array();
  for (const Advice& advice : advices)
    items.push_back(
        {{"code", advice.code}, {"kind", advice.is_note ? "note" : "to_do"}, {"text", advice.text}});
  return items;
}

Json counters_document(OriginId self, const std::vector<CounterView>& counters) {
  Json list = Json::array();
  for (const CounterView& counter : counters) {
    Json components = Json::array();
    for (const CounterView::Share& share : counter.shares)
      components.push_back({{"origin", hex(share.origin)}, {"hits", share.hits}});
    list.push_back({{"rule", counter.rule},
                    {"limit", counter.limit},
                    {"window_s", counter.window_s},
                    {"window_id", counter.window_id},
                    {"total", counter.total},
                    {"components", std::move(components)}});
  }
  return {{"origin", hex(self)}, {"counters", std::move(list)}};
}

}  // namespace starling::http
