/// An address and a UDP or TCP port, as a value.
///
/// IPv4 addresses are held as IPv4-mapped IPv6 (::ffff:a.b.c.d), so that one type, one comparison and one
/// hash serve both, and a dual-stack socket's peers look the same whichever way they came.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace starling {

struct Address {
  std::array<std::uint8_t, 16> bytes{};
  std::uint32_t scope = 0;  ///< interface index of a link-local IPv6 address, else 0

  static Address v4(std::uint8_t a, std::uint8_t b, std::uint8_t c, std::uint8_t d);
  /// Reads "10.0.0.1" or "fd00::1" (no brackets, no port, no scope). Nothing if it is neither.
  static std::optional<Address> parse(std::string_view text);

  bool is_v4() const;
  bool is_unspecified() const;  ///< 0.0.0.0 or ::
  bool is_loopback() const;
  std::string to_string() const;

  friend auto operator<=>(const Address&, const Address&) = default;
};

struct Endpoint {
  Address address;
  std::uint16_t port = 0;

  std::string to_string() const;  ///< "10.0.0.1:4290" or "[fd00::1]:4290"

  friend auto operator<=>(const Endpoint&, const Endpoint&) = default;

  template <class H>
  friend H AbslHashValue(H state, const Endpoint& endpoint) {
    return H::combine(std::move(state), endpoint.address.bytes, endpoint.address.scope, endpoint.port);
  }
};

/// Which of a node's two UDP ports a datagram came to or goes out from.
enum class Port : std::uint8_t { sync, heartbeat };

}  // namespace starling
