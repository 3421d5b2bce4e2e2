/// Opens what others sealed, at a bounded price.
///
/// A sealed packet is looked at in the order of what looking costs: is its key in the ring (a comparison), is
/// its mark right (a SipHash), is a subkey of its sender at hand (a lookup; else a derivation, of which there
/// is a budget), does it open (the body once through ChaCha20-Poly1305). Only senders that a right mark names
/// are remembered, so nobody without a key can fill what is kept of them, push others out of it, or cost a
/// derivation each time. What has opened before is told by its counter, in a window for each sender and port.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include "base/ids.hpp"
#include "base/result.hpp"
#include "base/time.hpp"
#include "wire/header.hpp"
#include "wire/key_ring.hpp"

namespace starling::wire {

/// Senders of which subkeys and replay windows are kept. Of more, those heard least recently are forgotten.
inline constexpr std::size_t senders_max = 4096;
/// Subkeys derived for senders not known: so many at once, and per second.
inline constexpr std::uint32_t derivations_burst = 512;
inline constexpr std::uint32_t derivations_per_s = 2048;
/// How far behind a sender's highest counter a packet may come, in packets to that port. A sender counts
/// what it sends to all: at 300 peers these are its packets of 27 rounds.
inline constexpr std::size_t replay_window_packets = 8192;

class Opener {
 public:
  Opener(std::string_view cluster, const KeyRing& ring);
  ~Opener();

  /// Another ring, from the next packet on. What is known of senders stays, but for keys that are gone.
  void replace(const KeyRing& ring);
  PlainPackets plain() const;

  struct Opened {
    OriginId sender;
    KeyId key;
    std::size_t body_bytes = 0;
    /// The same packet was taken before, or it is too old to tell. Harmless in a delta, as counts go; no sign
    /// of life, and nothing to act upon otherwise.
    bool is_repeated = false;
  };
  /// `datagram`: with a header that says sealed. Writes the body to `out`, at least datagram.size() long.
  /// Errors (state unchanged): too_short, sealed (no key here at all), unknown_key (detail: its id),
  /// bad_seal, too_many_senders.
  Result<Opened> open(std::span<const std::byte> datagram, std::span<std::byte> out, Instant now);

  struct Counts {
    std::uint64_t opened = 0;
    std::uint64_t derived = 0;  ///< subkeys
  };
  const Counts& counts() const;
  std::size_t senders_count() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace starling::wire
