/// `starling top`: the hottest callers of the cluster, as one node sees them.
///
/// The node answers at once with what it knows, and says if a moment later it would know more: names that it
/// has just asked other nodes for, or a large table that it is still reading. For that moment the command
/// waits, so that people see names and not keys; it never waits longer than 300 ms.
#pragma once

#include <CLI/CLI.hpp>

namespace starling::cli {

/// Adds the subcommand. When it was chosen, parsing runs it and leaves its exit code in `exit_code`.
void add_top(CLI::App& app, int& exit_code);

}  // namespace starling::cli
