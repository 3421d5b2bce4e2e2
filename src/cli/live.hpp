/// What changes rules while they run: `override set|list|delete`, `learning on|off|clear|status`,
/// `enforce` and `ignore` with add|remove|list.
///
/// Each write is one request to one node, which tells the others. It says in one line what holds then, and
/// warns when that is less than one would think: an override that does nothing here, rules that still deny
/// after `learning on`, or still learn after `learning off`.
#pragma once

#include <CLI/CLI.hpp>

namespace starling::cli {

/// As `add_commands`.
void add_live(CLI::App& app, int& exit_code);

}  // namespace starling::cli
