#include "node/neighborhood.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <utility>

#include "base/shown_text.hpp"

namespace starling {
namespace {

constexpr std::uint16_t dns_port = 53;

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool is_name_char(char c) {
  return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '_';
}

tl::unexpected<std::string> refuse(std::string reason) {
  return tl::unexpected<std::string>(std::move(reason));
}

std::string_view trim(std::string_view text) {
  constexpr std::string_view blank = " \t\r\n";
  const auto first = text.find_first_not_of(blank);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(blank) - first + 1);
}

/// The items between the commas, none of them empty. Blank text has none.
Setting<std::vector<std::string_view>> split_items(std::string_view text) {
  std::vector<std::string_view> items;
  if (trim(text).empty()) return items;
  for (;;) {
    const auto comma = text.find(',');
    const std::string_view item = trim(text.substr(0, comma));
    if (item.empty())
      return refuse(
          fmt::format("expected a name or an address as item {}, found nothing; remove the extra comma",
                      items.size() + 1));
    if (items.size() == neighbors_max)
      return refuse(fmt::format("expected at most {} items, found more; use one DNS name that lists them all",
                                neighbors_max));
    items.push_back(item);
    if (comma == std::string_view::npos) return items;
    text.remove_prefix(comma + 1);
  }
}

struct HostPort {
  std::string_view host;
  std::string_view port;  ///< empty: none given
  bool has_port = false;
  bool bracketed = false;
};

Setting<HostPort> split_port(std::string_view item) {
  if (item.front() == '[') {
    const auto close = item.find(']');
    if (close == std::string_view::npos)
      return refuse(fmt::format("expected \"]\" after the IPv6 address, found {}; write it as [fd00::1]:4291",
                                quoted(item)));
    const std::string_view rest = item.substr(close + 1);
    if (!rest.empty() && rest.front() != ':')
      return refuse(
          fmt::format("expected \":port\" or nothing after \"]\", found {} in {}; "
                      "write it as [fd00::1]:4291",
                      quoted(rest), quoted(item)));
    return HostPort{item.substr(1, close - 1), rest.empty() ? rest : rest.substr(1), !rest.empty(), true};
  }
  const auto colon = item.find(':');
  if (colon == std::string_view::npos || item.find(':', colon + 1) != std::string_view::npos)
    return HostPort{item, {}, false, false};
  return HostPort{item.substr(0, colon), item.substr(colon + 1), true, false};
}

Setting<std::uint16_t> parse_port(const HostPort& parts, std::uint16_t default_port, std::string_view item) {
  if (!parts.has_port) return default_port;
  std::uint16_t port = 0;
  const char* const end = parts.port.data() + parts.port.size();
  const auto [stop, status] = std::from_chars(parts.port.data(), end, port);
  if (status != std::errc{} || stop != end || port == 0)
    return refuse(fmt::format("expected a port from 1 to 65535, found {} in {}; correct it or leave it out",
                              quoted(parts.port), quoted(item)));
  return port;
}

/// Nothing if `name` may be asked of DNS, else why not.
std::optional<std::string> name_fault(std::string_view name) {
  const std::string_view given = name;
  if (!name.empty() && name.back() == '.') name.remove_suffix(1);
  if (name.size() > name_chars_max)
    return fmt::format("expected a name of at most {} characters, found {} in {}; shorten it", name_chars_max,
                       name.size(), quoted(given));
  std::string_view label;
  for (std::size_t start = 0; start <= name.size(); start += label.size() + 1) {
    label = name.substr(start, name.find('.', start) - start);
    if (label.empty())
      return fmt::format("expected a character before each dot, found {}; remove the extra dot",
                         quoted(given));
    if (label.size() > label_chars_max)
      return fmt::format("expected at most {} characters between dots, found {} in {}; shorten it",
                         label_chars_max, label.size(), quoted(given));
    const auto bad = std::find_if_not(label.begin(), label.end(), is_name_char);
    if (bad != label.end())
      return fmt::format(
          "expected letters, digits, \"-\", \"_\" and \".\" in a name, found {} in {}; correct it",
          quoted(std::string_view(&*bad, 1)), quoted(given));
  }
  if (std::all_of(label.begin(), label.end(), is_digit))
    return fmt::format(
        "expected a name or an address, found {}; an IPv4 address is four numbers from 0 to 255",
        quoted(given));
  return std::nullopt;
}

/// The address that `parts` writes out; nothing if it can only be a name.
Setting<std::optional<Address>> parse_address(const HostPort& parts, std::string_view item) {
  const std::optional<Address> address = Address::parse(parts.host);
  const bool written_as_v6 = parts.bracketed || parts.host.find(':') != std::string_view::npos;
  const bool is_v6 = address && parts.host.find(':') != std::string_view::npos;
  if (written_as_v6 && !is_v6)
    return refuse(fmt::format("expected an IPv6 address, found {}; with a port write it as [fd00::1]:4291",
                              quoted(item)));
  if (address && address->is_unspecified())
    return refuse(
        fmt::format("expected the address of another machine, found {}, which is none; "
                    "name the machine itself",
                    quoted(item)));
  return address;
}

}  // namespace

Setting<std::vector<Neighbor>> parse_neighborhood(std::string_view text, std::uint16_t default_port) {
  const auto items = split_items(text);
  if (!items) return refuse(items.error());
  std::vector<Neighbor> neighbors;
  for (const std::string_view item : *items) {
    const auto parts = split_port(item);
    if (!parts) return refuse(parts.error());
    const auto port = parse_port(*parts, default_port, item);
    if (!port) return refuse(port.error());
    const auto address = parse_address(*parts, item);
    if (!address) return refuse(address.error());
    if (*address) {
      neighbors.push_back(Neighbor{.name = {}, .address = *address, .port = *port});
      continue;
    }
    if (auto fault = name_fault(parts->host)) return refuse(std::move(*fault));
    neighbors.push_back(Neighbor{.name = std::string(parts->host), .address = std::nullopt, .port = *port});
  }
  return neighbors;
}

Setting<std::vector<Endpoint>> parse_dns_servers(std::string_view text) {
  const auto items = split_items(text);
  if (!items) return refuse(items.error());
  std::vector<Endpoint> servers;
  for (const std::string_view item : *items) {
    const auto parts = split_port(item);
    if (!parts) return refuse(parts.error());
    const auto port = parse_port(*parts, dns_port, item);
    if (!port) return refuse(port.error());
    const auto address = parse_address(*parts, item);
    if (!address) return refuse(address.error());
    if (!*address)
      return refuse(
          fmt::format("expected the IP address of a DNS server, found {}; a name would need a DNS "
                      "server to resolve it",
                      quoted(item)));
    servers.push_back(Endpoint{**address, *port});
  }
  return servers;
}

}  // namespace starling
