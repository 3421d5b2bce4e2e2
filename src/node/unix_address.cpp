#include "node/unix_address.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <utility>

#include "base/shown_text.hpp"

namespace starling {
namespace {

constexpr std::string_view scheme = "unix:";
constexpr std::string_view mode_key = "mode=";
constexpr unsigned mode_max = 0777;

std::string_view trim(std::string_view text) {
  constexpr std::string_view blank = " \t\r\n";
  const auto first = text.find_first_not_of(blank);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(blank) - first + 1);
}

tl::unexpected<std::string> refuse(std::string_view expected, std::string_view found) {
  return tl::unexpected(fmt::format("expected {}, found {}", expected, quoted(found)));
}

std::optional<unsigned> mode_of(std::string_view option) {
  if (!option.starts_with(mode_key)) return std::nullopt;
  option.remove_prefix(mode_key.size());
  unsigned mode = 0;
  const auto [end, error] = std::from_chars(option.data(), option.data() + option.size(), mode, 8);
  // A socket that nobody may write to is one that nobody can connect to.
  if (error != std::errc{} || end != option.data() + option.size() || mode > mode_max || (mode & 0222) == 0)
    return std::nullopt;
  return mode;
}

}  // namespace

tl::expected<UnixAddress, std::string> UnixAddress::parse(std::string_view text) {
  if (!text.starts_with(scheme))
    return refuse("`unix:` and a path, such as unix:/run/starling/http.sock", text);
  std::string_view path = text.substr(scheme.size());
  if (path.starts_with('@'))
    return refuse("a path in the file system after `unix:` (abstract sockets have no permissions)", text);
  UnixAddress address;
  if (const auto mark = path.find('?'); mark != std::string_view::npos) {
    const auto mode = mode_of(path.substr(mark + 1));
    if (!mode) return refuse("nothing but `mode=` and octal permissions such as 0660 after the `?`", text);
    address.mode = *mode;
    path = path.substr(0, mark);
  }
  // As in a URL: unix:///run/x is unix:/run/x.
  while (path.starts_with("//")) path.remove_prefix(1);
  if (!path.starts_with('/')) return refuse("an absolute path after `unix:`", text);
  if (path.ends_with('/')) return refuse("the path of a socket, not of a directory", text);
  if (path.size() > unix_path_bytes_max)
    return tl::unexpected(fmt::format(
        "expected a path of at most {} bytes, as the system takes it for a socket, found {} bytes: {}",
        unix_path_bytes_max, path.size(), quoted(path)));
  address.path = path;
  return address;
}

tl::expected<std::vector<UnixAddress>, std::string> parse_unix_addresses(std::string_view text) {
  std::vector<UnixAddress> addresses;
  while (!trim(text).empty()) {
    const auto comma = text.find(',');
    auto address = UnixAddress::parse(trim(text.substr(0, comma)));
    if (!address) return tl::unexpected(address.error());
    const auto same = [&](const UnixAddress& other) { return other.path == address->path; };
    if (std::any_of(addresses.begin(), addresses.end(), same)) return refuse("each path once", address->path);
    if (addresses.size() == unix_listeners_max)
      return tl::unexpected(fmt::format("expected at most {} sockets, found more", unix_listeners_max));
    addresses.push_back(std::move(*address));
    if (comma == std::string_view::npos) break;
    text.remove_prefix(comma + 1);
    if (trim(text).empty()) return refuse("another socket after the last comma", text);
  }
  return addresses;
}

}  // namespace starling
