// Inputs: what other nodes, the limiter and the clock tell us.
#include "gossip/gossip.hpp"

#include <algorithm>

#include "base/check.hpp"

namespace starling {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

/// How long an ack may wait for a delta going the other way.
constexpr Duration ack_delay = milliseconds(25);
constexpr Duration sweep_interval = seconds(1);
constexpr std::uint32_t doubts_max = 3;
/// How long an origin that was asked about in vain is remembered although nothing is held of it.
constexpr Duration asked_in_vain_kept = seconds(60);

}  // namespace

Gossip::Gossip(Options options, GossipStore& store, Membership& membership, Random& random)
    : options_(options),
      store_(store),
      membership_(membership),
      log_(options.queue.components_max),
      queue_(options.queue, random),
      origins_(options.self),
      pager_(log_, queue_, store),
      telling_(pager_, options.self),
      encoder_(options.cluster_tag, options.sealer),
      egress_(options.egress_bytes_per_s) {}

Urgency Gossip::urgency_of(const GossipStore::Own& own, Hits limit) const {
  const std::uint32_t nodes_count = membership_.nodes_count();
  if (leaving_) return Urgency::now;
  if (nodes_count == 1 || options_.sync_mode == SyncMode::fixed) return Urgency::soon;
  const Hits unpublished = saturating_sub(own.hits, queue_.published(own.component));
  return urgency(unpublished, flush_threshold(saturating_sub(limit, own.value), nodes_count));
}

void Gossip::on_admitted(ComponentIndex component, const Held& held, Instant now) {
  const Urgency urgency = urgency_of(store_.own_beside(component), held.limit);
  if (urgency == Urgency::late && held.wait_max > Duration::zero()) {
    queue_.add_late(component, held.limit, now + held.wait_max, now);
  } else {
    queue_.add(component, held.limit, urgency == Urgency::now, now);
  }
}

/// Brings near what joining the first of `entries` will look at, for all of them at once.
void Gossip::expect(OriginIndex origin, std::span<const wire::DeltaEntry> entries) const {
  std::array<GossipStore::Expected, GossipStore::expected_max> where;
  const std::size_t count = std::min(entries.size(), where.size());
  store_.expect(origin, entries.first(count), std::span(where).first(count));
  for (std::size_t i = 0; i < count; ++i) {
    log_.prefetch(where[i].component);
    queue_.prefetch(where[i].own);
  }
  for (std::size_t i = 0; i < count; ++i) log_.prefetch_neighbours(where[i].component);
}

/// Others' hits bring a limit closer, and what we keep back may now be too much: without this the hits a node
/// held back far from the limit stay unknown to the others while they use it up.
void Gossip::reconsider(ComponentIndex joined, Instant now) {
  const GossipStore::Own own = store_.own_beside(joined);
  if (own.component == no_component) return;
  const std::optional<Hits> limit = queue_.limit_of_waiting(own.component);
  if (!limit) return;
  const Urgency urgency = urgency_of(own, *limit);
  if (urgency != Urgency::late) queue_.add(own.component, *limit, urgency == Urgency::now, now);
}

void Gossip::publish(std::span<const ComponentIndex> components, Instant now) {
  Origin& self = origins_[own_origin];
  telling_.on_changed();
  for (const ComponentIndex component : components) {
    wire::DeltaEntry entry;
    store_.read(component, entry);
    queue_.set_published(component, entry.count);
    store_.on_published(component, entry.count, now);
    self.watermark = Version{self.watermark.value + 1};
    log_.stamp(self.log, component, self.watermark, no_component);
  }
}

void Gossip::publish_everything(Instant now) {
  due_.clear();
  queue_.take_all(now, due_);
  publish(due_, now);
}

Result<void> Gossip::on_delta(const wire::Delta& delta, const Address& from, bool is_repeated, Instant now,
                              Effects& effects) {
  if (delta.sender == options_.self) return fail(ErrorCode::from_self);
  counts_.entries_received += delta.entries.size();
  const auto stream = streams_.find(delta.sender);
  const Peer* sender = membership_.find(delta.sender);
  // A newcomer's counts may overtake the heartbeat that makes it a peer here.
  const bool believed = !is_repeated && (sender != nullptr || delta.sender == delta.origin) &&
                        membership_.speaks_from(delta.sender, from);
  if (believed && stream != streams_.end() && sender != nullptr && delta.recipient == options_.self)
    on_ack(stream->second, *sender, delta.ack, now, effects);
  if (delta.entries.empty() && delta.to == delta.from) {  // an ack, or the answer that nothing is held there
    Origin* pulled = delta.origin == delta.sender ? nullptr : origins_.find(delta.origin);
    if (believed && pulled != nullptr && pulled->id != options_.self)
      after_pulled(*pulled, delta, now, effects);
    return {};
  }

  if (delta.origin == options_.self) {
    effects.notify(Notice{.kind = Notice::Kind::own_origin_from_afar, .peer = delta.sender});
    return fail(ErrorCode::from_self);
  }
  const auto index = origins_.intern(delta.origin);
  if (!index) return tl::unexpected(index.error());
  Origin& origin = origins_[*index];
  Result<void> outcome;
  ComponentIndex near = no_component;
  for (std::size_t at = 0; at < delta.entries.size(); ++at) {
    if (at % GossipStore::expected_max == 0) expect(*index, std::span(delta.entries).subspan(at));
    const wire::DeltaEntry& entry = delta.entries[at];
    const auto component = store_.join(*index, entry);
    if (component) {
      log_.stamp(origin.log, *component, entry.version, near);
      near = *component;
      reconsider(*component, now);
    } else {
      const bool missed = entry.version > origin.watermark && !store_.is_over(entry);
      if (missed) origin.refused.add(entry);
      if (outcome) outcome = tl::unexpected(component.error());
    }
  }
  origins_.note_held(*index);
  // Entries that were refused do not hold the watermark back, for to send them again to us would not help;
  // but what we hand on claims no more than `whole()`.
  if (!believed) return outcome;
  if (!delta.partial && delta.to > origin.watermark) {
    if (delta.from <= origin.watermark) {
      origin.watermark = origin.beyond.advance(delta.to);
      origin.behind_since = never;
    } else {
      origin.beyond.add(delta.from, delta.to);
    }
  }
  if (delta.sender != delta.origin) {
    after_pulled(origin, delta, now, effects);
  } else if (stream != streams_.end()) {
    const bool enough = ++stream->second.deltas_to_ack >= deltas_per_ack;
    // A patient one is acked by the next heartbeat, which goes out anyway.
    if (enough || !delta.patient) {
      stream->second.ack_at = std::min(stream->second.ack_at, enough ? now : now + ack_delay);
      watch(delta.sender, stream->second);
    }
  }
  return outcome;
}

void Gossip::on_heartbeat(const Membership::Heard& heard, const wire::Heartbeat& heartbeat, Instant now,
                          Effects& effects) {
  if (heard.peer == nullptr || !heard.peer->live()) return;
  const Peer& peer = *heard.peer;
  Stream& stream = streams_[peer.origin];
  if (heard.became_alive) {
    // It may have forgotten what it once acked: what it says now is where we start.
    stream = Stream{};
    // An ack above what was published is nonsense: begin with nothing.
    if (heartbeat.ack <= origins_[own_origin].watermark) stream.acked = stream.sent = heartbeat.ack;
    // What we hold back from everybody a newcomer needs as well: its view must not begin behind.
    const Version before = origins_[own_origin].watermark;
    publish_everything(now);
    // It may have been urgent for the others.
    if (origins_[own_origin].watermark > before) tell_everybody(before, Purpose::urgent, now, effects);
  } else {
    doubt_ack(stream, heartbeat.ack);
  }
  if (!stream.snapshot_known && heartbeat.lists_holdings) {
    // The first one that it wrote knowing us; so its version covers what it had kept back.
    stream.snapshot_known = true;
    stream.snapshot_target = heartbeat.version;
  }
  const auto index = origins_.intern(peer.origin);
  if (index) {
    Origin& origin = origins_[*index];
    doubt_watermark(origin, heartbeat.version);
    if (peer.version <= origin.watermark) {
      origin.behind_since = never;
    } else if (origin.behind_since == never) {
      origin.behind_since = now;
    }
  }
  on_ack(stream, peer, heartbeat.ack, now, effects);
  on_holdings(peer, heartbeat, now, effects);
  if (heartbeat.lists_holdings && !stream.holdings_complete) {
    if (stream.holdings_seen.size() < origins_max)
      for (const wire::Holding& holding : heartbeat.holdings) stream.holdings_seen.insert(holding.origin);
    stream.holdings_complete = stream.holdings_seen.size() >= heartbeat.holdings_count;
    if (stream.holdings_complete) stream.holdings_seen.clear();
  }
  send_new(stream, peer, Purpose::catch_up, Version{}, now, effects);
}

/// A peer that says again and again that it holds less than we believe never held it, or holds it no more: go
/// back to what it says. A single such heartbeat has only been overtaken by a delta's ack.
void Gossip::doubt_ack(Stream& stream, Version said) {
  const bool stuck = said < stream.acked && said == stream.ack_said;
  stream.ack_said = said;
  stream.ack_regressions = stuck ? stream.ack_regressions + 1 : 0;
  if (stream.ack_regressions < doubts_max) return;
  stream.ack_regressions = 0;
  stream.acked = stream.sent = said;
  stream.cursor = no_component;
  stream.in_flight.clear();
}

/// Likewise a watermark, or a claim beyond it, above all that the origin itself knows to have published rests
/// on a false word.
void Gossip::doubt_watermark(Origin& origin, Version published) {
  const Version claimed = std::max(origin.watermark, origin.beyond.highest());
  const bool stuck = published < claimed && claimed == origin.overclaimed;
  origin.overclaimed = claimed;
  origin.overclaims = stuck ? origin.overclaims + 1 : 0;
  if (origin.overclaims < doubts_max) return;
  origin.overclaims = 0;
  origin.beyond.clear();
  if (published < origin.watermark) origin.watermark = Version{};
}

void Gossip::on_ack(Stream& stream, const Peer& peer, Version ack, Instant now, Effects& effects) {
  if (ack <= stream.acked || ack > origins_[own_origin].watermark) return;
  stream.acked = ack;
  stream.sent = std::max(stream.sent, ack);
  stream.timeouts = 0;
  while (!stream.in_flight.empty() && stream.in_flight.front().to <= ack) stream.in_flight.pop_front();
  stream.retransmit_at = never;
  if (!stream.in_flight.empty()) arm_retransmission(stream, peer, now);
  send_new(stream, peer, Purpose::catch_up, Version{}, now, effects);
}

void Gossip::forget(ComponentIndex component, OriginIndex origin) {
  log_.remove(origins_[origin].log, component);
  origins_.note_held(origin);
  if (origin != own_origin) return;
  queue_.forget(component);
  telling_.on_changed();
}

void Gossip::on_tick(Instant now, Effects& effects) {
  flush(now, effects);
  tick_streams(now, effects);
  if (next_sweep_ <= now) {
    drop_stale_rows(now);
    next_sweep_ = now + sweep_interval;
  }
}

Instant Gossip::next_deadline() const {
  const Instant stream = watched_.empty() ? never : watched_.begin()->first;
  return std::min({queue_.next_deadline(), stream, next_sweep_});
}

Instant Gossip::next_urgent() const {
  const Instant stream = watched_.empty() ? never : watched_.begin()->first;
  return std::min(queue_.urgent_at(), stream);
}

void Gossip::drop_stale_rows(Instant now) {
  std::erase_if(streams_, [&](const auto& item) {
    const Peer* peer = membership_.find(item.first);
    return peer == nullptr || !peer->live();
  });
  for (std::size_t row = 1; row < origins_.rows_count(); ++row) {
    const OriginIndex index{static_cast<std::uint32_t>(row)};
    Origin& origin = origins_[index];
    origin.refused.forget([this](const wire::DeltaEntry& entry) { return store_.is_over(entry); });
    // A node without room holds nothing of an origin, and would ask anew if it forgot what it was told.
    const bool in_vain = (!origin.refused.empty() || !origin.differences.empty()) &&
                         now < origin.pull_until + asked_in_vain_kept &&
                         origins_.origins_count() < origins_max / 2;
    const bool waiting = origin.join_target > origin.watermark || origin.pull_until > now || in_vain;
    if (origin.id != OriginId{} && origin.log.size == 0 && !waiting && membership_.find(origin.id) == nullptr)
      origins_.erase(index);
  }
}

bool Gossip::joined() const {
  for (const auto& [origin, peer] : membership_.peers()) {
    if (!peer.live()) continue;
    const auto stream = streams_.find(origin);
    if (stream == streams_.end() || !stream->second.snapshot_known || !stream->second.holdings_complete)
      return false;
    const Origin* row = origins_.find(origin);
    if (row == nullptr || row->watermark < stream->second.snapshot_target) return false;
  }
  for (std::size_t row = 1; row < origins_.rows_count(); ++row) {
    const Origin& origin = origins_[OriginIndex{static_cast<std::uint32_t>(row)}];
    if (origin.watermark < origin.join_target) return false;
  }
  return true;
}

void Gossip::finish_join() {
  joining_ = false;
  for (std::size_t row = 1; row < origins_.rows_count(); ++row)
    origins_[OriginIndex{static_cast<std::uint32_t>(row)}].join_target = Version{};
}

bool Gossip::everything_acked() const {
  const Version newest = origins_[own_origin].watermark;
  return queue_.empty() && std::all_of(streams_.begin(), streams_.end(), [&](const auto& item) {
           const Peer* peer = membership_.find(item.first);
           return peer == nullptr || !peer->live() || !peer->hears_us || item.second.acked >= newest;
         });
}

GossipSizes Gossip::sizes() const {
  GossipSizes sizes{.streams = streams_.size(), .in_flight_most = 0, .waiting = queue_.places_count()};
  for (const auto& [origin, stream] : streams_)
    sizes.in_flight_most = std::max(sizes.in_flight_most, stream.in_flight.size());
  return sizes;
}

Gossip::Lag Gossip::lag(const Peer& peer, Instant now) const {
  Lag lag;
  const Origin* origin = origins_.find(peer.origin);
  const Version held = origin == nullptr ? Version{} : origin->watermark;
  lag.missing_versions = saturating_sub(peer.version.value, held.value);
  if (lag.missing_versions != 0 && origin != nullptr && origin->behind_since != never)
    lag.behind = now - origin->behind_since;
  const auto stream = streams_.find(peer.origin);
  if (stream != streams_.end())
    lag.unacked_versions = saturating_sub(origins_[own_origin].watermark.value, stream->second.acked.value);
  return lag;
}

}  // namespace starling
