/// One function for each command, which `_arguments` asks.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <vector>

#include "cli/completion.hpp"

namespace starling::cli {
namespace {

/// Within single quotes, and within a spec of `_arguments` or `_describe`.
std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '\'')
      out += "'\\''";
    else if (c == '[' || c == ']' || c == ':' || c == '\\')
      out += fmt::format("\\{}", c);
    else
      out += c;
  }
  return out;
}

std::string function_of(const CommandSpec& command) {
  std::string name = "_starling " + command.path;
  std::replace(name.begin(), name.end(), ' ', '_');
  return command.path.empty() ? "_starling" : name;
}

std::string action_of(std::string_view value) {
  if (is_path(value)) return "_files";
  if (value == command_value) return "_starling_commands";
  const auto words = choices_of(value);
  return words.empty() ? " " : fmt::format("({})", fmt::join(words, " "));
}

std::string spec_of(const OptionSpec& option, const std::string& name) {
  const bool is_long = name.starts_with("--");
  const std::string value =
      option.value.empty() ? "" : fmt::format(":{}:{}", escaped(option.value), action_of(option.value));
  const std::string others = option.repeats ? "*" : fmt::format("({})", fmt::join(option.names, " "));
  return fmt::format("'{}{}{}[{}]{}'", others, name,
                     value.empty() ? ""
                     : is_long     ? "="
                                   : "+",
                     escaped(option.help), value);
}

std::string describe(const CommandSpec& command, std::string_view function) {
  std::string out = fmt::format("{}() {{\n  local -a commands=(\n", function);
  for (const CommandSpec& sub : command.commands)
    out += fmt::format("    '{}:{}'\n", sub.name, escaped(sub.help));
  return out + "  )\n  _describe -t commands 'command' commands\n}\n\n";
}

std::string function_for(const CommandSpec& command) {
  const std::string function = function_of(command);
  std::string out;
  if (!command.commands.empty()) out += describe(command, function + "_commands");
  out += fmt::format(
      "{}() {{\n  local context state state_descr line\n  typeset -A opt_args\n  _arguments -s {}", function,
      command.commands.empty() ? "-S" : "-C");
  for (const OptionSpec& option : command.options)
    for (const std::string& name : option.names) out += fmt::format(" \\\n    {}", spec_of(option, name));
  for (std::size_t i = 0; i < command.arguments.size(); ++i) {
    const ArgumentSpec& argument = command.arguments[i];
    out += fmt::format(" \\\n    '{}:{}:{}'", argument.repeats ? "*" : std::to_string(i + 1),
                       escaped(argument.value), action_of(argument.value));
  }
  if (command.commands.empty()) return out + "\n}\n\n";
  out +=
      fmt::format(" \\\n    '1:command:{}_commands' \\\n    '*::argument:->below' && return 0\n", function);
  out += "  [[ $state == below ]] || return 1\n  case $line[1] in\n";
  for (const CommandSpec& sub : command.commands)
    out += fmt::format("    ({}) {} ;;\n", sub.name, function_of(sub));
  return out + "  esac\n}\n\n";
}

}  // namespace

std::string zsh_completion(const CommandSpec& tree) {
  std::string out = "#compdef starling\n# zsh completion for starling; made by `starling completion zsh`\n\n";
  for (const CommandSpec* command : all_commands(tree)) out += function_for(*command);
  // Loaded by compinit the file is the function's body; sourced, it says what the function is for.
  return out +
         "if [[ $funcstack[1] == _starling ]]; then\n  _starling \"$@\"\nelse\n  compdef _starling "
         "starling\nfi\n";
}

}  // namespace starling::cli
