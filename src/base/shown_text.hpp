/// Text from outside within a message to a person: one line, bounded, nothing that a terminal would obey.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace starling {

inline constexpr std::size_t shown_bytes_max = 80;

/// At most `shown_bytes_max` bytes of `text`, then "..."; everything but printable ASCII becomes '?'.
inline std::string shown(std::string_view text) {
  std::string out(text.substr(0, shown_bytes_max));
  for (char& c : out)
    if (c < ' ' || c > '~') c = '?';
  if (text.size() > shown_bytes_max) out += "...";
  return out;
}

/// The same between quotes.
inline std::string quoted(std::string_view text) {
  return '"' + shown(text) + '"';
}

}  // namespace starling
