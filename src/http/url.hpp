/// `http://host[:port][/path]`, as people type it after `--server`.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <tl/expected.hpp>

namespace starling::http {

struct Url {
  std::string host;  ///< a name or an address; IPv6 without its brackets
  std::uint16_t port = 80;
  std::string target = "/";  ///< path and query

  std::string authority() const;  ///< "host:port", with brackets around IPv6
  std::string server() const;     ///< "http://host:port", how messages name the other side
};

/// Errors say what was expected and what was found.
tl::expected<Url, std::string> parse_url(std::string_view text);

}  // namespace starling::http
