/// How every node comes to know what was changed while running.
///
/// A change is pushed to every live peer at once; that is all that happens in a calm network. Everything else
/// - a push that was lost, a joiner that knows nothing, two halves of a cluster that meet again - is one
/// mechanism: heartbeats carry a digest of the table, and whoever sees another one than its own asks the peer
/// that said it, showing the digests of its 64 buckets. The answer walks over the entries of the buckets that
/// differ, in the order of their places, a bounded burst of datagrams at a time; each says which range of
/// places it covers, so that the asker knows how far it has everything and goes on from there. Any peer can
/// serve any other, so it works through third nodes, and for the entries of nodes that are long gone.
///
/// A node has one question open at a time: after its answer most peers say what it says itself. An answer
/// that taught nothing (the peer knows less than we do, or we had to refuse something) is remembered by the
/// two digests, whoever said them, and nobody is asked about the same pair again for a while.
///
/// A node has joined when, for each live peer, the digests were equal once or the peer was heard to the end.
/// Peers of 0.1.0 say no digest, are not asked, and hold nobody up.
///
/// Pushed instead of pulled, a table of thousands would be sent to a joiner by every peer; pulled only, a
/// change would take a heartbeat. Deltas with acks, as for counters, would need a log per origin, which a
/// table of thousands of entries that change a few times a day does not earn.
///
/// Source: Demers et al., "Epidemic algorithms for replicated database maintenance" (rumours plus
/// anti-entropy with checksums); Merkle trees as in Dynamo, of which 64 buckets are the flat, sufficient
/// form.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "base/effects.hpp"
#include "base/endpoint.hpp"
#include "base/result.hpp"
#include "gossip/egress.hpp"
#include "live/live_table.hpp"
#include "membership/membership.hpp"
#include "wire/codec.hpp"

namespace starling {

class LiveExchange {
 public:
  static constexpr std::uint32_t packets_per_answer_max = 32;
  static constexpr std::size_t futile_pairs_max = 64;

  LiveExchange(OriginId self, LiveTable& table, const Membership& membership, Egress& egress,
               wire::Encoder& encoder)
      : self_(self), table_(table), membership_(membership), egress_(egress), encoder_(encoder) {}

  /// Tells every live peer of the entry at `place`. Who is missed, for loss or want of egress, asks.
  void push(LiveTable::Place place, Instant now, Effects& effects);

  struct Taken {
    std::vector<LiveTable::Place> changed;  ///< at most one packet's
    bool was_asked_for = false;
  };
  /// Errors (state unchanged): unknown_sender, also for a live peer's origin from another address; table_full
  /// and bad_field if nothing in it could be taken. Entries that are refused beside others are only counted.
  Result<Taken> on_overrides(const wire::Overrides& overrides, const Address& from, Instant now,
                             WallTime wall, Effects& effects);
  /// Errors (state unchanged): unknown_sender.
  Result<void> on_query(const wire::OverridesQuery& query, const Address& from, Instant now,
                        Effects& effects);
  /// After membership has taken the heartbeat in.
  void on_heartbeat(const Membership::Heard& heard, const wire::Heartbeat& heartbeat, Instant now,
                    Effects& effects);
  void compose(wire::Heartbeat& heartbeat) const { heartbeat.overrides = table_.digest(); }

  void on_tick(Instant now, Effects& effects);
  Instant next_deadline() const { return walk_ ? walk_->deadline : never; }
  /// Forgets peers that are gone. Call now and then.
  void sweep();

  /// True if what the live peers hold is in.
  bool joined() const;
  /// True if what was changed or heard of here is known to somebody else who stays, or nobody is there to be
  /// told.
  bool everything_told() const;

 private:
  struct Told {
    std::uint64_t digest = 0;  ///< the last it said; 0: nothing
    bool heard_out = false;    ///< it was equal once, or has answered to the end
    Instant ask_at{};          ///< it did not answer before
    Duration pause{};
  };
  /// One question, over as many rounds as its answer takes.
  struct Walk {
    OriginId peer;
    std::uint64_t question = 0;
    LiveTable::Place reached = 0;  ///< up to here the answer is whole
    /// What came before its turn, for datagrams overtake each other; at most a burst's.
    std::map<LiveTable::Place, LiveTable::Place> beyond;
    std::optional<LiveTable::Place> burst_end;  ///< the last datagram of the burst has come
    std::uint64_t ours = 0;                     ///< the digests when it began
    std::uint64_t theirs = 0;
    Instant deadline;
    bool moved = false;  ///< since we asked last
    std::uint32_t timeouts = 0;
  };
  /// Two digests whose owners could not become equal.
  struct Futile {
    std::uint64_t ours = 0;
    std::uint64_t theirs = 0;
    Instant until;
    Duration pause{};
  };

  /// The live peer that says so; null if it does not speak from `from`.
  const Peer* speaker(OriginId sender, OriginId recipient, const Address& from) const;
  void consider(const Peer& peer, Instant now, Effects& effects);
  void ask(Instant now, Effects& effects);
  void on_answer(const wire::Overrides& overrides, Instant now, Effects& effects);
  void finish(Instant now);
  void give_up(Instant now);
  Futile* find_futile(std::uint64_t ours, std::uint64_t theirs);
  void remember_futile(std::uint64_t ours, std::uint64_t theirs, Instant now);
  void send(const wire::Overrides& overrides, const Peer& to, Effects& effects);

  OriginId self_;
  LiveTable& table_;
  const Membership& membership_;
  Egress& egress_;
  wire::Encoder& encoder_;
  std::map<OriginId, Told> told_;  // of live peers
  std::optional<Walk> walk_;
  std::uint64_t last_question_ = 0;
  std::vector<Futile> futile_;  // at most futile_pairs_max
  bool unconfirmed_ = false;    // something has changed that no peer who stays is known to hold
};

}  // namespace starling
