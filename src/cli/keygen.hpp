/// `starling keygen`: keys for gossip, and how they are called. Needs no node.
#pragma once

#include <CLI/CLI.hpp>

namespace starling::cli {

void add_keygen(CLI::App& app, int& exit_code);

}  // namespace starling::cli
