// Outputs: flushes, acks, retransmissions.
#include <algorithm>

#include "base/check.hpp"
#include "gossip/gossip.hpp"

namespace starling {
namespace {

using std::chrono::milliseconds;

/// A peer may sit on an ack this long; the timeout must not be shorter.
constexpr Duration ack_allowance = milliseconds(40);
constexpr Duration retransmit_min = milliseconds(60);
constexpr Duration retransmit_max = milliseconds(2000);
constexpr std::uint32_t backoff_doublings_max = 5;

}  // namespace

void Gossip::flush(Instant now, Effects& effects) {
  if (queue_.urgent_at() <= now && !egress_.may_send(Purpose::urgent, now))
    queue_.postpone_urgent(egress_.next(Purpose::urgent));
  if (queue_.lazy_at() <= now && !egress_.may_send(Purpose::lazy, now))
    queue_.postpone_lazy(egress_.next(Purpose::lazy));
  due_.clear();
  const bool urgent = queue_.take_due(now, due_);
  if (due_.empty()) return;
  ++(urgent ? counts_.urgent_flushes : counts_.lazy_flushes);
  const Version before = origins_[own_origin].watermark;
  publish(due_, now);
  tell_everybody(before, urgent ? Purpose::urgent : Purpose::lazy, now, effects);
}

void Gossip::tell_urgent(Instant now, Effects& effects) {
  if (queue_.urgent_at() <= now && !egress_.may_send(Purpose::urgent, now))
    queue_.postpone_urgent(egress_.next(Purpose::urgent));
  due_.clear();
  queue_.take_urgent(now, due_);
  if (!due_.empty()) {
    ++counts_.urgent_flushes;
    const Version before = origins_[own_origin].watermark;
    publish(due_, now);
    tell_everybody(before, Purpose::urgent, now, effects);
  }
  tick_streams(now, effects);
}

void Gossip::tell_everybody(Version before, Purpose purpose, Instant now, Effects& effects) {
  for (auto& [origin, stream] : streams_) {
    const Peer* peer = membership_.find(origin);
    if (peer == nullptr || !peer->live()) continue;
    send_new(stream, *peer, purpose, before, now, effects);
    if (purpose != Purpose::urgent || stream.sent > before) continue;
    // This peer is being paged older counts. Urgent ones do not queue behind them: joined on receipt, they
    // claim nothing and come again in their turn.
    const DeltaPager::Range range{.from_min = before, .sent = before, .to = origins_[own_origin].watermark};
    Telling::Told& told = telling_.newest(origins_[own_origin].log, range);
    if (told.fits) tell(told, stream, *peer, purpose, effects);
  }
}

void Gossip::send_new(Stream& stream, const Peer& peer, Purpose purpose, Version before, Instant now,
                      Effects& effects) {
  const Origin& self = origins_[own_origin];
  bool pending = false;
  while (stream.sent < self.watermark && stream.in_flight.size() < in_flight_packets_max) {
    const DeltaPager::Range range{.from_min = stream.acked, .sent = stream.sent, .to = self.watermark};
    Telling::Told* told = &telling_.newest(self.log, range);
    const bool newest = told->fits;
    if (!newest && stream.in_flight.size() >= catch_up_packets_max) break;  // its acks will draw the rest
    // News has been let through as a whole. What a peer that is behind needs first is no news.
    const bool is_news =
        (purpose == Purpose::urgent || purpose == Purpose::lazy) && (newest || stream.sent >= before);
    const Purpose why = is_news || purpose == Purpose::retransmit ? purpose : Purpose::catch_up;
    pending = true;
    if (!is_news && !egress_.may_send(why, now)) break;  // the retransmission timer brings us back
    if (!newest) told = &telling_.page(self.log, stream.sent, self.watermark, stream.cursor);
    stream.cursor = told->last;
    stream.sent = told->delta.to;
    stream.in_flight.push_back(Stream::InFlight{.to = told->delta.to, .patient = why == Purpose::lazy});
    tell(*told, stream, peer, why, effects);
  }
  if (pending) arm_retransmission(stream, peer, now);
}

void Gossip::tell(Telling::Told& told, Stream& stream, const Peer& peer, Purpose purpose, Effects& effects) {
  counts_.entries_sent += told.delta.entries.size();
  send(telling_.encode(told, encoder_, peer.origin, held_of(peer.origin), purpose == Purpose::lazy), peer,
       purpose, effects);
  stream.on_acked();  // this one carried the ack
}

void Gossip::send_delta(wire::Delta& delta, const Peer& peer, Purpose purpose, Effects& effects) {
  delta.sender = options_.self;
  delta.recipient = peer.origin;
  delta.patient = false;
  delta.ack = held_of(peer.origin);
  counts_.entries_sent += delta.entries.size();
  send(encoder_.encode(delta), peer, purpose, effects);
}

void Gossip::send(std::span<const std::byte> datagram, const Peer& peer, Purpose purpose, Effects& effects) {
  egress_.on_sent(purpose, datagram);
  effects.send(Port::sync, peer.sync, datagram);
}

Version Gossip::held_of(OriginId id) const {
  const Origin* origin = origins_.find(id);
  return origin == nullptr ? Version{} : origin->watermark;
}

void Gossip::send_ack(Stream& stream, const Peer& peer, Effects& effects) {
  delta_.entries.clear();
  delta_.origin = options_.self;
  delta_.from = delta_.to = Version{};
  send_delta(delta_, peer, Purpose::ack, effects);
  stream.on_acked();
}

void Gossip::arm_retransmission(Stream& stream, const Peer& peer, Instant now) {
  const bool patient =
      !stream.in_flight.empty() && std::all_of(stream.in_flight.begin(), stream.in_flight.end(),
                                               [](const Stream::InFlight& packet) { return packet.patient; });
  // An ack waits a little for a delta going the other way, or for the next heartbeat.
  const Duration interval =
      peer.interval != Duration::zero() ? peer.interval : membership_.heartbeat_interval();
  const Duration allowance = patient ? 5 * interval / 4 : ack_allowance;
  const Duration base = std::max(retransmit_min, peer.rtt_bound() + allowance);
  const Duration backed_off = base * (std::int64_t{1} << std::min(stream.timeouts, backoff_doublings_max));
  // An earlier deadline stands: it is for packets sent before these.
  stream.retransmit_at = std::min(stream.retransmit_at, now + std::min(backed_off, retransmit_max));
  watch(peer.origin, stream);
}

/// Deadlines that move later, or away, are left: when their time comes there is nothing to do.
void Gossip::watch(OriginId origin, Stream& stream) {
  const Instant due = std::min(stream.retransmit_at, stream.ack_at);
  if (due >= stream.watched) return;
  if (stream.watched != never) watched_.erase({stream.watched, origin});
  watched_.emplace(due, origin);
  stream.watched = due;
}

void Gossip::tick_streams(Instant now, Effects& effects) {
  while (!watched_.empty() && watched_.begin()->first <= now) {
    const auto [due, origin] = *watched_.begin();
    watched_.erase(watched_.begin());
    const auto found = streams_.find(origin);
    if (found == streams_.end() || found->second.watched != due) continue;  // of an earlier acquaintance
    Stream& stream = found->second;
    stream.watched = never;
    const Peer* peer = membership_.find(origin);
    if (peer == nullptr || !peer->live()) continue;
    if (stream.retransmit_at <= now) {
      ++stream.timeouts;
      stream.sent = stream.acked;
      stream.cursor = no_component;
      stream.in_flight.clear();
      stream.retransmit_at = never;
      send_new(stream, *peer, Purpose::retransmit, Version{}, now, effects);
    }
    if (stream.ack_at <= now) {
      if (egress_.may_send(Purpose::ack, now)) {
        send_ack(stream, *peer, effects);
      } else {
        stream.ack_at = egress_.next(Purpose::ack);
      }
    }
    watch(origin, stream);
  }
}

void Gossip::begin_leave(Instant now, Effects& effects) {
  leaving_ = true;
  publish_everything(now);
  for (auto& [origin, stream] : streams_) {
    const Peer* peer = membership_.find(origin);
    if (peer == nullptr || !peer->live()) continue;
    // What is under way may be acked late: said again as urgent, it is acked now.
    stream.sent = stream.acked;
    stream.cursor = no_component;
    stream.in_flight.clear();
    send_new(stream, *peer, Purpose::urgent, Version{}, now, effects);
  }
}

}  // namespace starling
