/// `starling rules`: what each rule holds to now, and where every value comes from.
#pragma once

#include <CLI/CLI.hpp>

namespace starling::cli {

/// As `add_commands`.
void add_rules(CLI::App& app, int& exit_code);

/// Where to ask for all rules, or for `rule` alone.
std::string rules_target(const std::string& rule);

}  // namespace starling::cli
