#include "live/live_exchange.hpp"

#include <algorithm>
#include <limits>

namespace starling {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr LiveTable::Place last_place = std::numeric_limits<LiveTable::Place>::max();
/// An answer is awaited for a round trip, its deviations and this.
constexpr Duration answer_slack = milliseconds(25);
constexpr Duration answer_min = milliseconds(40);
constexpr Duration answer_max = seconds(1);
/// When the last datagram of a burst has come, the others have this long.
constexpr Duration overtaken_by = milliseconds(10);
constexpr std::uint32_t timeouts_max = 4;
/// A peer that does not answer is left alone, for longer and longer.
constexpr Duration silent_pause_min = milliseconds(50);
constexpr Duration silent_pause_max = seconds(2);
constexpr Duration futile_pause_min = seconds(1);
constexpr Duration futile_pause_max = seconds(10);

Duration patience_with(const Peer& peer) {
  if (!peer.rtt) return answer_max / 4;
  return std::clamp<Duration>(*peer.rtt + 4 * peer.rtt_deviation + answer_slack, answer_min, answer_max);
}

/// What only leavers know is gone with them.
bool stays(const Peer& peer) {
  return peer.node_state != wire::NodeState::leaving;
}

}  // namespace

const Peer* LiveExchange::speaker(OriginId sender, OriginId recipient, const Address& from) const {
  const Peer* peer = membership_.find(sender);
  const bool believed =
      peer != nullptr && peer->live() && recipient == self_ && membership_.speaks_from(sender, from);
  return believed ? peer : nullptr;
}

void LiveExchange::send(const wire::Overrides& overrides, const Peer& to, Effects& effects) {
  const std::span<const std::byte> datagram = encoder_.encode(overrides);
  egress_.on_sent(Purpose::overrides, datagram);
  effects.send(Port::sync, to.sync, datagram);
}

void LiveExchange::push(LiveTable::Place place, Instant now, Effects& effects) {
  const LiveEntry* entry = table_.find(place);
  if (entry == nullptr) return;
  unconfirmed_ = true;
  wire::Overrides news{.sender = self_, .recipient = {}, .entries = {to_wire(*entry)}};
  for (const auto& [origin, peer] : membership_.peers()) {
    const auto told = told_.find(origin);
    if (!peer.live() || (told != told_.end() && told->second.digest == 0)) continue;
    if (!egress_.may_send(Purpose::overrides, now)) return;
    news.recipient = origin;
    send(news, peer, effects);
  }
}

Result<LiveExchange::Taken> LiveExchange::on_overrides(const wire::Overrides& overrides, const Address& from,
                                                       Instant now, WallTime wall, Effects& effects) {
  if (overrides.sender == self_) return fail(ErrorCode::from_self);
  if (speaker(overrides.sender, overrides.recipient, from) == nullptr) return fail(ErrorCode::unknown_sender);
  Taken taken;
  taken.was_asked_for = overrides.question != 0;
  table_.count_unknown(overrides.unknown_count);
  Result<void> outcome;
  for (const wire::OverrideEntry& entry : overrides.entries) {
    LiveEntry read = from_wire(entry);
    const LiveTable::Place place = table_.place(read.what);
    const auto joined = table_.join(std::move(read), wall);
    if (!joined) {
      outcome = tl::unexpected(joined.error());
    } else if (*joined) {
      taken.changed.push_back(place);
    }
  }
  // Who told us may be leaving, and content that we know: then it is ours to tell.
  unconfirmed_ = unconfirmed_ || !taken.changed.empty();
  on_answer(overrides, now, effects);
  if (!outcome && taken.changed.empty()) return tl::unexpected(outcome.error());
  return taken;
}

void LiveExchange::on_answer(const wire::Overrides& overrides, Instant now, Effects& effects) {
  if (!walk_ || walk_->peer != overrides.sender || walk_->question != overrides.question) return;
  Walk& walk = *walk_;
  if (walk.beyond.size() < packets_per_answer_max || overrides.from <= walk.reached)
    walk.beyond[overrides.from] = std::max(walk.beyond[overrides.from], overrides.to);
  bool moved = false;
  while (!walk.beyond.empty() && walk.beyond.begin()->first <= walk.reached) {
    moved = moved || walk.beyond.begin()->second > walk.reached;
    walk.reached = std::max(walk.reached, walk.beyond.begin()->second);
    walk.beyond.erase(walk.beyond.begin());
  }
  if (moved) {
    walk.moved = true;
    walk.timeouts = 0;
    if (const Peer* peer = membership_.find(walk.peer)) walk.deadline = now + patience_with(*peer);
  }
  if (walk.reached == last_place) return finish(now);
  if (overrides.last) walk.burst_end = overrides.to;
  if (!walk.burst_end) return;
  // An answer that never gets further must not be asked for as fast as it comes.
  if (walk.reached >= *walk.burst_end && walk.moved) return ask(now, effects);
  // Something is missing: late, perhaps, but not for long.
  walk.deadline = std::min(walk.deadline, now + overtaken_by);
}

void LiveExchange::finish(Instant now) {
  Told& told = told_[walk_->peer];
  told.heard_out = true;
  told.ask_at = Instant{};
  told.pause = Duration::zero();
  const bool taught = table_.digest() != walk_->ours;
  if (!taught) remember_futile(walk_->ours, walk_->theirs, now);
  walk_.reset();
}

void LiveExchange::give_up(Instant now) {
  Told& told = told_[walk_->peer];
  told.pause = std::clamp<Duration>(2 * told.pause, silent_pause_min, silent_pause_max);
  told.ask_at = now + told.pause;
  walk_.reset();
}

LiveExchange::Futile* LiveExchange::find_futile(std::uint64_t ours, std::uint64_t theirs) {
  const auto found = std::find_if(futile_.begin(), futile_.end(), [&](const Futile& pair) {
    return pair.ours == ours && pair.theirs == theirs;
  });
  return found == futile_.end() ? nullptr : &*found;
}

void LiveExchange::remember_futile(std::uint64_t ours, std::uint64_t theirs, Instant now) {
  Futile* pair = find_futile(ours, theirs);
  if (pair == nullptr && futile_.size() < futile_pairs_max) pair = &futile_.emplace_back();
  if (pair == nullptr) {
    pair = &*std::min_element(futile_.begin(), futile_.end(),
                              [](const Futile& a, const Futile& b) { return a.until < b.until; });
    *pair = Futile{};
  }
  pair->ours = ours;
  pair->theirs = theirs;
  pair->pause = std::clamp<Duration>(2 * pair->pause, futile_pause_min, futile_pause_max);
  pair->until = now + pair->pause;
}

Result<void> LiveExchange::on_query(const wire::OverridesQuery& query, const Address& from, Instant now,
                                    Effects& effects) {
  if (query.sender == self_) return fail(ErrorCode::from_self);
  const Peer* asker = speaker(query.sender, query.recipient, from);
  if (asker == nullptr) return fail(ErrorCode::unknown_sender);
  wire::Overrides page{
      .sender = self_, .recipient = query.sender, .question = query.question, .from = query.after};
  std::size_t bytes = wire::overrides_fixed_bytes;
  std::uint32_t packets = 0;
  bool may_go_on = egress_.may_send(Purpose::overrides, now);
  const auto send_page = [&](LiveTable::Place to, bool is_last) {
    page.to = to;
    page.last = is_last;
    send(page, *asker, effects);
    page.from = to;
    page.entries.clear();
    bytes = wire::overrides_fixed_bytes;
    ++packets;
  };
  LiveTable::Place reached = query.after;
  table_.visit_after(query.after, [&](LiveTable::Place place, const LiveEntry& entry) {
    if (!may_go_on) return false;
    const std::size_t bucket = LiveTable::bucket(place);
    if (table_.buckets()[bucket] == query.buckets[bucket]) return true;
    wire::OverrideEntry written = to_wire(entry);
    const std::size_t more = wire::override_bytes(written);
    if (bytes + more > wire::datagram_bytes_max || page.entries.size() == wire::overrides_per_packet_max) {
      may_go_on = packets + 1 < packets_per_answer_max && egress_.may_send(Purpose::overrides, now);
      send_page(reached, !may_go_on);
      if (!may_go_on) return false;
    }
    page.entries.push_back(std::move(written));
    bytes += more;
    reached = place;
    return true;
  });
  if (may_go_on) send_page(last_place, true);
  return {};
}

void LiveExchange::on_heartbeat(const Membership::Heard& heard, const wire::Heartbeat& heartbeat, Instant now,
                                Effects& effects) {
  if (heard.peer == nullptr || !heard.peer->live()) return;
  Told& told = told_[heard.peer->origin];
  if (heard.became_alive) told = Told{};
  told.digest = heartbeat.overrides;
  const bool has_nothing_more = told.digest == 0 || told.digest == LiveTable::empty_digest;
  const bool is_equal = told.digest == table_.digest();
  if (is_equal && stays(*heard.peer)) unconfirmed_ = false;
  if (has_nothing_more || is_equal) {
    told.heard_out = true;
    return;
  }
  consider(*heard.peer, now, effects);
}

void LiveExchange::consider(const Peer& peer, Instant now, Effects& effects) {
  Told& told = told_[peer.origin];
  const Futile* futile = find_futile(table_.digest(), told.digest);
  // Somebody who holds the same was heard to the end.
  if (futile != nullptr) told.heard_out = true;
  if (walk_ || told.ask_at > now) return;
  if (futile != nullptr && futile->until > now) return;
  walk_ = Walk{.peer = peer.origin,
               .question = ++last_question_,
               .ours = table_.digest(),
               .theirs = told.digest,
               .deadline = now};
  ask(now, effects);
}

void LiveExchange::ask(Instant now, Effects& effects) {
  const Peer* peer = membership_.find(walk_->peer);
  if (peer == nullptr || !peer->live()) return walk_.reset();
  if (!egress_.may_send(Purpose::overrides, now)) {
    walk_->deadline = egress_.next(Purpose::overrides);
    return;
  }
  walk_->deadline = now + patience_with(*peer);
  walk_->moved = false;
  walk_->burst_end.reset();
  const std::span<const std::byte> datagram =
      encoder_.encode(wire::OverridesQuery{.sender = self_,
                                           .recipient = walk_->peer,
                                           .question = walk_->question,
                                           .after = walk_->reached,
                                           .buckets = table_.buckets()});
  egress_.on_sent(Purpose::overrides, datagram);
  effects.send(Port::sync, peer->sync, datagram);
}

void LiveExchange::on_tick(Instant now, Effects& effects) {
  if (!walk_ || now < walk_->deadline) return;
  if (++walk_->timeouts > timeouts_max) return give_up(now);
  ask(now, effects);
}

void LiveExchange::sweep() {
  std::erase_if(told_, [&](const auto& item) {
    const Peer* peer = membership_.find(item.first);
    return peer == nullptr || !peer->live();
  });
}

bool LiveExchange::joined() const {
  return std::all_of(membership_.peers().begin(), membership_.peers().end(), [&](const auto& item) {
    const auto told = told_.find(item.first);
    return !item.second.live() || (told != told_.end() && told->second.heard_out);
  });
}

bool LiveExchange::everything_told() const {
  const auto listens = [&](const auto& item) {
    const Peer* peer = membership_.find(item.first);
    return peer != nullptr && peer->live() && peer->hears_us && stays(*peer) && item.second.digest != 0;
  };
  return !unconfirmed_ || std::none_of(told_.begin(), told_.end(), listens);
}

}  // namespace starling
