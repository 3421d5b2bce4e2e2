/// What a sealed packet looks like, and what is derived from a key: in one place for who seals and who opens.
///
/// | offset | bytes | field |
/// |---|---|---|
/// | 0 | 16 | the header of all packets, form 1 |
/// | 16 | 4 | id of the key |
/// | 20 | 4 | mark |
/// | 24 | 8 | origin of the sender |
/// | 32 | 8 | counter |
/// | 40 | n | the body, as a plain packet has it, through ChaCha20 |
/// | 40 + n | 16 | Poly1305 tag over header, cluster name and body |
///
/// All numbers are little endian. Why it is so: `sealer.hpp`, `opener.hpp` and protocol/README.md.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "base/endpoint.hpp"
#include "base/ids.hpp"
#include "wire/key_ring.hpp"
#include "wire/messages.hpp"

namespace starling::wire {

inline constexpr std::size_t sealed_header_bytes = 40;
inline constexpr std::size_t tag_bytes = 16;
static_assert(sealed_header_bytes - header_bytes + tag_bytes == seal_bytes);

/// Wipes `bytes` in a way that no compiler leaves out.
void wipe(std::span<unsigned char> bytes);

/// Wiped when it goes.
template <std::size_t size>
struct Secret {
  std::array<unsigned char, size> bytes{};

  Secret() = default;
  Secret(const Secret&) = default;
  Secret& operator=(const Secret&) = default;
  ~Secret() { wipe(bytes); }
};
using Subkey = Secret<32>;
using MarkKey = Secret<16>;

Subkey derive_subkey(const MasterKey& key, OriginId sender, std::string_view cluster);
MarkKey derive_mark_key(const MasterKey& key, std::string_view cluster);

/// What a sealed packet's header says after the first 16 bytes.
struct SealedHeader {
  KeyId key;
  std::uint32_t mark = 0;
  OriginId sender;
  std::uint64_t counter = 0;

  /// `datagram`: at least sealed_header_bytes, the first 16 of them as `Header` has written them.
  void write(std::span<std::byte> datagram) const;
  static SealedHeader read(std::span<const std::byte> datagram);
};

/// Of a header that is complete but for its mark.
std::uint32_t mark_of(std::span<const std::byte> datagram, const MarkKey& key);

using Nonce = std::array<unsigned char, 12>;
Nonce nonce_of(Port port, std::uint64_t counter);

/// What is authenticated beside the body: the header, and behind it the cluster's name.
class AssociatedData {
 public:
  explicit AssociatedData(std::string_view cluster);

  /// Valid until the next call.
  std::span<const unsigned char> of(std::span<const std::byte> datagram);
  std::string_view cluster() const;

 private:
  std::vector<unsigned char> bytes_;
};

}  // namespace starling::wire
