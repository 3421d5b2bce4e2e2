/// Where a Unix domain socket is, as people write it: `unix:/run/starling/http.sock`, and who may use it.
#pragma once

#include <sys/un.h>

#include <cstddef>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

namespace starling {

/// What the system takes, without the zero at the end.
inline constexpr std::size_t unix_path_bytes_max = sizeof(sockaddr_un::sun_path) - 1;
inline constexpr std::size_t unix_listeners_max = 8;

/// Whoever reaches the path may ask, as whoever reaches a TCP port may: the gateway beside a node mostly runs
/// as another user. Who wants less gives `?mode=0660`, or a directory that others cannot enter.
inline constexpr unsigned unix_mode_default = 0666;

struct UnixAddress {
  std::string path;  ///< absolute
  unsigned mode = unix_mode_default;

  /// `unix:/path` or `unix:/path?mode=0660`. Error: what was expected and found.
  static tl::expected<UnixAddress, std::string> parse(std::string_view text);
  std::string to_string() const { return "unix:" + path; }

  bool operator==(const UnixAddress&) const = default;
};

/// A list with commas, each path once. Error: what was expected and found.
tl::expected<std::vector<UnixAddress>, std::string> parse_unix_addresses(std::string_view text);

}  // namespace starling
