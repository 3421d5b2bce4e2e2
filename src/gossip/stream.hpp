/// What is between this node and one peer: our versions on their way to it, its acks, our acks to it.
#pragma once

#include <cstdint>
#include <deque>
#include <set>

#include "base/ids.hpp"
#include "base/time.hpp"

namespace starling {

struct Stream {
  // Sending.
  Version acked;                         ///< it holds our versions up to here
  Version sent;                          ///< everything up to here has been sent at least once; >= acked
  ComponentIndex cursor = no_component;  ///< near `sent`
  struct InFlight {
    Version to;
    bool patient = false;  ///< its ack comes with a heartbeat
  };
  std::deque<InFlight> in_flight;     ///< deltas not acked, oldest first; at most `in_flight_packets_max`
  std::uint32_t ack_regressions = 0;  ///< heartbeats in a row that acked the same, and less than `acked`
  Version ack_said;                   ///< by the last heartbeat
  Instant retransmit_at = never;
  std::uint32_t timeouts = 0;  ///< in a row, without any progress

  // Receiving.
  std::uint32_t deltas_to_ack = 0;
  Instant ack_at = never;
  /// Something on its way to the peer carries our ack.
  void on_acked() {
    deltas_to_ack = 0;
    ack_at = never;
  }

  // Joining: what this peer said it had when we first met.
  bool snapshot_known = false;
  Version snapshot_target;
  std::set<OriginId> holdings_seen;  ///< while joining; at most `origins_max`
  bool holdings_complete = false;

  Instant watched = never;  ///< when the clock looks at this stream next; at or before each deadline above

  std::size_t holdings_next = 0;  ///< row of the origin table that the next slice for it starts with
};

}  // namespace starling
