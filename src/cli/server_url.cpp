#include "cli/server_url.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/endpoint.hpp"
#include "base/shown_text.hpp"

namespace starling::cli {
namespace {

constexpr std::uint16_t admin_port = 9090;

/// An IPv6 address as it is: then its colons begin no port.
bool is_bare_ipv6(std::string_view text) {
  const std::string_view address = text.substr(0, text.find('%'));  // the zone of a link-local address
  return std::count(text.begin(), text.end(), ':') >= 2 && Address::parse(address).has_value();
}

bool names_a_port(std::string_view authority) {
  const std::size_t behind_address = authority.starts_with('[') ? authority.find(']') : 0;
  return behind_address != std::string_view::npos &&
         authority.find(':', behind_address) != std::string_view::npos;
}

}  // namespace

tl::expected<http::Url, std::string> parse_server(std::string_view text) {
  // A password would stand in the process list, in shell histories and in our own messages.
  const std::size_t scheme = text.find("://");
  const std::string_view rest = text.substr(scheme == std::string_view::npos ? 0 : scheme + 3);
  if (rest.substr(0, rest.find_first_of("/?#")).find('@') != std::string_view::npos)
    return tl::unexpected<std::string>(
        "expected a host and a port, found a user name or password before an @: a node takes no password; "
        "its "
        "token is shown by --token-file");
  if (const std::size_t colon = text.find("://"); colon != std::string_view::npos) {
    auto url = http::parse_url(text);
    if (!url && text.substr(0, colon) == "https")
      return tl::unexpected(
          fmt::format("expected http://, found {}: the admin port speaks no TLS", quoted(text)));
    return url;
  }
  auto url =
      http::parse_url(is_bare_ipv6(text) ? fmt::format("http://[{}]", text) : fmt::format("http://{}", text));
  if (!url)
    return tl::unexpected(fmt::format(
        "expected a host, host:port or http://host:port, such as 127.0.0.1 or [::1]:9090, found {}",
        quoted(text)));
  const bool has_port = !is_bare_ipv6(text) && names_a_port(text.substr(0, text.find_first_of("/?#")));
  if (!has_port) url->port = admin_port;
  return url;
}

}  // namespace starling::cli
