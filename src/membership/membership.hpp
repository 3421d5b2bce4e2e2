/// Who is here: candidates become peers when they answer, peers become suspect and dead when they fall
/// silent.
///
/// The hard rule: liveness only picks whom to send to and N, the number of live nodes. It never decides
/// whether counts are joined, so a wrong suspicion costs accuracy for a moment and never a count.
///
/// Discovery is a three-way handshake without states of its own. A heartbeat carries the sender's clock; the
/// answer echoes it. Whoever sees its own clock come back knows that the other address is real and that both
/// directions work, and takes the other for alive. A node answers at once when it is asked by somebody who
/// does not know it yet, and when somebody has just become alive, so two nodes know each other after three
/// packets; all else rides on the periodic heartbeats. That bounds the replies: at most one per transition.
///
/// A peer that falls silent may have died, or only its packets to us be lost. So before it is given up it is
/// asked to answer, and three others are asked whether they hear it (`inquiries.cpp`).
///
/// A node knows itself by its origin, not by its address: a heartbeat of our own that comes back marks that
/// address as ours.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/effects.hpp"
#include "base/random.hpp"
#include "base/result.hpp"
#include "membership/address_book.hpp"
#include "membership/peer.hpp"
#include "wire/header.hpp"
#include "wire/messages.hpp"

namespace starling {

inline constexpr std::size_t peers_max = 1024;

class Membership {
 public:
  struct Options {
    OriginId self;
    std::string node_name;
    std::string software;
    std::uint16_t sync_port = 4290;
    /// Between heartbeats to one address. Nothing: 200 ms below 50 live nodes, else 1 s.
    std::optional<Duration> heartbeat_interval;
    Duration forget_after = std::chrono::seconds(60);
    /// How long an urgent flush may wait: a part of the peer delay.
    Duration flush_coalesce = std::chrono::microseconds(500);
    std::uint32_t window_s_smallest = 1;  ///< a tenth of it is the clock skew worth a warning
  };

  Membership(Options options, Random& random) : options_(std::move(options)), random_(random) {}

  void on_resolved(std::span<const Endpoint> listed, Instant now, Effects& effects);

  /// What a heartbeat changed, for whoever keeps streams to peers.
  struct Heard {
    Peer* peer = nullptr;       ///< null: the sender has not proven its address yet
    bool became_alive = false;  ///< it was no live peer before
    bool reply_wanted = false;  ///< send it a heartbeat now
    OriginId replaced;          ///< the origin that lived at this address before; 0: none
    OriginId stranger;          ///< of a life at another's address; 0: no. `reply_wanted` is about it then
    std::uint64_t stranger_sent_ns = 0;
  };
  /// A sealed one that was written for another, or for an earlier life here, only introduces its address: it
  /// was sealed by who it says, but may have been led here by somebody who has no key.
  /// Errors (state unchanged): from_self, table_full.
  Result<Heard> on_heartbeat(const Endpoint& from, const wire::Heartbeat& heartbeat, Instant now,
                             WallTime wall, Effects& effects, wire::Form form = wire::Form::plain);

  /// Somebody misses `inquiry.origin`. The answer, if we hear it.
  /// Errors (state unchanged): unknown_sender, also for a live peer's origin from another address.
  Result<std::optional<wire::Witness>> on_inquiry(const Endpoint& from, const wire::Inquiry& inquiry,
                                                  Instant now) const;
  /// Errors (state unchanged): as above. An answer to nothing that we asked lately changes nothing.
  Result<void> on_witness(const Endpoint& from, const wire::Witness& witness);

  /// Whether a packet of `origin` from `from` may be its own: a peer speaks from addresses that it has proven
  /// (two, if it is dual stack), anybody else from where its heartbeats come.
  bool speaks_from(OriginId origin, const Address& from) const;

  /// A delta from a known peer is a sign of life too.
  void on_sign_of_life(OriginId origin, const Address& from, Instant now, Effects& effects);

  /// What to send now.
  struct Due {
    struct Question {
      Endpoint to;
      wire::Inquiry inquiry;
    };
    std::vector<Endpoint> heartbeats;
    std::vector<Question> inquiries;
  };
  /// Ages peers and candidates, and fills in what is due.
  void on_tick(Instant now, Effects& effects, Due& due);
  Instant next_deadline() const { return next_tick_; }

  /// Fills in all that membership knows of a heartbeat to `to`, and notes it as sent.
  void compose(const Endpoint& to, wire::NodeState state, Instant now, WallTime wall, wire::Heartbeat& out);
  /// An answer to the stranger at `to`, which it can answer in turn; that another lives there stays as it is.
  void compose_aside(const Endpoint& to, const Heard& heard, wire::NodeState state, Instant now,
                     WallTime wall, wire::Heartbeat& out);

  Peer* find(OriginId origin);
  const Peer* find(OriginId origin) const;
  const std::map<OriginId, Peer>& peers() const { return peers_; }
  const AddressBook& addresses() const { return addresses_; }

  /// Live nodes, this one included.
  std::uint32_t nodes_count() const { return live_count_ + 1; }
  /// Live nodes and those that DNS lists besides: where no live peer answers and nobody said goodbye. A node
  /// with several addresses counts once, as soon as it was heard at them.
  std::uint32_t known_count() const { return census().known_count; }
  /// Our place among the live nodes in the order of their origins, from 0.
  std::uint32_t rank() const { return census().rank; }
  /// DNS lists others, and none of them is live.
  bool isolated() const { return live_count_ == 0 && census().known_count > 1; }
  /// True if DNS lists addresses, and each is our own or a live peer's.
  bool everybody_listed_is_here() const;
  Duration heartbeat_interval() const;
  /// D: the largest peer delay of the neighborhood, a power of two from 1 ms to 64 ms; the same on all nodes
  /// that hear each other.
  Duration peer_delay() const { return peer_delay_; }

  void set_window_s_smallest(std::uint32_t window_s) { options_.window_s_smallest = window_s; }

 private:
  void set_state(Peer& peer, PeerState state, Instant now, Effects& effects);
  void set_origin(Candidate& candidate, OriginId origin);
  void set_self(Candidate& candidate, bool is_self);
  void introduce_self(wire::NodeState state, Instant now, WallTime wall, wire::Heartbeat& out) const;
  /// A live peer was heard there lately.
  bool is_occupied(const Candidate& candidate, const Endpoint& at, Instant now) const;
  static Instant written_at(const wire::Heartbeat& heartbeat);
  /// Not held back by somebody for so long that its sender may be dead by now.
  static bool is_timely(const wire::Heartbeat& heartbeat, Instant now);
  /// The interval that peers of 0.1.0, which do not say, may be keeping: near the size at which it changes
  /// they may count differently.
  Duration slowest_interval() const;
  Patience patience(const Peer& peer) const;
  void update_peer_delay(Instant now);
  /// Fills in the addresses that are due for a heartbeat.
  void greet(Instant now, Duration interval, Due& due);
  Duration pause_after(const Endpoint& at, const Candidate& candidate, Duration interval) const;
  void forgive_own_pause(Instant now);
  void age_peers(Instant now, Effects& effects);
  void ask_about_the_silent(Instant now, Due& due);
  void ask_others(const Peer& missed, Instant now, Due& due);
  const Peer* live_peer_at(const Endpoint& from, OriginId origin) const;
  void age_candidates(Instant now);
  void take_over(Candidate& address, const Endpoint& at, OriginId by, Instant now, Heard& heard,
                 Effects& effects);
  Peer& admit(const Endpoint& from, const wire::Heartbeat& heartbeat, Instant now, Heard& heard,
              Effects& effects);
  void estimate(Peer& peer, const wire::Heartbeat& heartbeat, Instant now, WallTime wall, Effects& effects);

  Options options_;
  Random& random_;
  AddressBook addresses_;
  mutable Endpoint missed_;         // somebody that DNS lists and that was not here when last looked for
  std::map<OriginId, Peer> peers_;  // ordered, for the same reason as the address book
  std::uint32_t live_count_ = 0;
  /// Read at every decision, counted anew only when something that it counts has changed since the last one:
  /// while a large cluster meets, that is at every heartbeat, and hardly anybody asks.
  struct Census {
    std::uint32_t known_count = 1;
    std::uint32_t rank = 0;
  };
  const Census& census() const;
  mutable Census census_;
  mutable bool census_stale_ = false;
  MeasuredDelay measured_delay_;
  Duration peer_delay_ = peer_delay_min;
  Instant next_tick_{};
  Instant last_tick_{};
  OriginId inquire_next_;   // whom to ask about first: the last tick had no room for it
  Endpoint greet_next_;     // likewise, of the addresses where nobody has answered yet
  OriginId exchange_next_;  // whom the next heartbeat's peer sample starts with
};

}  // namespace starling
