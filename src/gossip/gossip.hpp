/// What to send to whom: every node pushes its own counts straight to every live peer, and sees to it that
/// they arrive.
///
/// The idea. Counters are G-counters, so a packet may be lost, doubled or late without harm to correctness;
/// all that can be lost is time. Each origin numbers its publications; a delta says "of origin O, everything
/// in (from, to]"; the receiver joins its entries whatever their order and moves its watermark for O if the
/// delta begins at or below it. Acks are pairwise and constant in size. So:
///   - new counts go out in one hop by the flush rule (`flush_rule.hpp`, `publish_queue.hpp`);
///   - a packet with room repeats what is not acked (`delta_pager.hpp`); what stays unacked for a
///   retransmission
///     timeout is sent again from the peer's watermark;
///   - what may wait does so when much is to be sent (`egress.hpp`);
///   - a peer that knows nothing (ack 0) is simply far behind: it is paged everything, at the pace of its
///   acks;
///   - heartbeats carry a rotating slice of (origin, watermark). Whoever sees that the other holds more of an
///     origin it cannot hear itself - a dead one, one that left, one behind a broken link - pulls it from
///     there.
/// The hard case is a hole: a delta that begins above the watermark is joined (its counts are true) but does
/// not move the watermark, so the sender keeps repeating from below the hole.
///
/// Source: `design.md` section 4; van Renesse et al., "Efficient reconciliation and flow control for
/// anti-entropy protocols" (Scuttlebutt); RFC 6298 for the timeout.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <set>
#include <span>
#include <utility>
#include <vector>

#include "base/effects.hpp"
#include "base/random.hpp"
#include "gossip/delta_pager.hpp"
#include "gossip/egress.hpp"
#include "gossip/flush_rule.hpp"
#include "gossip/origin_table.hpp"
#include "gossip/publish_log.hpp"
#include "gossip/publish_queue.hpp"
#include "gossip/store.hpp"
#include "gossip/stream.hpp"
#include "gossip/telling.hpp"
#include "membership/membership.hpp"
#include "wire/codec.hpp"

namespace starling {

/// How full the queues are.
struct GossipSizes {
  std::size_t streams = 0;
  std::size_t in_flight_most = 0;  ///< deltas not acked by the peer that has most of them
  std::size_t waiting = 0;         ///< places in the publish queue
};

/// What went over the wire and why, since the start.
struct GossipCounts {
  std::uint64_t entries_sent = 0;  ///< of deltas, repeated ones too
  std::uint64_t entries_received = 0;
  std::uint64_t urgent_flushes = 0;  ///< publications because a limit was near, together with what was lazy
  std::uint64_t lazy_flushes = 0;    ///< publications of the slow clock alone
};

class Gossip {
 public:
  static constexpr std::size_t in_flight_packets_max = 256;

  struct Options {
    OriginId self;
    std::uint64_t cluster_tag = 0;
    wire::Sealer* sealer = nullptr;  ///< of all that this node sends; see wire::Encoder
    PublishQueue::Options queue;
    std::uint64_t egress_bytes_per_s = egress_bytes_per_s_default;
    SyncMode sync_mode = SyncMode::adaptive;
  };

  Gossip(Options options, GossipStore& store, Membership& membership, Random& random);

  /// Brings near what `on_admitted` will look at.
  void prefetch(ComponentIndex component) const { queue_.prefetch(component); }
  struct Held {
    Hits limit = 0;       ///< what the counter is held to
    Duration wait_max{};  ///< how long its hits may stay untold while they make no difference
  };
  /// This node admitted hits in `component`.
  void on_admitted(ComponentIndex component, const Held& held, Instant now);

  /// Counts are taken from anybody. What the sender claims - its ack, and that nothing is missing - is
  /// believed only from an address that it speaks from; of one that is not a peer yet, only about itself; and
  /// of a delta that `is_repeated`, nothing.
  /// Errors: table_full, window_out_of_range (what could be taken was), from_self (state unchanged).
  Result<void> on_delta(const wire::Delta& delta, const Address& from, bool is_repeated, Instant now,
                        Effects& effects);
  /// Errors (state unchanged): unknown_sender, also for a known peer's origin from another address.
  Result<void> on_pull(const wire::Pull& pull, const Address& from, Instant now, Effects& effects);
  /// After membership has taken the heartbeat in.
  void on_heartbeat(const Membership::Heard& heard, const wire::Heartbeat& heartbeat, Instant now,
                    Effects& effects);
  /// The component's window is over.
  void forget(ComponentIndex component, OriginIndex origin);

  /// Adds to a heartbeat for `to` what gossip has to say: version, ack and, for a live peer, a slice of
  /// holdings.
  void compose(OriginId to, wire::Heartbeat& heartbeat);

  void on_tick(Instant now, Effects& effects);
  Instant next_deadline() const;
  /// What of a tick cannot wait: urgent counts, and what is due to single peers. Not the beat.
  void tell_urgent(Instant now, Effects& effects);
  Instant next_urgent() const;

  /// From now on everything is published at once.
  void begin_leave(Instant now, Effects& effects);
  /// True if every live peer that hears us holds everything we ever published. The others get it from these.
  bool everything_acked() const;

  /// True if all that the live peers held when we met them has arrived.
  bool joined() const;
  /// Stops waiting for it: what comes later is ordinary repair.
  void finish_join();

  /// How far behind a peer we are, and it behind us.
  struct Lag {
    std::uint64_t missing_versions = 0;  ///< its publications that we do not hold
    std::uint64_t unacked_versions = 0;  ///< ours that it has not confirmed
    Duration behind{};                   ///< since when the former is not 0
  };
  Lag lag(const Peer& peer, Instant now) const;

  GossipSizes sizes() const;
  const GossipCounts& counts() const { return counts_; }
  std::size_t origins_count() const { return origins_.origins_count(); }
  OriginId origin_id(OriginIndex index) const { return origins_[index].id; }
  Egress& egress() { return egress_; }
  const Egress& egress() const { return egress_; }
  wire::Encoder& encoder() { return encoder_; }

 private:
  static constexpr std::size_t catch_up_packets_max = 32;  ///< in flight to a peer that is far behind
  /// Of each packet that such a peer is sent it is asked first whether one is enough: two to remember.
  static_assert(Telling::remembered_max > 2 * catch_up_packets_max);
  static constexpr std::uint32_t pull_packets_max = 16;  ///< answers to one pull
  static constexpr std::uint32_t deltas_per_ack = 8;

  Urgency urgency_of(const GossipStore::Own& own, Hits limit) const;
  void expect(OriginIndex origin, std::span<const wire::DeltaEntry> entries) const;
  void reconsider(ComponentIndex joined, Instant now);
  void publish(std::span<const ComponentIndex> components, Instant now);
  void publish_everything(Instant now);
  /// Sends what the peer has not been sent; versions above `before` are news.
  void send_new(Stream& stream, const Peer& peer, Purpose purpose, Version before, Instant now,
                Effects& effects);
  void tell(Telling::Told& told, Stream& stream, const Peer& peer, Purpose purpose, Effects& effects);
  void send_delta(wire::Delta& delta, const Peer& peer, Purpose purpose, Effects& effects);
  void send(std::span<const std::byte> datagram, const Peer& peer, Purpose purpose, Effects& effects);
  Version held_of(OriginId id) const;
  void send_ack(Stream& stream, const Peer& peer, Effects& effects);
  void arm_retransmission(Stream& stream, const Peer& peer, Instant now);
  void on_ack(Stream& stream, const Peer& peer, Version ack, Instant now, Effects& effects);
  static void doubt_ack(Stream& stream, Version said);
  static void doubt_watermark(Origin& origin, Version published);
  void on_holdings(const Peer& peer, const wire::Heartbeat& heartbeat, Instant now, Effects& effects);
  void pull(Origin& origin, const Peer& from, Version after, Instant now, Effects& effects);
  bool may_hold_more(Origin& origin, const wire::Holding& holding) const;
  void after_pulled(Origin& origin, const wire::Delta& delta, Instant now, Effects& effects);
  void tell_everybody(Version before, Purpose purpose, Instant now, Effects& effects);
  void tick_streams(Instant now, Effects& effects);
  void drop_stale_rows(Instant now);
  void flush(Instant now, Effects& effects);
  void watch(OriginId origin, Stream& stream);

  Options options_;
  GossipStore& store_;
  Membership& membership_;
  PublishLog log_;
  PublishQueue queue_;
  OriginTable origins_;
  DeltaPager pager_;
  Telling telling_;
  wire::Encoder encoder_;
  Egress egress_;
  std::map<OriginId, Stream> streams_;  // of live peers
  GossipCounts counts_;
  bool leaving_ = false;
  bool joining_ = true;
  std::set<std::pair<Instant, OriginId>> watched_;  // streams; also former ones, for 2 s at most
  Instant next_sweep_{};
  std::vector<ComponentIndex> due_;  // scratch
  wire::Delta delta_;                // scratch
};

}  // namespace starling
