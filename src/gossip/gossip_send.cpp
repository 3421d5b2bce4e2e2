// Outputs: flushes, acks, retransmissions, pulls.
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
constexpr Duration pull_patience_min = milliseconds(100);
constexpr Duration pull_patience_max = milliseconds(2000);

Duration rtt_bound(const Peer& peer) {
  return peer.rtt.value_or(milliseconds(100)) + 4 * peer.rtt_deviation;
}

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

void Gossip::tell_everybody(Version before, Purpose purpose, Instant now, Effects& effects) {
  for (auto& [origin, stream] : streams_) {
    const Peer* peer = membership_.find(origin);
    if (peer == nullptr || !peer->live()) continue;
    send_new(stream, *peer, purpose, before, now, effects);
    if (purpose != Purpose::urgent || stream.sent > before) continue;
    // This peer is being paged older counts. Urgent ones do not queue behind them: joined on receipt, they
    // claim nothing and come again in their turn.
    const DeltaPager::Range range{.from_min = before, .sent = before, .to = origins_[own_origin].watermark};
    if (!pager_.fill_newest(origins_[own_origin].log, range, delta_)) continue;
    delta_.origin = options_.self;
    send_delta(delta_, &stream, *peer, purpose, effects);
  }
}

void Gossip::send_new(Stream& stream, const Peer& peer, Purpose purpose, Version before, Instant now,
                      Effects& effects) {
  const Origin& self = origins_[own_origin];
  bool pending = false;
  while (stream.sent < self.watermark && stream.in_flight.size() < in_flight_packets_max) {
    const DeltaPager::Range range{.from_min = stream.acked, .sent = stream.sent, .to = self.watermark};
    const bool newest = pager_.fill_newest(self.log, range, delta_);
    if (!newest && stream.in_flight.size() >= catch_up_packets_max) break;  // its acks will draw the rest
    // News has been let through as a whole. What a peer that is behind needs first is no news.
    const bool is_news =
        (purpose == Purpose::urgent || purpose == Purpose::lazy) && (newest || stream.sent >= before);
    const Purpose why = is_news || purpose == Purpose::retransmit ? purpose : Purpose::catch_up;
    pending = true;
    if (!is_news && !egress_.may_send(why, now)) break;  // the retransmission timer brings us back
    stream.cursor = newest ? self.log.newest
                           : pager_.fill_page(self.log, stream.sent, self.watermark, stream.cursor, delta_);
    delta_.origin = options_.self;
    stream.sent = delta_.to;
    stream.in_flight.push_back(Stream::InFlight{.to = delta_.to, .patient = why == Purpose::lazy});
    send_delta(delta_, &stream, peer, why, effects);
  }
  if (pending) arm_retransmission(stream, peer, now);
}

void Gossip::send_delta(wire::Delta& delta, Stream* stream, const Peer& peer, Purpose purpose,
                        Effects& effects) {
  delta.sender = options_.self;
  delta.recipient = peer.origin;
  delta.patient = purpose == Purpose::lazy;
  const Origin* origin = origins_.find(peer.origin);
  delta.ack = origin == nullptr ? Version{} : origin->watermark;
  counts_.entries_sent += delta.entries.size();
  const std::span<const std::byte> datagram = encoder_.encode(delta);
  egress_.on_sent(purpose, datagram);
  effects.send(Port::sync, peer.sync, datagram);
  if (stream == nullptr) return;
  stream->deltas_to_ack = 0;  // this one carried the ack
  stream->ack_at = never;
}

void Gossip::send_ack(Stream& stream, const Peer& peer, Effects& effects) {
  delta_.entries.clear();
  delta_.origin = options_.self;
  delta_.from = delta_.to = Version{};
  send_delta(delta_, &stream, peer, Purpose::ack, effects);
}

void Gossip::arm_retransmission(Stream& stream, const Peer& peer, Instant now) {
  const bool patient =
      !stream.in_flight.empty() && std::all_of(stream.in_flight.begin(), stream.in_flight.end(),
                                               [](const Stream::InFlight& packet) { return packet.patient; });
  // An ack waits a little for a delta going the other way, or for the next heartbeat.
  const Duration interval =
      peer.interval != Duration::zero() ? peer.interval : membership_.heartbeat_interval();
  const Duration allowance = patient ? 5 * interval / 4 : ack_allowance;
  const Duration base = std::max(retransmit_min, rtt_bound(peer) + allowance);
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

void Gossip::pull(Origin& origin, const Peer& from, Version after, Instant now, Effects& effects) {
  if (origin.pull_until > now) return;                  // somebody has been asked and may still answer
  if (!egress_.may_send(Purpose::repair, now)) return;  // the next heartbeat's holdings ask again
  origin.pulled_from = from.origin;
  origin.pull_packets_left = pull_packets_max;
  origin.pull_after = origin.pull_reached = after;
  origin.pull_theirs = 0;
  // One round trip through a clogged link must not keep us from asking anybody for half a minute.
  origin.pull_until = now + std::clamp(2 * rtt_bound(from), pull_patience_min, pull_patience_max);
  const wire::Pull pull{
      .sender = options_.self, .recipient = from.origin, .origin = origin.id, .from = after};
  const std::span<const std::byte> datagram = encoder_.encode(pull);
  egress_.on_sent(Purpose::repair, datagram);
  effects.send(Port::sync, from.sync, datagram);
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
