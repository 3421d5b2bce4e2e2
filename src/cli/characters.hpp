/// Text as a terminal sees it: characters, columns, and what must never reach it.
///
/// Names, rules and advice come from other machines. A terminal obeys control characters (C0, DEL, and C1,
/// which UTF-8 spells with two bytes and an 8-bit terminal with one, so bytes that are no UTF-8 are as bad),
/// and marks of writing direction let a text pretend to be another one. A column of a table is as wide as
/// what is drawn, not as its bytes are many.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace starling::cli {

struct Character {
  std::uint32_t code = 0;
  std::size_t bytes = 1;
  bool is_utf8 = false;
};

/// The character at the begin of `text`, which is not empty. What is no UTF-8 is one byte long.
Character first_character(std::string_view text);

/// False for what a terminal might obey, or draw elsewhere than where it stands.
bool is_harmless(const Character& character);

/// Everything that is not harmless becomes '?'.
std::string printable(std::string_view text);

/// Columns that the text takes; escape sequences for colours take none.
std::size_t columns_of(std::string_view text);

/// The longest beginning of `line` that fits, with all its escape sequences for colours, those behind the cut
/// as well.
std::string cut_to_columns(std::string_view line, std::size_t columns_max);

}  // namespace starling::cli
