#include "http/url.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "http/handler.hpp"

namespace starling::http {
namespace {

constexpr std::string_view scheme = "http://";

bool is_host_character(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '.' || c == '-' ||
         c == '_';
}

/// Within brackets: hex digits, colons, and the zone of a link-local address ("fe80::1%eth0").
bool is_literal_character(char c) {
  return is_host_character(c) || c == ':' || c == '%';
}

bool all(std::string_view text, bool (*matches)(char)) {
  return !text.empty() && std::all_of(text.begin(), text.end(), matches);
}

}  // namespace

std::string Url::authority() const {
  return host.find(':') == std::string::npos ? fmt::format("{}:{}", host, port)
                                             : fmt::format("[{}]:{}", host, port);
}

std::string Url::server() const {
  return std::string(scheme) + authority();
}

tl::expected<Url, std::string> parse_url(std::string_view text) {
  const auto bad = [text](std::string_view what) {
    return tl::unexpected<std::string>(
        fmt::format("expected http://host[:port][/path], found '{}': {}", text, what));
  };
  if (!equals_ignoring_case(text.substr(0, scheme.size()), scheme))
    return bad("it does not start with http://");
  std::string_view rest = text.substr(scheme.size());
  const std::size_t authority_end = std::min(rest.find_first_of("/?#"), rest.size());
  std::string_view authority = rest.substr(0, authority_end);
  std::string_view target = rest.substr(authority_end);
  target = target.substr(0, target.find('#'));

  Url url;
  if (authority.starts_with('[')) {
    const std::size_t close = authority.find(']');
    if (close == std::string_view::npos) return bad("the bracket is not closed");
    url.host = authority.substr(1, close - 1);
    if (!all(url.host, is_literal_character)) return bad("the brackets hold no IPv6 address");
    authority.remove_prefix(close + 1);
  } else {
    url.host = authority.substr(0, authority.find(':'));
    if (!all(url.host, is_host_character))
      return bad("the host is empty or has a character no host name has");
    authority.remove_prefix(url.host.size());
  }
  if (!authority.empty()) {
    const std::string_view port = authority.substr(1);
    const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), url.port);
    if (authority.front() != ':' || error != std::errc{} || end != port.data() + port.size() || url.port == 0)
      return bad("the port is not a number from 1 to 65535");
  }
  // A space or a line end here would end up in the request line.
  if (!std::all_of(target.begin(), target.end(), [](char c) { return c > ' ' && c < '\x7f'; }))
    return bad("the path has a character that must be percent-encoded");
  if (!target.empty()) url.target = target.starts_with('?') ? "/" + std::string(target) : std::string(target);
  return url;
}

}  // namespace starling::http
