/// `starling completion bash|zsh|fish`: scripts that complete commands, options, their values where they are
/// words, and file names. They are made from the command line's own tree, hold all they know, and ask nobody.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

#include "cli/command_tree.hpp"

namespace starling::cli {

std::string bash_completion(const CommandSpec& tree);
std::string zsh_completion(const CommandSpec& tree);
std::string fish_completion(const CommandSpec& tree);

/// Adds `completion`. `app` outlives the parsing.
void add_completion(CLI::App& app, int& exit_code);

}  // namespace starling::cli
