/// The command line. The only code that tests do not link: they run it.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <map>
#include <string>

#include "app/node_process.hpp"
#include "cli/check.hpp"
#include "cli/command_line.hpp"
#include "cli/commands.hpp"
#include "cli/completion.hpp"
#include "cli/config.hpp"
#include "cli/import.hpp"
#include "cli/keygen.hpp"
#include "cli/live.hpp"
#include "cli/manual.hpp"
#include "cli/rules.hpp"
#include "cli/simulate.hpp"
#include "cli/top.hpp"
#include "cli/version.hpp"
#include "node/settings.hpp"

namespace {

/// Text of a setting for --help: what it means, and its other spellings.
std::string describe(const starling::SettingSpec& spec) {
  std::string environment(spec.environment);
  if (!spec.dotted_name.empty()) environment += fmt::format(" or {}", spec.dotted_name);
  const std::string fallback = spec.fallback.empty() ? "none" : std::string(spec.fallback);
  return fmt::format("{} [env: {}; default: {}]", spec.help, environment, fallback);
}

CLI::App* add_node_command(CLI::App& app, std::map<std::string, std::string>& flags) {
  CLI::App* node = app.add_subcommand("node", "Run a node until SIGTERM; SIGHUP resolves and reloads");
  for (const starling::SettingSpec& spec : starling::setting_specs()) {
    std::string names = fmt::format("--{}", spec.name);
    if (!spec.dotted_name.empty()) names += fmt::format(",--{}", spec.dotted_name);
    node->add_option_function<std::string>(
            names, [&flags, &spec](const std::string& text) { flags[std::string(spec.name)] = text; },
            describe(spec))
        ->type_name(std::string(spec.value_name));
  }
  node->footer(
      "Each setting is a flag, an environment variable and, but for --config, a key under `settings:` in the "
      "file.\n"
      "Precedence: flag > environment > file > default; `starling status` shows where each value came from.\n"
      "Durations: 500ms, 5s, 1m, 1h. Ports: 0 takes a free one.\n"
      "Exit codes: 0 stopped as asked, 1 failed, 2 wrong usage.");
  return node;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Starling: a peer-to-peer rate limiter. Nodes gossip; together they hold one limit.",
               "starling");
  std::map<std::string, std::string> flags;
  int exit_code = 0;
  const CLI::App* node = add_node_command(app, flags);
  starling::cli::add_commands(app, exit_code);
  starling::cli::add_top(app, exit_code);
  starling::cli::add_rules(app, exit_code);
  starling::cli::add_check(app, exit_code);
  starling::cli::add_live(app, exit_code);
  starling::cli::add_import(*starling::cli::add_config(app, exit_code), exit_code);
  starling::cli::add_keygen(app, exit_code);
  starling::cli::add_simulate(app, exit_code);
  starling::cli::add_completion(app, exit_code);
  starling::cli::add_manual(app, exit_code);
  starling::cli::add_version(app, exit_code);
  const auto ended = starling::cli::parse_command_line(app, {argv + 1, argv + argc});
  if (ended) return *ended;
  return node->parsed() ? starling::run_node(flags) : exit_code;
}
