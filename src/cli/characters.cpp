#include "cli/characters.hpp"

#include <algorithm>
#include <array>

#include "cli/character_widths.hpp"

namespace starling::cli {
namespace {

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

std::string printable(std::string_view text) {
  std::string out;
  append_visible(out, text);
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
