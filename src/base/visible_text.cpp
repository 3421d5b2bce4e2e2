#include "base/visible_text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>

#include "base/json_text.hpp"
#include "base/plain_text.hpp"

namespace starling {
namespace {

struct CodePoints {
  std::uint32_t first;
  std::uint32_t last;
};

/// Soft hyphen, joiners and fillers without a width, marks that turn the direction of writing, line and
/// paragraph separators, invisible operators, byte order marks, tags.
constexpr std::array disturbing = std::to_array<CodePoints>({{0xAD, 0xAD},
                                                             {0x34F, 0x34F},
                                                             {0x61C, 0x61C},
                                                             {0x115F, 0x1160},
                                                             {0x180E, 0x180E},
                                                             {0x200B, 0x200F},
                                                             {0x2028, 0x202E},
                                                             {0x2060, 0x206F},
                                                             {0x3164, 0x3164},
                                                             {0xFEFF, 0xFEFF},
                                                             {0xFFA0, 0xFFA0},
                                                             {0xFFF9, 0xFFFB},
                                                             {0xE0000, 0xE0FFF}});

bool is_disturbing(std::uint32_t code) {
  const auto behind = std::upper_bound(disturbing.begin(), disturbing.end(), code,
                                       [](std::uint32_t c, const CodePoints& r) { return c < r.first; });
  return behind != disturbing.begin() && code <= std::prev(behind)->last;
}

/// Calls `harmless` and `other` for all that `text` consists of.
template <class Harmless, class Other>
void for_each_part(std::string_view text, Harmless harmless, Other other) {
  std::size_t begin = 0;
  std::size_t at = 0;
  while (at < text.size()) {
    const Character character = first_character(text.substr(at));
    if (!is_harmless(character)) {
      if (begin < at) harmless(text.substr(begin, at - begin));
      other(character);
      begin = at + character.bytes;
    }
    at += character.bytes;
  }
  if (begin < at) harmless(text.substr(begin));
}

void append_escape(std::string& out, const Character& character) {
  const std::uint32_t code = character.code;
  if (!character.is_utf8)
    fmt::format_to(std::back_inserter(out), "\\x{:02x}", code);
  else if (code == '\n' || code == '\r' || code == '\t')
    out += code == '\n' ? "\\n" : code == '\r' ? "\\r" : "\\t";
  else if (code < 0x10000)
    fmt::format_to(std::back_inserter(out), "\\u{:04x}", code);
  else
    fmt::format_to(std::back_inserter(out), "\\U{:08x}", code);
}

}  // namespace

Character first_character(std::string_view text) {
  const auto lead = static_cast<std::uint8_t>(text.front());
  if (lead < 0x80) return {.code = lead, .bytes = 1, .is_utf8 = true};
  const std::size_t bytes = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
  const std::string_view all = text.substr(0, bytes);
  const bool is_c1 = all.size() == 2 && lead == 0xC2 && (static_cast<std::uint8_t>(all[1]) & 0xE0) == 0x80;
  if (all.size() < bytes || (!is_c1 && !is_plain_text(all))) return {.code = lead};
  std::uint32_t code = lead & (0xFFU >> (bytes + 1));
  for (const char c : all.substr(1)) code = code << 6U | (static_cast<std::uint8_t>(c) & 0x3FU);
  return {.code = code, .bytes = bytes, .is_utf8 = true};
}

bool is_harmless(const Character& character) {
  const std::uint32_t code = character.code;
  const bool is_control = code < 0x20 || (code >= 0x7F && code < 0xA0);
  return character.is_utf8 && !is_control && !is_disturbing(code);
}

bool is_harmless(std::string_view text) {
  for (std::size_t at = 0; at < text.size();) {
    const Character character = first_character(text.substr(at));
    if (!is_harmless(character)) return false;
    at += character.bytes;
  }
  return true;
}

void append_visible(std::string& out, std::string_view text) {
  for_each_part(
      text, [&](std::string_view part) { out += part; },
      [&](const Character& character) { append_escape(out, character); });
}

void append_visible_json_string(std::string& out, std::string_view text) {
  const auto within_quotes = [&](std::string_view part) {
    const std::size_t begin = out.size();
    append_json_string(out, part);
    out.pop_back();
    out.erase(begin, 1);
  };
  out += '"';
  for_each_part(text, within_quotes, [&](const Character& character) {
    const std::uint32_t code = character.code;
    if (!character.is_utf8) {
      out += "\xEF\xBF\xBD";
    } else if (code >= 0x10000) {
      const std::uint32_t rest = code - 0x10000;
      fmt::format_to(std::back_inserter(out), "\\u{:04x}\\u{:04x}", 0xD800 + (rest >> 10U),
                     0xDC00 + (rest & 0x3FFU));
    } else {
      append_escape(out, character);
    }
  });
  out += '"';
}

}  // namespace starling
