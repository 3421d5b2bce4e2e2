/// What the core asks of the outside world: to send a datagram, and to tell people something.
///
/// The shell (`src/node`, or the simulator) implements it. Calls come only from inside `on_*` inputs of the
/// engine; the implementation must not call back into the engine.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "base/endpoint.hpp"
#include "base/ids.hpp"

namespace starling {

struct LiveView;  // `engine/view.hpp`; here it is only a name

/// Something a person may want to read in the log. Nothing in the core depends on it.
struct Notice {
  enum class Kind : std::uint8_t {
    peer_alive,
    peer_suspect,
    peer_dead,
    peer_left,
    peer_forgotten,
    became_ready,          ///< every live peer's snapshot is in
    join_timed_out,        ///< became ready without all snapshots
    counter_table_full,    ///< a counter was refused; said once per window of `table_full_notice_interval`
    peer_table_full,       ///< a peer or candidate was refused
    clock_skew,            ///< a peer's clock differs by more than a tenth of the smallest window
    own_origin_from_afar,  ///< somebody else sends counts under our origin
    override_set,          ///< here, or a peer told us at once
    override_cleared,
    override_expired,
    overrides_taken_in,  ///< as many as `detail` says, because we asked a peer
    overrides_refused,   ///< likewise, heard of in the last seconds and not taken
  };
  Kind kind{};
  OriginId peer{};
  Endpoint endpoint{};
  std::string_view name;           ///< of the peer; valid during the call
  std::int64_t detail = 0;         ///< clock_skew: ms
  const LiveView* live = nullptr;  ///< override_*; valid during the call
};

class Effects {
 public:
  virtual ~Effects() = default;
  /// Sends `datagram` from the UDP port `via`. It may be lost; nobody will be told.
  virtual void send(Port via, const Endpoint& to, std::span<const std::byte> datagram) = 0;
  virtual void notify(const Notice& notice) = 0;
};

}  // namespace starling
