#include "metrics/families.hpp"

namespace starling::metrics {
namespace {

void add_by_kind(const EngineCounts& engine, std::uint64_t KindTraffic::*field, FamilyList& out) {
  for (const auto& [direction, traffic] :
       {std::pair{"sent", &engine.sent_by_kind}, std::pair{"received", &engine.received_by_kind}})
    for (std::size_t i = 0; i < traffic->size(); ++i)
      out.add({{"direction", direction}, {"kind", wire::name(static_cast<wire::Kind>(i + 1))}},
              (*traffic)[i].*field);
}

void add_socket(std::string_view name, const UdpSocket::Counters& counters, FamilyList& out) {
  const auto add = [&](std::string_view reason, std::uint64_t count) {
    out.add({{"socket", name}, {"reason", reason}}, count);
  };
  add("send_queued", counters.send_queued);
  add("send_dropped", counters.send_dropped);
  add("send_failed", counters.send_failed);
  add("receive_failed", counters.receive_failed);
  add("truncated", counters.truncated);
}

void add_keys(const NodeCounts& node, FamilyList& out) {
  const KeysView& keys = node.engine.keys;
  out.gauge("starling_keys",
            "Keys in force that sealed datagrams are opened with; 0: gossip is not encrypted.",
            static_cast<double>(keys.ids.size()));
  out.gauge("starling_plain_packets_accepted", "1 while datagrams that are not sealed are taken.",
            keys.plain == wire::PlainPackets::refused ? 0.0 : 1.0);
  out.counter("starling_sealed_packets_opened_total", "Sealed datagrams that opened.",
              static_cast<double>(keys.opened));
  out.counter("starling_key_reloads_total", "Changes of the key file. refused: the old keys stay.");
  out.add({{"result", "ok"}}, node.key_reloads.ok);
  out.add({{"result", "refused"}}, node.key_reloads.failed);
  out.gauge("starling_key_last_reload_successful", "1 unless the last change of the key file was refused.",
            node.last_key_reload_ok ? 1.0 : 0.0);
}

}  // namespace

void add_gossip(const Snapshot& snapshot, FamilyList& out) {
  const EngineCounts& engine = snapshot.node.engine;
  out.counter("starling_gossip_packets_total",
              "Datagrams between nodes; received ones that are of this cluster and protocol.");
  add_by_kind(engine, &KindTraffic::packets, out);
  out.counter("starling_gossip_bytes_total", "Their bytes, without headers of UDP and below.");
  add_by_kind(engine, &KindTraffic::bytes, out);
  out.counter("starling_gossip_egress_bytes_total", "Bytes sent to other nodes, by what for.");
  for (std::size_t i = 0; i < engine.sent.size(); ++i)
    out.add({{"purpose", name(static_cast<Purpose>(i))}}, engine.sent[i].bytes);
  out.counter("starling_gossip_entries_total", "Entries of counters in deltas, repeated ones too.");
  out.add({{"direction", "sent"}}, engine.gossip.entries_sent);
  out.add({{"direction", "received"}}, engine.gossip.entries_received);
  out.counter("starling_gossip_dropped_total", "Datagrams received and refused, whole or in part.");
  for (std::size_t i = 0; i < engine.dropped.size(); ++i)
    out.add({{"reason", name(static_cast<ErrorCode>(i))}}, engine.dropped[i]);
  out.counter("starling_gossip_retransmissions_total", "Deltas sent again for want of an acknowledgement.",
              static_cast<double>(engine.sent[static_cast<std::size_t>(Purpose::retransmit)].packets));
  out.counter("starling_gossip_flushes_total",
              "Publications of counts. urgent: a limit was near; lazy: by the interval.");
  out.add({{"cause", "urgent"}}, engine.gossip.urgent_flushes);
  out.add({{"cause", "lazy"}}, engine.gossip.lazy_flushes);
  out.counter("starling_udp_errors_total",
              "What the sockets of gossip met. send_queued: sent, but not at once; the rest is lost.");
  add_socket("sync", snapshot.node.sync_socket, out);
  add_socket("heartbeat", snapshot.node.heartbeat_socket, out);
  add_keys(snapshot.node, out);
}

}  // namespace starling::metrics
