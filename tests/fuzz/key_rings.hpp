/// Key rings for targets that seal: every step of a rotation, and of the way from plain packets to sealed
/// ones.
#pragma once

#include <array>

#include "wire/key_ring.hpp"

namespace starling::fuzz {

inline wire::MasterKey master_key(unsigned char which) {
  wire::MasterKey key;
  key.bytes.fill(which);
  return key;
}

inline const std::array<wire::KeyRing, 7>& key_rings() {
  using enum wire::PlainPackets;
  static const wire::MasterKey first = master_key(1);
  static const wire::MasterKey second = master_key(2);
  static const std::array<wire::KeyRing, 7> rings{{{{}, sent},
                                                   {{first}, refused},
                                                   {{first, second}, refused},
                                                   {{second, first}, refused},
                                                   {{second}, refused},
                                                   {{first}, accepted},
                                                   {{first}, sent}}};
  return rings;
}

/// Opens whatever any of them seals, and takes plain packets.
inline wire::KeyRing every_key() {
  return {{master_key(1), master_key(2)}, wire::PlainPackets::accepted};
}

}  // namespace starling::fuzz
