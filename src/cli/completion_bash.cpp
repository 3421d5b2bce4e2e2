/// For bash 4 and later, with or without the package bash-completion. bash breaks words at '=' and ':', so
/// `--server=URL` comes as three of them.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <map>
#include <set>
#include <vector>

#include "cli/completion.hpp"

namespace starling::cli {
namespace {

constexpr std::string_view head = R"(# bash completion for starling; made by `starling completion bash`

_starling() {
  local cur=${COMP_WORDS[COMP_CWORD]} path='' value='' words='' files='' i
  COMPREPLY=()
  for ((i = 1; i < COMP_CWORD; i++)); do
    if [[ -n $value ]]; then
      [[ ${COMP_WORDS[i]} == '=' ]] || value=''
      continue
    fi
    case "$path:${COMP_WORDS[i]}" in
)";

constexpr std::string_view tail = R"(  if [[ -n $files ]]; then
    compopt -o filenames 2>/dev/null
    mapfile -t COMPREPLY < <(compgen -f -- "$cur")
  fi
  [[ -z $words ]] || mapfile -t -O "${#COMPREPLY[@]}" COMPREPLY < <(compgen -W "$words" -- "$cur")
}

complete -F _starling starling
)";

/// What is left to complete where no option waits for a value.
std::string case_of(const CommandSpec& command, const CommandSpec& tree) {
  std::vector<std::string> options;
  for (const OptionSpec& option : command.options)
    options.insert(options.end(), option.names.begin(), option.names.end());
  std::vector<std::string> words;
  bool files = false;
  for (const CommandSpec& sub : command.commands) words.push_back(sub.name);
  for (const ArgumentSpec& argument : command.arguments) {
    files = files || is_path(argument.value);
    for (const std::string& choice : choices_of(argument.value)) words.push_back(choice);
    if (argument.value == command_value)
      for (const CommandSpec& any : tree.commands) words.push_back(any.name);
  }
  return fmt::format("      ('{}') if [[ $cur == -* ]]; then words='{}'; else words='{}'{}; fi ;;\n",
                     command.path, fmt::join(options, " "), fmt::join(words, " "), files ? " files=yes" : "");
}

}  // namespace

std::string bash_completion(const CommandSpec& tree) {
  std::string out(head);
  std::set<std::string> values;
  for (const CommandSpec* command : all_commands(tree)) {
    for (const CommandSpec& sub : command->commands)
      out += fmt::format("      ('{}:{}') path='{}' ;;\n", command->path, sub.name, sub.path);
    std::map<std::string, std::vector<std::string>> by_value;
    for (const OptionSpec& option : command->options)
      for (const std::string& name : option.names)
        if (!option.value.empty())
          by_value[option.value].push_back(fmt::format("'{}:{}'", command->path, name));
    for (const auto& [value, names] : by_value) {
      values.insert(value);
      out += fmt::format("      ({}) value='{}' ;;\n", fmt::join(names, "|"), value);
    }
  }
  out += "    esac\n  done\n  [[ $cur != '=' ]] || cur=''\n  if [[ -n $value ]]; then\n    case $value in\n";
  for (const std::string& value : values) {
    if (const auto words = choices_of(value); !words.empty())
      out += fmt::format("      ('{}') words='{}' ;;\n", value, fmt::join(words, " "));
    if (is_path(value)) out += fmt::format("      ('{}') files=yes ;;\n", value);
  }
  out += "    esac\n  else\n    case $path in\n";
  for (const CommandSpec* command : all_commands(tree)) out += case_of(*command, tree);
  return out + "    esac\n  fi\n" + std::string(tail);
}

}  // namespace starling::cli
