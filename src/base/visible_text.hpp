/// Text of others for the eyes of people, on a terminal or in a log: what would be obeyed, hidden, or drawn
/// elsewhere than where it stands is written out.
///
/// A terminal obeys control characters (C0, DEL, and C1, which UTF-8 spells with two bytes and an 8-bit
/// terminal with one, so bytes that are no UTF-8 are as bad). Marks of writing direction let a text pretend
/// to be another one, and characters without a width hide in it, so that two callers look like one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace starling {

struct Character {
  std::uint32_t code = 0;
  std::size_t bytes = 1;
  bool is_utf8 = false;
};

/// The character at the begin of `text`, which is not empty. What is no UTF-8 is one byte long.
Character first_character(std::string_view text);

/// False for what has to be written out.
bool is_harmless(const Character& character);
bool is_harmless(std::string_view text);

/// Appends `text` with what is not harmless as `\n`, `\t`, `\u202e`, `\U000e0001`, and as `\xff` where it is
/// no UTF-8. Backslashes of the text itself stay as they are.
void append_visible(std::string& out, std::string_view text);

/// Appends `text` as a JSON string in which the same is escaped: the text is what it was (but for U+FFFD
/// where it is no UTF-8), and can be looked at.
void append_visible_json_string(std::string& out, std::string_view text);

}  // namespace starling
