#include "membership/membership.hpp"

#include <algorithm>

namespace starling {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr Duration interval_small_cluster = milliseconds(200);
constexpr Duration interval_large_cluster = seconds(1);
constexpr std::uint32_t small_cluster_nodes_max = 50;
/// Heartbeats that fall due between two ticks go out together.
constexpr int ticks_per_interval = 4;
constexpr Duration tick_max = milliseconds(250);
/// A pause between two ticks that is longer than this is our own: nobody could be heard in it.
constexpr Duration own_pause_min = milliseconds(1000);
/// What 0.1.0 allows a peer, and a peer of 0.1.0 gets: it cannot be asked to answer.
constexpr int old_suspect_after_intervals = 4;
constexpr Duration old_suspect_to_dead = milliseconds(2000);
/// An answer to a heartbeat from somebody who has not proven its address: at most this often per address.
constexpr Duration reply_interval_min = milliseconds(50);
/// Silent candidates: after some tries the pause doubles with each, up to the maximum.
constexpr Duration silent_interval_max = seconds(5);
/// Addresses where nobody has ever answered may be anybody's. In one tick no more of them are greeted than
/// this, so that four thousand new ones take 1.6 s; and when many stay silent, all together are greeted so
/// often.
constexpr std::size_t greetings_per_tick_max = 128;
constexpr std::int64_t silent_greetings_per_s_max = 100;
constexpr std::int64_t skew_gain_inverse = 8;

Notice notice_of(Notice::Kind kind, const Peer& peer) {
  return Notice{.kind = kind, .peer = peer.origin, .endpoint = peer.heartbeat, .name = peer.name};
}

Candidate* learn_alive(AddressBook& book, const Endpoint& endpoint, Instant now, bool& census_stale) {
  const bool full = book.all().size() >= candidates_max && book.find(endpoint) == nullptr;
  Candidate* candidate = book.learn_alive(endpoint, now);
  census_stale = census_stale || (full && candidate != nullptr);  // DNS may have listed the one that is gone
  return candidate;
}

}  // namespace

Duration Membership::heartbeat_interval() const {
  if (options_.heartbeat_interval) return *options_.heartbeat_interval;
  return nodes_count() < small_cluster_nodes_max ? interval_small_cluster : interval_large_cluster;
}

Duration Membership::slowest_interval() const {
  if (options_.heartbeat_interval) return *options_.heartbeat_interval;
  return nodes_count() < small_cluster_nodes_max / 2 ? interval_small_cluster : interval_large_cluster;
}

Patience Membership::patience(const Peer& peer) const {
  if (peer.interval != Duration::zero()) return patience_at(peer.interval);
  const Duration suspect = old_suspect_after_intervals * slowest_interval();
  return {.suspect = suspect, .dead = suspect + old_suspect_to_dead};
}

void Membership::on_resolved(std::span<const Endpoint> listed, Instant now, Effects& effects) {
  const std::size_t refused = addresses_.on_resolved(listed, now);
  if (refused != 0)
    effects.notify(
        Notice{.kind = Notice::Kind::peer_table_full, .detail = static_cast<std::int64_t>(refused)});
  census_stale_ = true;
  next_tick_ = std::min(next_tick_, now);
}

Peer* Membership::find(OriginId origin) {
  const auto found = peers_.find(origin);
  return found == peers_.end() ? nullptr : &found->second;
}

const Peer* Membership::find(OriginId origin) const {
  return const_cast<Membership*>(this)->find(origin);
}

void Membership::set_state(Peer& peer, PeerState state, Instant now, Effects& effects) {
  if (peer.state == state) return;
  const bool was_live = peer.live();
  peer.state = state;
  peer.state_since = now;
  if (was_live && !peer.live()) --live_count_;
  if (!was_live && peer.live()) ++live_count_;
  census_stale_ = true;
  constexpr std::array kinds{Notice::Kind::peer_alive, Notice::Kind::peer_suspect, Notice::Kind::peer_dead,
                             Notice::Kind::peer_left};
  effects.notify(notice_of(kinds[static_cast<std::size_t>(state)], peer));
}

void Membership::set_origin(Candidate& candidate, OriginId origin) {
  census_stale_ = census_stale_ || candidate.origin != origin;
  candidate.origin = origin;
}

void Membership::set_self(Candidate& candidate, bool is_self) {
  census_stale_ = census_stale_ || candidate.is_self != is_self;
  candidate.is_self = is_self;
}

bool Membership::is_occupied(const Candidate& candidate, const Endpoint& at, Instant now) const {
  const Peer* tenant = find(candidate.origin);
  return tenant != nullptr && tenant->live() && tenant->heartbeat == at &&
         now - tenant->last_heard <= patience(*tenant).suspect;
}

/// It echoes a clock of ours and says for how long it has had it. So it was written then, or as much later
/// as our heartbeat was under way.
Instant Membership::written_at(const wire::Heartbeat& heartbeat) {
  return Instant(Duration(static_cast<std::int64_t>(heartbeat.echo_ns))) +
         std::chrono::microseconds(heartbeat.echo_held_us);
}

bool Membership::is_timely(const wire::Heartbeat& heartbeat, Instant now) {
  const auto ns = static_cast<std::uint64_t>(now.time_since_epoch().count());
  if (heartbeat.echo_ns > ns) return false;  // no clock that we have ever shown
  return heartbeat.echo_ns == 0 || now - written_at(heartbeat) <= late_word_lasts;
}

Result<Membership::Heard> Membership::on_heartbeat(const Endpoint& from, const wire::Heartbeat& heartbeat,
                                                   Instant now, WallTime wall, Effects& effects,
                                                   wire::Form form) {
  if (heartbeat.sender == options_.self) {
    Candidate* candidate = addresses_.find(from);
    // Where a peer is heard it may have been led back to us by somebody.
    if (candidate != nullptr && !is_occupied(*candidate, from, now)) set_self(*candidate, true);
    return fail(ErrorCode::from_self);
  }
  Peer* known = find(heartbeat.sender);
  if (known == nullptr && peers_.size() >= peers_max) return fail(ErrorCode::table_full);
  Candidate* candidate = learn_alive(addresses_, from, now, census_stale_);
  if (candidate == nullptr) return fail(ErrorCode::table_full);

  // Once another life answers at an address, late heartbeats of the one before are echoes of the dead. But if
  // it is the other that has fallen silent, its only heartbeat may have been a forged one.
  const Peer* tenant = find(candidate->origin);
  if (known != nullptr && !known->live() && tenant != nullptr && tenant->live() && tenant != known &&
      tenant->heartbeat == from && now - tenant->last_heard < false_word_lasts)
    return Heard{};
  set_self(*candidate, false);
  // Sealed words meant for somebody else, said again here: whoever is known to live there goes on as it was.
  // A new life that knows nothing of us yet is answered all the same.
  if (form == wire::Form::sealed && heartbeat.recipient != options_.self &&
      is_occupied(*candidate, from, now)) {
    return Heard{.reply_wanted = heartbeat.state != wire::NodeState::left &&
                                 now - candidate->last_aside >= reply_interval_min,
                 .stranger = heartbeat.sender,
                 .stranger_sent_ns = heartbeat.sent_ns};
  }
  candidate->heard_sent_ns = heartbeat.sent_ns;
  candidate->heard_at = now;
  candidate->last_vouched = now;
  const bool is_for_us = heartbeat.recipient == options_.self;
  const bool proven = is_for_us && is_timely(heartbeat, now) && candidate->has_sent(heartbeat.echo_ns);

  Heard heard;
  const bool may_reply =
      heartbeat.state != wire::NodeState::left && now - candidate->last_heartbeat >= reply_interval_min;
  if (!proven) {
    // Somebody who does not know us yet, or knew an earlier life here: tell it who we are. A live peer whose
    // echo is merely old needs nothing, unless it says so: it does not hear us, but lives.
    heard.reply_wanted = may_reply && (!is_for_us || heartbeat.wants_answer);
    set_origin(*candidate, heartbeat.sender);
    const bool is_sign_of_life = is_for_us ? is_timely(heartbeat, now) : form == wire::Form::plain;
    if (is_sign_of_life && heartbeat.state != wire::NodeState::left && known != nullptr &&
        known->is_newer(heartbeat)) {
      known->newest_sent_ns = heartbeat.sent_ns;
      known->last_word = is_for_us && heartbeat.echo_ns != 0 ? written_at(heartbeat) : now;
      on_sign_of_life(heartbeat.sender, from.address, now, effects);
    }
    return heard;
  }
  candidate->proven = true;
  set_origin(*candidate, heartbeat.sender);
  for (const Endpoint& endpoint : heartbeat.peers)
    if (Candidate* suggested = learn_alive(addresses_, endpoint, now, census_stale_))
      suggested->suggested = true;
  candidate->unanswered_count = 0;
  Peer& peer = known != nullptr ? *known : admit(from, heartbeat, now, heard, effects);
  // One peer may answer at several addresses (IPv4 and IPv6): stay with the one in use while it works.
  const Candidate* in_use = addresses_.find(peer.heartbeat);
  // An address where another is heard is not its own, whatever a false word made us believe.
  const bool works =
      in_use != nullptr && in_use->origin == peer.origin && now - in_use->heard_at <= patience(peer).suspect;
  if (!peer.live() || !works) {
    peer.heartbeat = from;
    if (peer.live()) candidate->tenant = peer.origin;
  }
  peer.sync = Endpoint{peer.heartbeat.address, heartbeat.sync_port};
  const bool is_news = peer.is_news(heartbeat, now);
  peer.on_heartbeat(heartbeat, std::min(written_at(heartbeat), now), now);
  if (heartbeat.state == wire::NodeState::left) {
    set_state(peer, PeerState::left, now, effects);
  } else if (is_news && (peer.state != PeerState::left || now - peer.state_since > false_word_lasts)) {
    // A late heartbeat does not undo a goodbye; but whoever goes on and on has not said it.
    heard.became_alive = heard.became_alive || !peer.live();
    if (!peer.live()) take_over(*candidate, from, peer.origin, now, heard, effects);
    set_state(peer, PeerState::alive, now, effects);
    heard.reply_wanted = heard.became_alive || (heartbeat.wants_answer && may_reply);
  }
  estimate(peer, heartbeat, now, wall, effects);
  heard.peer = &peer;
  return heard;
}

/// At one address lives one node.
void Membership::take_over(Candidate& address, const Endpoint& at, OriginId by, Instant now, Heard& heard,
                           Effects& effects) {
  Peer* tenant = find(address.tenant);
  address.tenant = by;
  if (tenant == nullptr || tenant->origin == by || !tenant->live() || tenant->heartbeat != at) return;
  heard.replaced = tenant->origin;
  set_state(*tenant, PeerState::dead, now, effects);
}

Peer& Membership::admit(const Endpoint& from, const wire::Heartbeat& heartbeat, Instant now, Heard& heard,
                        Effects& effects) {
  take_over(*addresses_.find(from), from, heartbeat.sender, now, heard, effects);
  Peer& peer = peers_[heartbeat.sender];
  peer.origin = heartbeat.sender;
  peer.heartbeat = from;
  peer.name = heartbeat.name;
  peer.first_alive = now;
  peer.state_since = now;
  ++live_count_;
  census_stale_ = true;
  heard.became_alive = true;
  effects.notify(notice_of(Notice::Kind::peer_alive, peer));
  return peer;
}

void Membership::estimate(Peer& peer, const wire::Heartbeat& heartbeat, Instant now, WallTime wall,
                          Effects& effects) {
  const Duration sent(static_cast<std::int64_t>(heartbeat.echo_ns));
  const Duration held = std::chrono::microseconds(heartbeat.echo_held_us);
  const Duration sample = now.time_since_epoch() - sent - held;
  if (sample < Duration::zero()) return;  // it says it held our clock longer than we have been without it
  peer.on_rtt(sample);
  const std::int64_t one_way_ms = std::chrono::duration_cast<milliseconds>(*peer.rtt / 2).count();
  const std::int64_t skew_ms =
      heartbeat.wall.time_since_epoch().count() + one_way_ms - wall.time_since_epoch().count();
  // A fresh estimate is taken as it is; after that, smoothed, but a step of the clock is followed at once.
  const bool step = std::abs(skew_ms - peer.clock_skew_ms) > 1000;
  peer.clock_skew_ms =
      step ? skew_ms : peer.clock_skew_ms + (skew_ms - peer.clock_skew_ms) / skew_gain_inverse;
  const std::int64_t worth_a_warning_ms = std::int64_t{options_.window_s_smallest} * 100;
  const bool skewed = std::abs(peer.clock_skew_ms) > worth_a_warning_ms;
  if (skewed && !peer.skew_reported) {
    Notice notice = notice_of(Notice::Kind::clock_skew, peer);
    notice.detail = peer.clock_skew_ms;
    effects.notify(notice);
  }
  peer.skew_reported = skewed;
}

void Membership::update_peer_delay(Instant now) {
  Duration measured{};
  Duration reported{};
  for (const auto& [origin, peer] : peers_) {
    // What one behind a broken link said before may be long past.
    if (!peer.live() || !peer.hears_us) continue;
    measured = std::max(measured, peer.round_trips.typical().value_or(Duration{}));
    reported = std::max(reported, peer.reported_delay);
  }
  measured_delay_.update(measured + options_.flush_coalesce, now);
  peer_delay_ = rounded_peer_delay(std::max(measured_delay_.value(), reported));
}

bool Membership::speaks_from(OriginId origin, const Address& from) const {
  const Peer* peer = find(origin);
  if (peer != nullptr && peer->heartbeat.address == from) return true;
  return addresses_.heard_at(from, origin, peer != nullptr);
}

void Membership::on_sign_of_life(OriginId origin, const Address& from, Instant now, Effects& effects) {
  Peer* peer = find(origin);
  if (peer == nullptr || !peer->live() || !speaks_from(origin, from)) return;
  if (now - peer->last_word > late_word_lasts) return;
  peer->last_heard = now;
  set_state(*peer, PeerState::alive, now, effects);
}

void Membership::on_tick(Instant now, Effects& effects, Due& due) {
  if (now < next_tick_) return;
  forgive_own_pause(now);
  age_peers(now, effects);
  age_candidates(now);
  update_peer_delay(now);
  ask_about_the_silent(now, due);
  const Duration interval = heartbeat_interval();
  greet(now, interval, due);
  last_tick_ = now;
  next_tick_ = now + std::min(interval / ticks_per_interval, tick_max);
}

void Membership::greet(Instant now, Duration interval, Due& due) {
  AddressBook::Map& all = addresses_.all();
  std::size_t greetings = 0;
  Endpoint first_left_out;
  auto next = all.lower_bound(greet_next_);
  for (std::size_t looked = 0; looked < all.size(); ++looked) {
    if (next == all.end()) next = all.begin();
    auto& [endpoint, candidate] = *next++;
    if (candidate.next_heartbeat > now || !candidate.worth_asking()) continue;
    if (!candidate.proven && !candidate.is_self && ++greetings > greetings_per_tick_max) {
      if (greetings == greetings_per_tick_max + 1) first_left_out = endpoint;
      continue;  // in the next tick, and then first
    }
    candidate.next_heartbeat = now + random_.jittered(pause_after(endpoint, candidate, interval), 0.1);
    due.heartbeats.push_back(endpoint);
  }
  greet_next_ = first_left_out;
}

Duration Membership::pause_after(const Endpoint& at, const Candidate& candidate, Duration interval) const {
  const Peer* peer = find(candidate.origin);
  const bool live = peer != nullptr && peer->live();
  const bool in_use = live && peer->heartbeat == at;
  if (candidate.is_self || (live && !in_use)) return silent_interval_max;
  if (in_use || candidate.unanswered_count <= Candidate::tries_before_backoff) return interval;
  const std::uint32_t doublings = std::min(candidate.unanswered_count - Candidate::tries_before_backoff, 16U);
  Duration pause_max = std::max(silent_interval_max, interval);
  const auto candidates = static_cast<std::int64_t>(addresses_.all().size());
  if (!candidate.proven)
    pause_max = std::max<Duration>(pause_max, seconds(1) * candidates / silent_greetings_per_s_max);
  return std::min(interval * (std::int64_t{1} << doublings), pause_max);
}

/// A process that was stopped finds everybody silent, with all that they sent still unread: nobody may be
/// given up before there has been time to ask.
void Membership::forgive_own_pause(Instant now) {
  if (now - last_tick_ < own_pause_min) return;
  for (auto& [origin, peer] : peers_)
    if (peer.live()) peer.vouched_at = std::max(peer.vouched_at, now - patience(peer).suspect);
}

void Membership::age_peers(Instant now, Effects& effects) {
  for (auto& [origin, peer] : peers_) {
    if (!peer.live()) continue;
    const Patience limit = patience(peer);
    peer.hears_us = now - peer.last_answer <= limit.dead;
    if (now - peer.last_sign() > limit.dead) {
      set_state(peer, PeerState::dead, now, effects);
    } else if (peer.state == PeerState::alive && now - peer.last_heard > limit.suspect) {
      set_state(peer, PeerState::suspect, now, effects);
    }
  }
  std::erase_if(peers_, [&](const auto& item) {
    const Peer& peer = item.second;
    if (peer.live() || now - peer.state_since < options_.forget_after) return false;
    const auto listed_as = [&](const auto& known) {
      return known.second.in_dns && known.second.origin == peer.origin;
    };
    const Candidate* candidate = addresses_.find(peer.heartbeat);
    if (candidate != nullptr && candidate->in_dns && candidate->origin == peer.origin) return false;
    // At its other address, perhaps.
    if (std::any_of(addresses_.all().begin(), addresses_.all().end(), listed_as)) return false;
    effects.notify(notice_of(Notice::Kind::peer_forgotten, peer));
    return true;
  });
}

void Membership::age_candidates(Instant now) {
  std::erase_if(addresses_.all(), [&](const auto& item) {
    const Candidate& candidate = item.second;
    if (candidate.in_dns || now - candidate.last_vouched < options_.forget_after) return false;
    const Peer* peer = find(candidate.origin);
    return peer == nullptr || !peer->live();
  });
}

void Membership::introduce_self(wire::NodeState state, Instant now, WallTime wall,
                                wire::Heartbeat& out) const {
  out = wire::Heartbeat{};
  out.sender = options_.self;
  out.name = options_.node_name;
  out.software = options_.software;
  out.state = state;
  out.sync_port = options_.sync_port;
  out.wall = wall;
  out.sent_ns = static_cast<std::uint64_t>(now.time_since_epoch().count());
  out.interval_ms =
      static_cast<std::uint32_t>(std::chrono::duration_cast<milliseconds>(heartbeat_interval()).count());
  out.peer_delay_us = static_cast<std::uint32_t>(
      std::chrono::duration_cast<std::chrono::microseconds>(measured_delay_.value()).count());
}

void Membership::compose_aside(const Endpoint& to, const Heard& heard, wire::NodeState state, Instant now,
                               WallTime wall, wire::Heartbeat& out) {
  introduce_self(state, now, wall, out);
  out.recipient = heard.stranger;
  out.echo_ns = heard.stranger_sent_ns;
  if (Candidate* candidate = addresses_.find(to)) {
    candidate->sent_aside.remember(out.sent_ns);
    candidate->last_aside = now;
  }
}

void Membership::compose(const Endpoint& to, wire::NodeState state, Instant now, WallTime wall,
                         wire::Heartbeat& out) {
  introduce_self(state, now, wall, out);
  Candidate* candidate = addresses_.find(to);
  if (candidate == nullptr) return;
  out.recipient = candidate->origin;
  if (candidate->heard_sent_ns != 0) {
    const auto held_us =
        std::chrono::duration_cast<std::chrono::microseconds>(now - candidate->heard_at).count();
    if (held_us <= 0xFFFF'FFFF) {
      out.echo_ns = candidate->heard_sent_ns;
      out.echo_held_us = static_cast<std::uint32_t>(held_us);
    }
  }
  candidate->sent.remember(out.sent_ns);
  candidate->last_heartbeat = now;
  if (candidate->unanswered_count < 1000) ++candidate->unanswered_count;
  const Peer* recipient = find(candidate->origin);
  out.wants_answer =
      recipient != nullptr && recipient->live() && now - recipient->last_heard > patience(*recipient).suspect;
  if (!candidate->proven) return;  // an answer must not be larger than three times its question

  // A rotating sample of the living, so that every peer hears of every other within N / sample heartbeats.
  auto next = peers_.lower_bound(exchange_next_);
  for (std::size_t tried = 0; tried < peers_.size() && out.peers.size() < wire::peers_per_heartbeat_max;
       ++tried) {
    if (next == peers_.end()) next = peers_.begin();
    const Peer& peer = (next++)->second;
    if (peer.state == PeerState::alive && peer.heartbeat != to) out.peers.push_back(peer.heartbeat);
  }
  exchange_next_ = next == peers_.end() ? OriginId{} : next->first;
}

bool Membership::everybody_listed_is_here() const {
  const auto is_missing = [&](const Candidate& candidate) {
    if (!candidate.in_dns || candidate.is_self) return false;
    const Peer* peer = find(candidate.origin);
    return peer == nullptr || !peer->live();
  };
  // Asked at every heartbeat: whoever was missing the last time probably still is.
  const Candidate* missed = addresses_.find(missed_);
  if (missed != nullptr && is_missing(*missed)) return false;
  bool somebody_is_listed = false;
  for (const auto& [endpoint, candidate] : addresses_.all()) {
    somebody_is_listed = somebody_is_listed || candidate.in_dns;
    if (!is_missing(candidate)) continue;
    missed_ = endpoint;
    return false;
  }
  return somebody_is_listed;
}

}  // namespace starling
