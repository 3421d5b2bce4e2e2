/// `starling config import`: other projects' limits as a rules file.
#pragma once

#include <CLI/CLI.hpp>

namespace starling::cli {

/// Adds the subcommand to `config`. When it was chosen, parsing runs it and leaves its exit code in
/// `exit_code`: 0 done, notes or not; 1 unreadable input, or with --strict something that was not carried
/// over.
void add_import(CLI::App& config, int& exit_code);

}  // namespace starling::cli
