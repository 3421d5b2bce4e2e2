/// Standard output, and what there is to do when nobody reads it: `starling peers | head -1` ends in silence,
/// by SIGPIPE, as other commands do; a full disk is an error that is told.
#pragma once

#include <string_view>

namespace starling::cli {

/// Writes all of it at once, through to the kernel. False after an error, which has been told on stderr.
bool put(std::string_view text);

/// True if it is a terminal.
bool is_output_a_terminal();

}  // namespace starling::cli
