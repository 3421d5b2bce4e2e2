/// Whose address a request comes from, if proxies stand in between.
///
/// Each proxy on the way adds the address that is connected to it at the right end of X-Forwarded-For. What
/// the node's own N proxies wrote are therefore the last N values, and the Nth from the right is the address
/// that the outermost of them saw. Everything further left came from the client, who can send as many values
/// as it likes, and is never looked at; so the leftmost value is nobody's address. Several header lines are
/// one list (RFC 9110, section 5.3), empty elements do not count (5.6.1).
///
/// If there are fewer values than proxies, or the one that counts is no address ("unknown"), it is the
/// address that is connected to the node, as in Envoy: the request came by another way than the operator
/// says, and then a value that was sent along proves nothing.
#pragma once

#include <arpa/inet.h>

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "base/endpoint.hpp"
#include "http/handler.hpp"

namespace starling::http {

/// An address as proxies write it: "10.0.0.1", "10.0.0.1:80", "fd00::1", "[fd00::1]" or "[fd00::1]:80".
std::optional<Address> parse_forwarded_address(std::string_view text);

class ClientAddress {
 public:
  /// `trusted_hops`: the N above; with 0 X-Forwarded-For is not looked at.
  explicit ClientAddress(std::uint8_t trusted_hops) : trusted_hops_(trusted_hops) {}

  /// In its one canonical form, so that a caller cannot be two; valid until the next call. Empty: nobody
  /// knows, which happens on a Unix socket.
  std::string_view of(const RequestView& request);

 private:
  std::string_view text_of(const Address& address);

  std::uint8_t trusted_hops_;
  std::array<char, INET6_ADDRSTRLEN> text_{};
};

}  // namespace starling::http
