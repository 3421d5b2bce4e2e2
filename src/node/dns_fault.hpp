/// What kept DNS from listing the neighborhood.
#pragma once

#include <cstdint>

namespace starling {

enum class DnsFault : std::uint8_t {
  not_found,     ///< NXDOMAIN: there is no such name (yet)
  no_addresses,  ///< the name exists and has no address
  timed_out,
  refused,  ///< no server answers, or it refuses, or it fails
  one_family,  ///< no answer about IPv4 or about IPv6, but addresses of the other
  other,    ///< a malformed answer, addresses of no machine, too many of them
};

}  // namespace starling
