#include "http/request_line.hpp"

#include <algorithm>
#include <array>

#include "http/handler.hpp"

namespace starling::http {
namespace {

constexpr std::array<bool, 256> token_characters = [] {
  std::array<bool, 256> table{};
  for (unsigned char c = '0'; c <= '9'; ++c) table[c] = true;
  for (unsigned char c = 'a'; c <= 'z'; ++c) table[c] = true;
  for (unsigned char c = 'A'; c <= 'Z'; ++c) table[c] = true;
  for (const char c : std::string_view("!#$%&'*+-.^_`|~")) table[static_cast<unsigned char>(c)] = true;
  return table;
}();

constexpr std::string_view usual_end = " HTTP/1.1";

constexpr bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

tl::unexpected<HeadError> malformed(std::string_view message) {
  return tl::unexpected<HeadError>(HeadError{ErrorReason::malformed_request, message});
}

/// Proxies may send the absolute form, "http://host/path?query"; servers must take it (RFC 9112,
/// section 3.2.2).
std::string_view origin_form(std::string_view target) {
  if (target.starts_with('/')) return target;
  for (const std::string_view scheme : {std::string_view("http://"), std::string_view("https://")}) {
    if (!equals_ignoring_case(target.substr(0, scheme.size()), scheme)) continue;
    const std::size_t path_at = target.find_first_of("/?", scheme.size());
    return path_at == std::string_view::npos ? std::string_view("/") : target.substr(path_at);
  }
  return target;
}

}  // namespace

bool is_token(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(),
                                      [](char c) { return token_characters[static_cast<unsigned char>(c)]; });
}

tl::expected<RequestLine, HeadError> parse_request_line(std::string_view line) {
  RequestLine parsed;
  const std::size_t method_end = line.find(' ');
  const bool usual = line.ends_with(usual_end);
  const std::size_t version_at = usual ? line.size() - usual_end.size() : line.rfind(' ');
  if (method_end == std::string_view::npos || method_end == version_at)
    return malformed("expected a request line: method, target and HTTP version, separated by single spaces");
  parsed.method = line.substr(0, method_end);
  parsed.target = line.substr(method_end + 1, version_at - method_end - 1);
  if (!is_token(parsed.method)) return malformed("the method is not a token");
  // One memchr each; `find_first_of` would call it for every character of the target.
  const auto has = [&](char c) { return parsed.target.find(c) != std::string_view::npos; };
  if (parsed.target.empty() || has(' ') || has('\t') || has('#'))
    return malformed("the target is empty or has white space or a fragment in it");

  if (!usual) {
    const std::string_view version = line.substr(version_at + 1);
    if (version.size() != 8 || !version.starts_with("HTTP/") || !is_digit(version[5]) || version[6] != '.' ||
        !is_digit(version[7]))
      return malformed("expected HTTP/1.0 or HTTP/1.1 at the end of the request line");
    if (version != "HTTP/1.1" && version != "HTTP/1.0")
      return tl::unexpected<HeadError>(
          HeadError{ErrorReason::version_unsupported, "this port speaks HTTP/1.1 and HTTP/1.0"});
    parsed.http_1_0 = version == "HTTP/1.0";
  }

  const std::string_view origin = origin_form(parsed.target);
  const std::size_t path_end = std::min(origin.find('?'), origin.size());
  parsed.path = path_end == 0 ? std::string_view("/") : origin.substr(0, path_end);
  if (path_end < origin.size()) parsed.query = origin.substr(path_end + 1);
  return parsed;
}

}  // namespace starling::http
