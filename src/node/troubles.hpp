/// What goes wrong again and again: counted, told to the log now and then, and forgotten after a while.
///
/// A trouble is told at once when it first happens and then at most every `said_every`, with how often it
/// happened meanwhile; nothing stays untold, for the last of it is due when that time is over. Advice to
/// people is only about the last `recent_for`, because what was mended needs none. Recent counts are kept by
/// minutes, so they are of the last nine to ten.
///
/// Sans-IO: time comes in, and whoever owns this asks `due` now and then.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/time.hpp"

namespace starling {

enum class Trouble : std::uint8_t {
  decisions_failed,      ///< a request passed because an error kept it from being decided
  uncounted,             ///< a limit was not held, for the counter table was full
  truncated,             ///< a request was held to some of its limits only
  joined_incomplete,     ///< ready without the counts of every peer
  dns_failed,            ///< a round of look-ups did not list the whole neighborhood
  accept_failed,         ///< the system gave no connection
  connections_refused,   ///< closed at once, for a bound
  send_failed,           ///< the kernel refused a datagram
  send_dropped,          ///< there was no room for a datagram
  clock_skew,            ///< a peer's clock went wrong
  wrong_cluster,         ///< a datagram of a cluster of another name
  wrong_protocol,        ///< a datagram of a protocol version that this node cannot read
  sealed,                ///< a sealed datagram, and this node has no key
  not_sealed,            ///< a plain datagram, and this node takes none
  unknown_key,           ///< a datagram sealed with a key that this node does not have
  bad_seal,              ///< a datagram that did not open
  peer_table_full,       ///< an address found no room
  own_origin_from_afar,  ///< somebody sends counts under our own origin
  overrides_full,
  overrides_clock,
  overrides_flawed,
  overrides_unknown,
  override_weak,      ///< one was set that changes less than it says
  override_orphaned,  ///< one was set for a rule that is not here
  log_lost,           ///< lines of the log that nobody read in time
  loop_busy,          ///< a second of which the loop had nearly nothing left
};
inline constexpr std::size_t troubles_count = static_cast<std::size_t>(Trouble::loop_busy) + 1;

class Troubles {
 public:
  static constexpr Duration recent_for = std::chrono::minutes(10);
  static constexpr std::size_t detail_bytes_max = 300;

  struct View {
    std::uint64_t total = 0;   ///< since the start
    std::uint64_t recent = 0;  ///< within `recent_for`
  };
  struct Due {
    std::uint64_t count = 0;  ///< since it was told last
    std::string detail;       ///< of the last time
  };

  /// It happened `count` times more. `detail`: what the last one was about, in plain text.
  void add(Trouble trouble, std::uint64_t count, Instant now, std::string_view detail = {});
  /// For what is counted elsewhere: adds what `total` has grown by since the last look.
  void observe(Trouble trouble, std::uint64_t total, Instant now);

  View view(Trouble trouble, Instant now) const;
  /// What is to be told now; it will not be due again before `said_every`.
  std::optional<Due> due(Trouble trouble, Duration said_every, Instant now);

 private:
  static constexpr std::size_t buckets_count = 10;

  struct Kept {
    std::uint64_t total = 0;
    std::uint64_t observed = 0;
    std::uint64_t unsaid = 0;
    Instant quiet_until{};
    std::array<std::uint64_t, buckets_count> counts{};  // by minute, modulo
    std::array<std::int64_t, buckets_count> minutes{};  // which minute each is of
    std::string detail;
  };

  const Kept& of(Trouble trouble) const { return kept_[static_cast<std::size_t>(trouble)]; }
  Kept& of(Trouble trouble) { return kept_[static_cast<std::size_t>(trouble)]; }

  std::array<Kept, troubles_count> kept_;
};

}  // namespace starling
