/// `starling version`, which needs no node.
#pragma once

#include <CLI/CLI.hpp>

namespace starling::cli {

void add_version(CLI::App& app, int& exit_code);

}  // namespace starling::cli
