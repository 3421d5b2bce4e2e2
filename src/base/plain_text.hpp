/// Text that may go into a log line, a JSON document and a terminal as it is: UTF-8 without control
/// characters. What others send is held to it where it comes in, so that nobody has to think of it later.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace starling {

/// True for well-formed UTF-8 (RFC 3629: no overlong forms, no surrogates) without control characters.
inline bool is_plain_text(std::string_view text) {
  std::size_t at = 0;
  while (at < text.size()) {
    const auto byte = [&](std::size_t i) {
      return i < text.size() ? static_cast<std::uint8_t>(text[i]) : std::uint8_t{0};
    };
    const std::uint8_t lead = byte(at);
    if (lead < 0x80) {
      if (lead < 0x20 || lead == 0x7F) return false;
      ++at;
      continue;
    }
    const std::size_t more = lead >= 0xF0 ? 3 : lead >= 0xE0 ? 2 : 1;
    if (lead < 0xC2 || lead > 0xF4) return false;
    for (std::size_t i = 1; i <= more; ++i)
      if ((byte(at + i) & 0xC0) != 0x80) return false;
    const std::uint8_t second = byte(at + 1);
    if ((lead == 0xE0 && second < 0xA0) || (lead == 0xED && second > 0x9F) ||
        (lead == 0xF0 && second < 0x90) || (lead == 0xF4 && second > 0x8F))
      return false;
    if (lead == 0xC2 && second < 0xA0) return false;  // the control characters U+0080 to U+009F
    at += more + 1;
  }
  return true;
}

}  // namespace starling
