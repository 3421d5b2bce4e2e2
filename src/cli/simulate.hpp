/// `starling simulate`: what will my cluster do? Real engines on a virtual network, in this process.
#pragma once

#include <CLI/CLI.hpp>

namespace starling::cli {

/// Adds the subcommand. When it was chosen, parsing runs it and leaves its exit code in `exit_code`. A value
/// that makes no sense is a CLI::ValidationError that names the flag, what was expected and what was found.
void add_simulate(CLI::App& app, int& exit_code);

}  // namespace starling::cli
