#include "http/request_path.hpp"

#include <algorithm>
#include <cstring>

#include "http/hex_digit.hpp"

namespace starling::http {
namespace {

constexpr std::string_view scheme_end = "://";

/// Where the authority of a whole URL begins, or npos.
std::size_t authority_at(std::string_view target) {
  const std::size_t end = target.find(scheme_end);
  if (end == std::string_view::npos || end == 0) return std::string_view::npos;
  const auto is_scheme_character = [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '+' ||
           c == '-' || c == '.';
  };
  const std::string_view scheme = target.substr(0, end);
  const bool is_url = std::all_of(scheme.begin(), scheme.end(), is_scheme_character);
  return is_url ? end + scheme_end.size() : std::string_view::npos;
}

std::string_view path_of(std::string_view target) {
  if (const std::size_t at = authority_at(target); at != std::string_view::npos)
    target.remove_prefix(std::min(target.find_first_of("/?#", at), target.size()));
  return target.substr(0, target.find_first_of("?#"));
}

bool is_normal(std::string_view path) {
  return path.starts_with('/') && path.find('%') == std::string_view::npos &&
         path.find("//") == std::string_view::npos && path.find("/.") == std::string_view::npos;
}

void append_decoded(std::string& out, std::string_view text) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    const int high = text[i] == '%' && i + 2 < text.size() ? hex_value(text[i + 1]) : -1;
    const int low = high >= 0 ? hex_value(text[i + 2]) : -1;
    out += low < 0 ? text[i] : static_cast<char>(high * 16 + low);
    if (low >= 0) i += 2;
  }
}

/// Empty segments and dot segments leave, in place: what is kept never overtakes what is read. `path` begins
/// with a slash.
void resolve_segments(std::string& path) {
  std::size_t kept = 0;  // path[0, kept) is done: nothing, or segments with a slash before each
  bool ends_in_slash = false;
  for (std::size_t slash = 0; slash < path.size();) {
    const std::size_t end = std::min(path.find('/', slash + 1), path.size());
    const std::string_view segment = std::string_view(path).substr(slash + 1, end - slash - 1);
    ends_in_slash = segment.empty() || segment == "." || segment == "..";
    if (segment == "..") {
      kept = kept == 0 ? 0 : path.rfind('/', kept - 1);
    } else if (!ends_in_slash) {
      std::memmove(path.data() + kept, path.data() + slash, end - slash);
      kept += end - slash;
    }
    slash = end;
  }
  if (ends_in_slash) path[kept++] = '/';
  path.resize(kept);
}

}  // namespace

std::string_view normal_path(std::string_view target, std::string& scratch) {
  const std::string_view path = path_of(target);
  if (is_normal(path)) return path;
  scratch.clear();
  if (!path.starts_with('/')) scratch += '/';
  append_decoded(scratch, path);
  resolve_segments(scratch);
  return scratch;
}

UrlOrigin origin_of(std::string_view target) {
  const std::size_t at = authority_at(target);
  if (at == std::string_view::npos) return {};
  const std::size_t end = std::min(target.find_first_of("/?#", at), target.size());
  return {.scheme = target.substr(0, at - scheme_end.size()), .authority = target.substr(at, end - at)};
}

}  // namespace starling::http
