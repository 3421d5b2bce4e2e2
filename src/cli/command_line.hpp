/// How the words of the command line are taken: `help`, groups of commands, and for a word that nobody knows
/// the one that was probably meant.
#pragma once

#include <CLI/CLI.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace starling::cli {

inline constexpr int exit_usage = 2;

/// Parses `words` (without the program's name), which runs the callbacks of the command that was chosen.
/// `app` has all its commands. Returns the exit code if that was all: help was shown, or the usage was wrong.
std::optional<int> parse_command_line(CLI::App& app, std::vector<std::string> words);

/// The one of `known` that `word` is probably a slip of: at most two letters (of short words one) added,
/// lost, changed or swapped. Empty: none.
std::string nearest(std::string_view word, const std::vector<std::string>& known);

}  // namespace starling::cli
