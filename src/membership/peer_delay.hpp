/// D: how long a hit may be under way, agreed on by all nodes. Guarded admission takes turns in slots of this
/// length, so every node must know the same D, and it must not change all the time.
///
/// To one peer it is about twice the way there and the time that a flush may wait: a round trip, which
/// heartbeats measure, plus the coalescing. Of the last nine round trips the median is taken, and no
/// deviation is added: what counts in the end is the largest of all links, and of a hundred nodes' 9,900
/// links some have always just seen slow packets. If one packet in a hundred is slow, a median is wrong on
/// one link in 10^8, a mean with deviations on hundreds. The margin is in the factor of two and in rounding
/// up to a power of two.
///
/// Every heartbeat tells the largest D that its sender has measured itself, never what it has heard, so what
/// nobody measures any more is gone with the next heartbeats. Everybody hears everybody, and takes the
/// largest of its own and of its live peers' as it is. The hysteresis is at the source: up at once, down when
/// the measured has been well below for a while. Thus nodes that hear the same agree, however long each has
/// been there.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "base/time.hpp"

namespace starling {

inline constexpr Duration peer_delay_min = std::chrono::milliseconds(1);
inline constexpr Duration peer_delay_max = std::chrono::milliseconds(64);

/// Up to the next power of two, in milliseconds, within the bounds.
Duration rounded_peer_delay(Duration delay);

/// Round trips to one peer.
class RoundTrips {
 public:
  void add(Duration rtt);
  /// The median of the last nine; nothing before there are three.
  std::optional<Duration> typical() const { return typical_; }

 private:
  static constexpr std::size_t samples_max = 9;
  static constexpr std::size_t samples_min = 3;
  std::array<Duration, samples_max> samples_{};
  std::size_t samples_count_ = 0;
  std::size_t next_ = 0;
  std::optional<Duration> typical_;
};

/// What this node says that it has measured.
class MeasuredDelay {
 public:
  /// `largest`: over all live peers, coalescing included.
  void update(Duration largest, Instant now);
  Duration value() const { return value_; }

 private:
  Duration value_ = peer_delay_min;
  Instant high_until_{};  ///< when it was last not well below
};

}  // namespace starling
