/// What people type after --server: a URL, or less. Of a host alone the admin port is meant.
#pragma once

#include <string>
#include <string_view>
#include <tl/expected.hpp>

#include "http/url.hpp"

namespace starling::cli {

/// "http://host[:port]" (port 80, as in any URL); "host", "host:port", "::1", "[::1]:9090" (port 9090).
/// Errors say what was expected and what was found.
tl::expected<http::Url, std::string> parse_server(std::string_view text);

}  // namespace starling::cli
