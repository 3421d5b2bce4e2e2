// Repair through others: who holds what, and who is asked for it.
#include <algorithm>

#include "gossip/gossip.hpp"

namespace starling {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

/// A peer that we can hear ourselves gets this long to fill a hole before others are asked.
constexpr Duration repair_delay = seconds(1);
constexpr Duration pull_patience_min = milliseconds(100);
constexpr Duration pull_patience_max = milliseconds(2000);

}  // namespace

void Gossip::compose(OriginId to, wire::Heartbeat& heartbeat) {
  heartbeat.version = origins_[own_origin].watermark;
  const Origin* origin = origins_.find(to);
  heartbeat.ack = origin == nullptr ? Version{} : origin->watermark;
  const auto stream = streams_.find(to);
  if (stream == streams_.end()) return;
  heartbeat.lists_holdings = true;
  const std::size_t rows = origins_.rows_count();
  const std::size_t count = origins_.held_count() - (origin != nullptr && origin->is_held ? 1 : 0);
  heartbeat.holdings_count = static_cast<std::uint32_t>(count);
  std::size_t& next = stream->second.holdings_next;
  const std::size_t wanted = std::min(count, wire::holdings_per_heartbeat_max);
  while (heartbeat.holdings.size() < wanted) {
    if (next >= rows) next = 0;
    Origin& held = origins_[OriginIndex{static_cast<std::uint32_t>(next)}];
    if (held.is_held && held.id != to)
      heartbeat.holdings.push_back(
          wire::Holding{held.id, held.whole(), log_.hash_above(held.log, held.whole())});
    ++next;
  }
  stream->second.on_acked();
}

void Gossip::on_holdings(const Peer& peer, const wire::Heartbeat& heartbeat, Instant now, Effects& effects) {
  for (const wire::Holding& holding : heartbeat.holdings) {
    if (holding.origin == options_.self || holding.origin == OriginId{}) continue;
    const auto index = origins_.intern(holding.origin);
    if (!index) return;
    Origin& origin = origins_[*index];
    const Peer* itself = membership_.find(holding.origin);
    const bool live = itself != nullptr && itself->live();
    if (holding.watermark <= origin.watermark) {
      if (live || origin.pull_until > now || !may_hold_more(origin, holding)) continue;
      pull(origin, peer, origin.watermark, now, effects);
      origin.pull_theirs = holding.beyond;
      origin.pull_ours = log_.hash_above(origin.log, origin.watermark);
      continue;
    }
    if (joining_ && (!live || origin.join_target == Version{}))
      origin.join_target = std::max(origin.join_target, holding.watermark);
    if (live) {
      if (origin.behind_since == never) origin.behind_since = now;
      if (now - origin.behind_since < repair_delay) continue;
    }
    pull(origin, peer, origin.watermark, now, effects);
  }
}

/// An origin that died in the middle of telling everybody leaves holes that nobody can fill, and different
/// ones at different nodes: what lies past them is made equal all the same. A hash says that two nodes
/// differ, not who holds more, and who had to refuse something will differ for ever: so nobody asks about the
/// same difference again and again once it was answered.
bool Gossip::may_hold_more(Origin& origin, const wire::Holding& holding) const {
  if (holding.beyond == 0) return false;
  const std::uint64_t ours = log_.hash_above(origin.log, origin.watermark);
  if (holding.beyond == ours || holding.beyond == log_.hash_above(origin.log, holding.watermark))
    return false;
  return origin.differences.worth_asking(holding.beyond, ours);
}

void Gossip::after_pulled(Origin& origin, const wire::Delta& delta, Instant now, Effects& effects) {
  const OriginId sender = delta.sender;
  if (origin.pulled_from != sender || origin.pull_packets_left == 0) return;
  if (origin.pull_theirs != 0) origin.differences.on_answer(origin.pull_theirs, origin.pull_ours);
  origin.pull_theirs = 0;
  origin.pull_reached = std::max(origin.pull_reached, delta.to);
  if (--origin.pull_packets_left != 0) return;
  // A full answer: there may be more, after it. Asking again for what has come already would never end.
  const Version after = std::max(origin.watermark, origin.pull_reached);
  if (after <= origin.pull_after) return;
  origin.pull_until = now;
  const Peer* peer = membership_.find(sender);
  if (peer != nullptr && peer->live()) pull(origin, *peer, after, now, effects);
}

void Gossip::pull(Origin& origin, const Peer& from, Version after, Instant now, Effects& effects) {
  if (origin.pull_until > now) return;                  // somebody has been asked and may still answer
  if (!egress_.may_send(Purpose::repair, now)) return;  // the next heartbeat's holdings ask again
  origin.pulled_from = from.origin;
  origin.pull_packets_left = pull_packets_max;
  origin.pull_after = origin.pull_reached = after;
  origin.pull_theirs = 0;
  // One round trip through a clogged link must not keep us from asking anybody for half a minute.
  origin.pull_until = now + std::clamp(2 * from.rtt_bound(), pull_patience_min, pull_patience_max);
  const wire::Pull pull{
      .sender = options_.self, .recipient = from.origin, .origin = origin.id, .from = after};
  send(encoder_.encode(pull), from, Purpose::repair, effects);
}

Result<void> Gossip::on_pull(const wire::Pull& pull, const Address& from_address, Instant now,
                             Effects& effects) {
  const Peer* peer = membership_.find(pull.sender);
  if (peer == nullptr || !peer->live() || pull.recipient != options_.self ||
      !membership_.speaks_from(pull.sender, from_address))
    return fail(ErrorCode::unknown_sender);
  const Origin* origin = origins_.find(pull.origin);
  if (origin == nullptr) return {};
  const Version held = origin->log.newest == no_component
                           ? origin->watermark
                           : std::max(origin->watermark, log_.version(origin->log.newest));
  const Version whole = origin->whole();
  Version from = pull.from;
  ComponentIndex hint = no_component;
  // At least one, though it be empty: who asks must know that it was answered.
  for (std::uint32_t packet = 0; packet < pull_packets_max && (packet == 0 || from < held); ++packet) {
    if (!egress_.may_send(Purpose::repair, now)) break;  // it will ask again
    const bool beyond = from >= whole;                   // past the hole: true counts, but no claim
    hint = pager_.fill_page(origin->log, from, std::max(from, beyond ? held : whole), hint, delta_);
    delta_.origin = pull.origin;
    delta_.partial = beyond;
    from = delta_.to;
    send_delta(delta_, *peer, Purpose::repair, effects);
  }
  delta_.partial = false;
  return {};
}

}  // namespace starling
