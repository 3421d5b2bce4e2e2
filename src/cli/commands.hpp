/// The subcommands that look at a node: peers and status.
#pragma once

#include <CLI/CLI.hpp>

namespace starling::cli {

/// Adds the subcommands. When one of them was chosen, parsing runs it and leaves its exit code in
/// `exit_code`: 0 done, 1 failed, 3 denied or unhealthy.
void add_commands(CLI::App& app, int& exit_code);

}  // namespace starling::cli
