/// The secrets that a cluster's packets are sealed with, as a value.
///
/// The first entry of a ring is what a node sends with, all of them are accepted. So a key is changed without
/// losing a packet in three steps, each of which may reach the nodes one after the other: the new key behind
/// the old one everywhere, then before it, then alone. "Plain" is an entry like a key, so that a running
/// cluster is brought to sealed packets, or back, in the same three steps.
///
/// Where rings come from (a file, its rights, base64) is for `node/key_file` to know.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace starling::wire {

inline constexpr std::size_t master_key_bytes = 32;
inline constexpr std::size_t keys_per_ring_max = 8;

/// Names a key in packets, logs and `starling status`, and tells nothing about it. Shown as 8 hex digits.
struct KeyId {
  std::uint32_t value = 0;

  friend auto operator<=>(const KeyId&, const KeyId&) = default;
};

/// Wiped when it goes.
struct MasterKey {
  std::array<unsigned char, master_key_bytes> bytes{};

  MasterKey() = default;
  MasterKey(const MasterKey&) = default;
  MasterKey& operator=(const MasterKey&) = default;
  ~MasterKey();

  /// The first 4 bytes, little endian, of BLAKE2b-256("starling key id v1"; key: this key).
  KeyId id() const;
  friend bool operator==(const MasterKey&, const MasterKey&) = default;
};

/// What a node does about packets that are not sealed.
enum class PlainPackets : std::uint8_t {
  refused,   ///< dropped as `not_sealed`
  accepted,  ///< taken, but sent sealed: a step on the way
  sent,      ///< sent plain, taken both ways: a step on the way, and all there is without a key
};

struct KeyRing {
  std::vector<MasterKey>
      keys;  ///< at most keys_per_ring_max, all different; unless `sent`, the first one seals
  PlainPackets plain = PlainPackets::sent;

  bool seals() const { return plain != PlainPackets::sent; }
  friend bool operator==(const KeyRing&, const KeyRing&) = default;
};

}  // namespace starling::wire
