#include "cli/characters.hpp"

#include <algorithm>
#include <array>

#include "base/plain_text.hpp"
#include "cli/character_widths.hpp"

namespace starling::cli {
namespace {

/// Marks that turn the direction of writing, line and paragraph separators, invisible operators, byte order
/// marks, tags.
constexpr std::array disturbing = std::to_array<CodePoints>({{0x61C, 0x61C},
                                                             {0x200E, 0x200F},
                                                             {0x2028, 0x202E},
                                                             {0x2060, 0x206F},
                                                             {0xFEFF, 0xFEFF},
                                                             {0xFFF9, 0xFFFB},
                                                             {0xE0000, 0xE0FFF}});

template <std::size_t count>
bool is_in(const std::array<CodePoints, count>& ranges, std::uint32_t code) {
  const auto behind = std::upper_bound(ranges.begin(), ranges.end(), code,
                                       [](std::uint32_t c, const CodePoints& r) { return c < r.first; });
  return behind != ranges.begin() && code <= std::prev(behind)->last;
}

std::size_t columns_of(const Character& character) {
  if (character.code < 0x300) return 1;
  if (is_in(no_column, character.code)) return 0;
  return is_in(two_columns, character.code) ? 2 : 1;
}

/// The bytes of an escape sequence for colours at the begin of `text`; 0 if there is none.
std::size_t escape_bytes(std::string_view text) {
  if (!text.starts_with("\x1b[")) return 0;
  const std::size_t end = text.find_first_not_of("0123456789;", 2);
  return end != std::string_view::npos && text[end] == 'm' ? end + 1 : 0;
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
  return character.is_utf8 && !is_control && !is_in(disturbing, code);
}

std::string printable(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const Character character = first_character(text);
    out += is_harmless(character) ? text.substr(0, character.bytes) : "?";
    text.remove_prefix(character.bytes);
  }
  return out;
}

std::size_t columns_of(std::string_view text) {
  std::size_t columns = 0;
  while (!text.empty()) {
    if (const std::size_t bytes = escape_bytes(text); bytes > 0) {
      text.remove_prefix(bytes);
      continue;
    }
    const Character character = first_character(text);
    columns += columns_of(character);
    text.remove_prefix(character.bytes);
  }
  return columns;
}

std::string cut_to_columns(std::string_view line, std::size_t columns_max) {
  std::string out;
  std::size_t columns = 0;
  bool full = false;
  while (!line.empty()) {
    const std::size_t escape = escape_bytes(line);
    const Character character = first_character(line);
    const std::size_t bytes = escape > 0 ? escape : character.bytes;
    const std::size_t width = escape > 0 ? 0 : columns_of(character);
    full = full || columns + width > columns_max;
    if (escape > 0 || !full) {
      out += line.substr(0, bytes);
      columns += width;
    }
    line.remove_prefix(bytes);
  }
  return out;
}

}  // namespace starling::cli
