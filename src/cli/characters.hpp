/// Text as a terminal sees it: columns, and what must never reach it (`base/visible_text`).
///
/// Names, rules and advice come from other machines. A column of a table is as wide as what is drawn, not as
/// its bytes are many.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/visible_text.hpp"

namespace starling::cli {

using starling::Character;
using starling::first_character;
using starling::is_harmless;

/// Everything that is not harmless is written out, as `base/visible_text` does it.
std::string printable(std::string_view text);

/// Columns that the text takes; escape sequences for colours take none.
std::size_t columns_of(std::string_view text);

/// The longest beginning of `line` that fits, with all its escape sequences for colours, those behind the cut
/// as well.
std::string cut_to_columns(std::string_view line, std::size_t columns_max);

}  // namespace starling::cli
