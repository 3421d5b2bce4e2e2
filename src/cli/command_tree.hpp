/// All commands, options and arguments, as CLI11 has them: what completion and manual pages are made of, so
/// that neither can say anything else than the parser.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace starling::cli {

struct OptionSpec {
  std::vector<std::string> names;  ///< with their dashes, short ones first
  std::string value;               ///< "URL", "json|yaml"; empty: it takes none
  std::string help;
  std::string variable;  ///< the environment variable that CLI11 reads for it; may be empty
  bool required = false;
  bool repeats = false;

  friend bool operator==(const OptionSpec&, const OptionSpec&) = default;
};

struct ArgumentSpec {
  std::string value;
  std::string help;
  bool required = false;
  bool repeats = false;
};

struct CommandSpec {
  std::string path;  ///< "override set"; empty: `starling` itself
  std::string name;  ///< its last word
  std::string help;
  std::string footer;
  std::vector<OptionSpec> options;
  std::vector<ArgumentSpec> arguments;
  std::vector<CommandSpec> commands;
};

/// Without hidden commands and options.
CommandSpec command_tree(const CLI::App& app);

/// `tree` and everything below it, parents first.
std::vector<const CommandSpec*> all_commands(const CommandSpec& tree);

/// The words of "json|yaml"; none if `value` is anything else.
std::vector<std::string> choices_of(std::string_view value);
/// True for FILE, DIR and FILE|DIR.
bool is_path(std::string_view value);
/// What `starling help` takes: the name of a command.
inline constexpr std::string_view command_value = "COMMAND";

}  // namespace starling::cli
