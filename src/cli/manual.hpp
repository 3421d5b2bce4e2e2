/// Manual pages: prose by hand, options from the command line's own tree, so that they cannot drift apart.
///
/// A template is a page in mdoc. In it a line `.\" @common` is replaced by the options that many commands
/// share,
/// `.\" @commands except A B` by the other commands, and `.\" @options A` by the options of one.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <string_view>
#include <tl/expected.hpp>

#include "cli/command_tree.hpp"

namespace starling::cli {

/// Errors: a line that names what the template asks for and nobody has.
tl::expected<std::string, std::string> manual_page(std::string_view page, const CommandSpec& tree);

/// Adds `manual TEMPLATE`, which the build runs and --help does not show. `app` outlives the parsing.
void add_manual(CLI::App& app, int& exit_code);

}  // namespace starling::cli
