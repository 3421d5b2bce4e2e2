#include "http/write_access.hpp"

#include <sodium.h>

#include <algorithm>
#include <array>

namespace starling::http {
namespace {

bool is_port(std::string_view text) {
  return text.size() <= 5 &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

/// "host:port", "host", "[::1]:port": without the port and the brackets. Empty if it is none of those: what
/// stands around an address must not hide that the whole is a name.
std::string_view host_of(std::string_view authority) {
  const bool bracketed = authority.starts_with('[');
  const std::size_t end = bracketed ? authority.find(']') : std::min(authority.find(':'), authority.size());
  if (end == std::string_view::npos) return {};
  const std::string_view rest = authority.substr(end + (bracketed ? 1 : 0));
  if (!rest.empty() && (rest.front() != ':' || !is_port(rest.substr(1)))) return {};
  return bracketed ? authority.substr(1, end - 1) : authority.substr(0, end);
}

bool names_no_domain(const RequestView& request) {
  const Header* host = request.find("host");
  if (host == nullptr) return true;  // HTTP/1.0: no browser
  const std::string_view name = host_of(host->value);
  return equals_ignoring_case(name, "localhost") || Address::parse(name).has_value();
}

bool is_forwarded(const RequestView& request) {
  constexpr std::array signs{"forwarded", "via", "x-real-ip", "x-client-ip", "true-client-ip"};
  constexpr std::string_view family = "x-forwarded-";
  return std::any_of(request.headers.begin(), request.headers.end(), [&](const Header& header) {
    return equals_ignoring_case(header.name.substr(0, family.size()), family) ||
           std::any_of(signs.begin(), signs.end(),
                       [&](const char* sign) { return equals_ignoring_case(header.name, sign); });
  });
}

}  // namespace

bool WriteAccess::shows_token(const RequestView& request) const {
  constexpr std::string_view scheme = "Bearer ";
  const Header* shown = request.find("authorization");
  // Of two, nobody knows which one a proxy looked at.
  const auto count = std::count_if(request.headers.begin(), request.headers.end(), [](const Header& header) {
    return equals_ignoring_case(header.name, "authorization");
  });
  if (count != 1 || !equals_ignoring_case(shown->value.substr(0, scheme.size()), scheme)) return false;
  const std::string_view token = shown->value.substr(scheme.size());
  // How long it took must not tell how much of a guess was right. The length is no secret.
  return !token_.empty() && token.size() == token_.size() &&
         sodium_memcmp(token.data(), token_.data(), token_.size()) == 0;
}

std::optional<std::string_view> WriteAccess::refusal(const RequestView& request) const {
  if (shows_token(request)) return std::nullopt;
  // A wrong token is a mistake, wherever it comes from.
  if (!token_.empty() && request.find("authorization") != nullptr)
    return "expected `Authorization: Bearer` with the token of this node's --admin-token-file, found "
           "another; "
           "show it the same file (`starling --token-file`)";
  if (!request.from.address.is_loopback())
    return token_.empty()
               ? "expected a client on the node's own machine, found another; run the command there, or "
                 "start "
                 "the node with --admin-token-file and show that token"
               : "expected a client on the node's own machine or `Authorization: Bearer` with the token of "
                 "--admin-token-file, found neither; use `starling --token-file`";
  if (is_forwarded(request))
    return "expected a client on the node's own machine, found one behind a proxy (Forwarded, "
           "X-Forwarded-For, X-Real-IP or Via); ask the node itself, or with the token of --admin-token-file";
  if (!names_no_domain(request))
    return "expected an address or localhost in Host, found a name, which a web page could have made up; use "
           "--server http://127.0.0.1:9090 or so, or the token of --admin-token-file";
  return std::nullopt;
}

}  // namespace starling::http
