/// `starling config`: what can be said about configuration files without a node.
#pragma once

#include <CLI/CLI.hpp>

namespace starling::cli {

/// Adds `config` with `config validate`, and returns `config`, to which others may add. When `validate` was
/// chosen, parsing runs it and leaves its exit code in `exit_code`: 0 all good, 1 errors.
CLI::App* add_config(CLI::App& app, int& exit_code);

}  // namespace starling::cli
