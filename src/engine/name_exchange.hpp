/// Names of callers that only other nodes have seen, asked for when somebody looks.
///
/// Counts travel as hashes; a name is known where its caller's requests arrive. So a node that is to show a
/// counter asks a live peer that holds a part of it, the largest part first, and keeps the answer in its name
/// book. Nothing goes out unless somebody looks, and a look asks about few keys, each of one peer at a time:
/// after 100 ms the next holder is asked (the same again if it is the only one), after three asks nobody for
/// 5 s. Of a counter that only dead nodes have counted in nobody is asked: their names died with them.
///
/// Both directions are for live peers only, at addresses that they have proven (as pulls are). An answer is
/// taken only for keys of which that very peer was asked within the last two seconds, and only if the window
/// fits: a lying peer can misname what it was asked about, and cannot fill the book with what nobody asked.
#pragma once

#include <absl/container/flat_hash_map.h>

#include <cstdint>
#include <map>
#include <span>
#include <vector>

#include "base/effects.hpp"
#include "base/result.hpp"
#include "gossip/egress.hpp"
#include "limiter/name_book.hpp"
#include "membership/membership.hpp"
#include "wire/codec.hpp"

namespace starling {

class NameExchange {
 public:
  static constexpr std::size_t asked_max = 1024;  ///< keys remembered as asked about
  static constexpr std::size_t answers_max = 16;  ///< datagrams in answer to one query
  static constexpr std::uint32_t asks_max = 3;    ///< about one key, before a rest
  static constexpr Duration next_ask_after = std::chrono::milliseconds(100);
  static constexpr Duration answer_taken_for = std::chrono::seconds(2);
  static constexpr Duration rest_after_vain = std::chrono::seconds(5);

  NameExchange(OriginId self, const Membership& membership, NameBook& names)
      : self_(self), membership_(membership), names_(names) {}

  /// The name behind `key` is wanted; `holders` have counted there, those with the most hits first.
  /// True if somebody is, or by `send` will be, asked: it may be known soon.
  bool want(CounterKey key, std::uint32_t window_s, std::span<const OriginId> holders, Instant now);
  /// Sends what was wanted.
  void send(Egress& egress, wire::Encoder& encoder, Instant now, Effects& effects);

  /// A peer asks. What is known goes to it, in at most `answers_max` datagrams.
  /// Errors (state unchanged): unknown_sender, also for a live peer's origin from another address.
  Result<void> on_query(const wire::NamesQuery& query, const Endpoint& from, Egress& egress,
                        wire::Encoder& encoder, Instant now, Effects& effects);
  /// Errors (state unchanged): as above. What was not asked for is counted and else ignored.
  Result<void> on_names(const wire::Names& names, const Endpoint& from, Instant now);

  std::size_t asked_count() const { return asked_.size(); }
  std::uint64_t refused_count() const { return refused_count_; }  ///< names that nobody had asked for

 private:
  struct Asked {
    OriginId of;
    Instant at;
    std::uint32_t window_s = 0;
    std::uint32_t times = 0;  ///< since the last rest
  };

  const Peer* live_peer(OriginId sender, OriginId recipient, const Address& from) const;
  bool makes_room(Instant now);

  OriginId self_;
  const Membership& membership_;
  NameBook& names_;
  absl::flat_hash_map<CounterKey, Asked> asked_;
  std::map<OriginId, std::vector<CounterKey>> outgoing_;  // until `send`; empty between two looks
  std::uint64_t refused_count_ = 0;
};

}  // namespace starling
