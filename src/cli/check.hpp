/// `starling check`: ask a node about a request as a gateway would, and be told why.
#pragma once

#include <CLI/CLI.hpp>

namespace starling::cli {

/// As `add_commands`.
void add_check(CLI::App& app, int& exit_code);

}  // namespace starling::cli
