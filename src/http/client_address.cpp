#include "http/client_address.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "http/header_list.hpp"

namespace starling::http {
namespace {

bool is_port(std::string_view text) {
  constexpr std::size_t digits_max = 5;
  return !text.empty() && text.size() <= digits_max &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

}  // namespace

std::optional<Address> parse_forwarded_address(std::string_view text) {
  if (text.starts_with('[')) {
    const std::size_t close = text.find(']');
    if (close == std::string_view::npos) return std::nullopt;
    const std::string_view behind = text.substr(close + 1);
    if (!behind.empty() && !(behind.front() == ':' && is_port(behind.substr(1)))) return std::nullopt;
    const std::string_view inside = text.substr(1, close - 1);
    if (inside.find(':') == std::string_view::npos) return std::nullopt;
    return Address::parse(inside);
  }
  const std::size_t colon = text.find(':');
  const bool one_colon =
      colon != std::string_view::npos && text.find(':', colon + 1) == std::string_view::npos;
  if (!one_colon) return Address::parse(text);
  if (!is_port(text.substr(colon + 1))) return std::nullopt;
  return Address::parse(text.substr(0, colon));
}

std::string_view ClientAddress::of(const RequestView& request) {
  if (trusted_hops_ > 0) {
    const std::string_view told = from_the_right(request.headers, "x-forwarded-for", trusted_hops_);
    if (const auto address = parse_forwarded_address(told)) return text_of(*address);
  }
  if (request.from.address.is_unspecified()) return {};
  return text_of(request.from.address);
}

std::string_view ClientAddress::text_of(const Address& address) {
  const auto& bytes = address.bytes;
  if (address.is_v4()) {
    const auto end = fmt::format_to(text_.begin(), "{}.{}.{}.{}", bytes[12], bytes[13], bytes[14], bytes[15]);
    return {text_.data(), static_cast<std::size_t>(end - text_.begin())};
  }
  return inet_ntop(AF_INET6, bytes.data(), text_.data(), static_cast<socklen_t>(text_.size()));
}

}  // namespace starling::http
