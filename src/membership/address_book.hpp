/// Addresses at which a node of the neighborhood may be found, and when to try each next.
///
/// Addresses come from DNS, from peers (peer exchange), and from whoever sends us a heartbeat. They are only
/// candidates: DNS lists pods that are terminating and forgets ones that live. An address is tried at every
/// heartbeat interval; one that stays silent is tried ever more rarely. It is forgotten when neither DNS nor
/// an answer vouches for it.
///
/// The book is bounded, and whoever writes into DNS can fill it with addresses of nobody. So somebody who
/// speaks is worth more than somebody who is only listed: when the book is full, a heartbeat or a peer's word
/// takes the place of an address that has stayed silent, and an address that has answered is never given
/// away.
#pragma once

#include <map>
#include <span>

#include "base/endpoint.hpp"
#include "base/ids.hpp"
#include "base/time.hpp"
#include "membership/sent_clocks.hpp"

namespace starling {

inline constexpr std::size_t candidates_max = 4096;

struct Candidate {
  bool in_dns = false;
  bool is_self = false;    ///< our own heartbeat came back from here
  bool suggested = false;  ///< a peer has told us of it
  bool proven = false;     ///< somebody here has answered us: replies may be larger than questions
  OriginId origin;         ///< who was heard here last; 0: nobody
  OriginId tenant;         ///< the last peer whose heartbeats go here; 0: none
  Instant last_vouched;    ///< last listed, heard of or heard from
  Instant next_heartbeat;
  Instant last_heartbeat;  ///< when we last sent one
  std::uint32_t unanswered_count = 0;

  // To be echoed: the clock of the last heartbeat heard from here.
  std::uint64_t heard_sent_ns = 0;
  Instant heard_at;

  SentClocks sent;  ///< of the heartbeats that we sent here: an echo must name one to prove the address
  /// The same of what we answered a stranger who spoke from here, apart: those who lead others' heartbeats
  /// here must not make us forget what the one who lives here echoes.
  SentClocks sent_aside;
  Instant last_aside;

  bool has_sent(std::uint64_t clock_ns) const {
    return sent.contains(clock_ns) || sent_aside.contains(clock_ns);
  }

  /// Worth asking of our own accord. Who has only been heard here is answered, and no more: its address may
  /// be forged, and somebody else would get what we send.
  bool worth_asking() const { return in_dns || suggested || proven; }

  static constexpr std::uint32_t tries_before_backoff = 5;
  /// Asked as often as a beginner is asked quickly, and nobody was ever there.
  bool silent() const {
    return !proven && !is_self && heard_sent_ns == 0 && unanswered_count >= tries_before_backoff;
  }
};

class AddressBook {
 public:
  /// Ordered, so that a run repeated from its seed visits the addresses in the same order.
  using Map = std::map<Endpoint, Candidate>;

  /// The answer of DNS: these are listed, all others no longer are. Returns how many found no room.
  std::size_t on_resolved(std::span<const Endpoint> listed, Instant now);

  /// Adds or finds. Null if the book is full.
  Candidate* learn(const Endpoint& endpoint, Instant now);
  /// The same for an address where somebody is, as a heartbeat from there or a peer says.
  Candidate* learn_alive(const Endpoint& endpoint, Instant now);
  Candidate* find(const Endpoint& endpoint);
  const Candidate* find(const Endpoint& endpoint) const;
  /// Whether `origin` was heard last at some port of `address`, and, if `proven`, somebody there has answered
  /// us.
  bool heard_at(const Address& address, OriginId origin, bool proven) const;
  void erase(const Endpoint& endpoint) { candidates_.erase(endpoint); }

  Map& all() { return candidates_; }
  const Map& all() const { return candidates_; }

 private:
  /// Looked through for a silent one to give up, each time that one is needed.
  static constexpr std::size_t looked_through_max = 64;

  bool give_up_a_silent_one();

  Map candidates_;
  Endpoint hand_;  // where the next search begins
};

}  // namespace starling
