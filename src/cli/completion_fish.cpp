/// fish evaluates a condition for each line; all of them ask which command the words so far lead to.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <set>
#include <vector>

#include "cli/completion.hpp"

namespace starling::cli {
namespace {

constexpr std::string_view head = R"(
function __starling_at
    set -l words (commandline -opc)
    set -e words[1]
    set -l path
    set -l skip no
    for word in $words
        if test $skip = yes
            set skip no
            continue
        end
        if contains -- $word $__starling_takes_value
            set skip yes
            continue
        end
        string match -q -- '-*' $word; and continue
        contains -- (string join ' ' -- $path $word) $__starling_paths; or break
        set -a path $word
    end
    test "$path" = "$argv[1]"
end

complete -c starling -f
)";

std::string single_quoted(std::string_view text) {
  std::string out = "'";
  for (const char c : text) {
    if (c == '\'' || c == '\\') out += '\\';
    out += c;
  }
  return out + "'";
}

std::string line_of(const CommandSpec& command, const OptionSpec& option) {
  std::string names;
  for (const std::string& name : option.names)
    names += name.starts_with("--") ? fmt::format(" -l {}", name.substr(2))
                                    : fmt::format(" -s {}", name.substr(1));
  std::string value;
  if (is_path(option.value))
    value = " -r -F";
  else if (const auto words = choices_of(option.value); !words.empty())
    value = fmt::format(" -x -a {}", single_quoted(fmt::format("{}", fmt::join(words, " "))));
  else if (!option.value.empty())
    value = " -x";
  return fmt::format("complete -c starling -n {}{}{} -d {}\n",
                     single_quoted(fmt::format("__starling_at {}", single_quoted(command.path))), names,
                     value, single_quoted(option.help));
}

std::string word_of(const CommandSpec& command, std::string_view word, std::string_view help) {
  return fmt::format("complete -c starling -n {} -a {} -d {}\n",
                     single_quoted(fmt::format("__starling_at {}", single_quoted(command.path))),
                     single_quoted(word), single_quoted(help));
}

std::string lines_of(const CommandSpec& command, const CommandSpec& tree) {
  std::string out = "\n";
  for (const CommandSpec& sub : command.commands) out += word_of(command, sub.name, sub.help);
  for (const ArgumentSpec& argument : command.arguments) {
    for (const std::string& choice : choices_of(argument.value))
      out += word_of(command, choice, argument.help);
    if (is_path(argument.value))
      out += fmt::format("complete -c starling -n {} -F\n",
                         single_quoted(fmt::format("__starling_at {}", single_quoted(command.path))));
    if (argument.value == command_value)
      for (const CommandSpec& any : tree.commands) out += word_of(command, any.name, any.help);
  }
  for (const OptionSpec& option : command.options) out += line_of(command, option);
  return out;
}

}  // namespace

std::string fish_completion(const CommandSpec& tree) {
  std::set<std::string> takes_value;
  std::vector<std::string> paths;
  std::string lines;
  for (const CommandSpec* command : all_commands(tree)) {
    if (!command->path.empty()) paths.push_back(single_quoted(command->path));
    for (const OptionSpec& option : command->options)
      if (!option.value.empty()) takes_value.insert(option.names.begin(), option.names.end());
    lines += lines_of(*command, tree);
  }
  return fmt::format(
             "# fish completion for starling; made by `starling completion fish`\n\n"
             "set -g __starling_takes_value {}\nset -g __starling_paths {}\n",
             fmt::join(takes_value, " "), fmt::join(paths, " ")) +
         std::string(head) + lines;
}

}  // namespace starling::cli
