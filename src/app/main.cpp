/// The command line. The only code that tests do not link: they run it.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <map>
#include <starling/version.hpp>
#include <string>
#include <vector>

#include "app/node_process.hpp"
#include "base/shown_text.hpp"
#include "cli/check.hpp"
#include "cli/commands.hpp"
#include "cli/config.hpp"
#include "cli/import.hpp"
#include "cli/live.hpp"
#include "cli/rules.hpp"
#include "cli/simulate.hpp"
#include "cli/top.hpp"
#include "node/settings.hpp"

namespace {

constexpr int exit_usage = 2;

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

std::vector<std::string> known_commands(CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::App* sub : app.get_subcommands(nullptr)) names.push_back(sub->get_name());
  return names;
}

/// The subcommand that was being parsed, for "see --help".
std::string help_command(const CLI::App& app) {
  std::string command = "starling";
  for (const CLI::App* at = &app; !at->get_subcommands().empty();) {
    at = at->get_subcommands().front();
    command += " " + at->get_name();
  }
  return command + " --help";
}

/// What is wrong with the words before the first flag, of which CLI11 would only say that a subcommand is
/// missing. Empty: nothing.
std::string wrong_command(CLI::App& app, int argc, char** argv) {
  CLI::App* at = &app;
  for (int i = 1;; ++i) {
    const std::vector<std::string> commands = known_commands(*at);
    const std::string word = i < argc ? argv[i] : "";
    if (commands.empty() || word.starts_with('-') || (word.empty() && at == &app)) return {};
    if (std::find(commands.begin(), commands.end(), word) == commands.end())
      return at == &app
                 ? fmt::format("unknown command {}; expected one of: {}", starling::quoted(word),
                               fmt::join(commands, ", "))
                 : fmt::format("{}: expected one of: {}; found {}", at->get_name(), fmt::join(commands, ", "),
                               word.empty() ? "nothing" : starling::quoted(word));
    at = at->get_subcommand(word);
  }
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Starling: a peer-to-peer rate limiter. Nodes gossip; together they hold one limit.",
               "starling");
  app.require_subcommand(1);
  app.set_version_flag("--version", fmt::format("starling {}", starling::version), "Show the version");
  app.footer("Exit codes: 0 done, 1 failed, 2 wrong usage, 3 denied or unhealthy.");
  std::map<std::string, std::string> flags;
  int exit_code = 0;
  const CLI::App* node = add_node_command(app, flags);
  starling::cli::add_commands(app, exit_code);
  starling::cli::add_check(app, exit_code);
  starling::cli::add_rules(app, exit_code);
  starling::cli::add_live(app, exit_code);
  starling::cli::add_import(*starling::cli::add_config(app, exit_code), exit_code);
  starling::cli::add_top(app, exit_code);
  starling::cli::add_simulate(app, exit_code);
  if (const std::string wrong = wrong_command(app, argc, argv); !wrong.empty()) {
    fmt::print(stderr, "starling: {}\n", wrong);
    return exit_usage;
  }
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& asked_for_help) {
    return app.exit(asked_for_help);
  } catch (const CLI::ParseError& wrong) {
    fmt::print(stderr, "starling: {}; see `{}`\n", wrong.what(), help_command(app));
    return exit_usage;
  }
  return node->parsed() ? starling::run_node(flags) : exit_code;
}
