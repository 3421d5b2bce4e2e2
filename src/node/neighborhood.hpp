/// Reading the two settings that name other machines: `neighborhood.host` and `--dns-servers`.
///
/// An item is a name, an IPv4 address, or an IPv6 address with or without brackets; a port may follow
/// (`name:4291`, `10.0.0.1:4291`, `[fd00::1]:4291`). More than one colon without brackets is an IPv6 address
/// and never a port. A name whose last label is all digits is a mistyped address: no such top-level domain
/// exists (RFC 3696 section 2), and asking DNS for it would hide the mistake behind an NXDOMAIN.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

#include "base/endpoint.hpp"

namespace starling {

inline constexpr std::size_t neighbors_max = 256;   ///< items in one setting
inline constexpr std::size_t name_chars_max = 253;  ///< without the trailing dot (RFC 1035 section 2.3.4)
inline constexpr std::size_t label_chars_max = 63;

/// One item of `neighborhood.host`: a name still to be resolved, or an address.
struct Neighbor {
  std::string name;  ///< as given, a trailing dot included; empty if `address` is set
  std::optional<Address> address;
  std::uint16_t port = 0;  ///< heartbeat port

  friend bool operator==(const Neighbor&, const Neighbor&) = default;
};

/// What was expected, what was found and what to do, on one line. The caller puts the setting's name first.
template <class T>
using Setting = tl::expected<T, std::string>;

/// Reads a comma-separated list of names and addresses. Blank text is an empty list: a cluster of one.
Setting<std::vector<Neighbor>> parse_neighborhood(std::string_view text, std::uint16_t default_port);

/// Reads a comma-separated list of addresses of DNS servers; without a port it is 53. Blank text is an empty
/// list: the servers of resolv.conf.
Setting<std::vector<Endpoint>> parse_dns_servers(std::string_view text);

}  // namespace starling
