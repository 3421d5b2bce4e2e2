#include "http/header_list.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/shown_text.hpp"

namespace starling::http {
namespace {

std::string_view trimmed(std::string_view text) {
  constexpr auto is_space = [](char c) { return c == ' ' || c == '\t'; };
  while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
  return text;
}

}  // namespace

std::string_view from_the_right(std::span<const Header> headers, std::string_view name, std::size_t number) {
  for (std::size_t line = headers.size(); line-- > 0;) {
    if (!equals_ignoring_case(headers[line].name, name)) continue;
    for (std::string_view rest = headers[line].value; !rest.empty();) {
      const std::size_t comma = rest.rfind(',');
      const bool last = comma == std::string_view::npos;
      const std::string_view element = trimmed(last ? rest : rest.substr(comma + 1));
      rest = last ? std::string_view() : rest.substr(0, comma);
      if (!element.empty() && --number == 0) return element;
    }
  }
  return {};
}

tl::expected<std::string_view, std::string> only_value(std::span<const Header> headers,
                                                       std::span<const std::string_view> names) {
  const Header* found = nullptr;
  for (const Header& header : headers) {
    const auto is_it = [&](std::string_view name) { return equals_ignoring_case(header.name, name); };
    if (header.value.empty() || !std::any_of(names.begin(), names.end(), is_it)) continue;
    if (found != nullptr && found->value != header.value)
      return tl::unexpected(contradiction(*found, header));
    found = &header;
  }
  return found == nullptr ? std::string_view() : found->value;
}

std::string contradiction(const Header& one, const Header& other) {
  return fmt::format(
      "expected headers that agree, found {}: {} and {}: {}; the gateway must remove what it "
      "does not set itself",
      shown(one.name), quoted(one.value), shown(other.name), quoted(other.value));
}

}  // namespace starling::http
