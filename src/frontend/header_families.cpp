#include "frontend/header_families.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/shown_text.hpp"

namespace starling {
namespace {

struct Row {
  HeaderFamily family;
  std::string_view name;
  /// The headers that another family could say too. Kong's X-RateLimit-Limit-Minute and its like are only its
  /// own.
  std::array<std::string_view, 4> headers;
};

constexpr std::array rows{
    Row{HeaderFamily::ietf, "ietf", {"RateLimit-Policy", "RateLimit"}},
    Row{HeaderFamily::x_ratelimit,
        "x-ratelimit",
        {"X-RateLimit-Limit", "X-RateLimit-Reset", "X-RateLimit-Remaining"}},
    Row{HeaderFamily::spinnaker,
        "spinnaker",
        {"X-RateLimit-Capacity", "X-RateLimit-Reset", "X-RateLimit-Remaining", "X-RateLimit-Learning"}},
    Row{HeaderFamily::kong, "kong", {"RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset"}},
};

constexpr std::string_view expectation = "expected none, or a list of ietf, x-ratelimit, spinnaker, kong";

/// The first header that both say, or nothing.
std::string_view shared_header(const Row& a, const Row& b) {
  for (const std::string_view header : a.headers)
    if (!header.empty() && std::find(b.headers.begin(), b.headers.end(), header) != b.headers.end())
      return header;
  return {};
}

std::string_view trimmed(std::string_view text) {
  while (text.starts_with(' ')) text.remove_prefix(1);
  while (text.ends_with(' ')) text.remove_suffix(1);
  return text;
}

}  // namespace

std::string_view name(HeaderFamily family) {
  const auto row = std::find_if(rows.begin(), rows.end(), [&](const Row& r) { return r.family == family; });
  return row == rows.end() ? "unknown" : row->name;
}

tl::expected<HeaderFamilies, std::string> HeaderFamilies::parse(std::string_view text) {
  HeaderFamilies families;
  if (trimmed(text) == "none") return families;
  for (std::string_view rest = text;;) {
    const std::size_t comma = rest.find(',');
    const std::string_view word = trimmed(rest.substr(0, comma));
    const auto row = std::find_if(rows.begin(), rows.end(), [&](const Row& r) { return r.name == word; });
    if (row == rows.end()) return tl::unexpected(fmt::format("{}, found {}", expectation, quoted(word)));
    if (families.has(row->family))
      return tl::unexpected(fmt::format("{}, each once, found {} twice", expectation, word));
    for (const Row& other : rows)
      if (const std::string_view header = shared_header(*row, other);
          families.has(other.family) && !header.empty())
        return tl::unexpected(
            fmt::format("expected families that share no header, found {} and {}, which give {} different "
                        "meanings; leave one of the two out",
                        other.name, row->name, header));
    families = families.with(row->family);
    if (comma == std::string_view::npos) return families;
    rest.remove_prefix(comma + 1);
  }
}

}  // namespace starling
