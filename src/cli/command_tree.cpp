#include "cli/command_tree.hpp"

#include <algorithm>

namespace starling::cli {
namespace {

OptionSpec spec_of(const CLI::Option& option) {
  OptionSpec spec{.help = option.get_description(),
                  .variable = option.get_envname(),
                  .required = option.get_required(),
                  .repeats = option.get_items_expected_max() > 1};
  for (const std::string& name : option.get_snames()) spec.names.push_back("-" + name);
  for (const std::string& name : option.get_lnames()) spec.names.push_back("--" + name);
  if (option.get_items_expected_max() > 0) spec.value = option.get_type_name();
  return spec;
}

void add_words(const CLI::App& app, CommandSpec& command) {
  for (const CLI::Option* option : app.get_options([](const CLI::Option*) { return true; })) {
    if (option->get_group().empty()) continue;
    if (option->get_positional()) {
      command.arguments.push_back({.value = option->get_type_name(),
                                   .help = option->get_description(),
                                   .required = option->get_required(),
                                   .repeats = option->get_items_expected_max() > 1});
    } else {
      command.options.push_back(spec_of(*option));
    }
  }
}

CommandSpec tree_below(const CLI::App& app, const std::string& path) {
  CommandSpec command{
      .path = path, .name = app.get_name(), .help = app.get_description(), .footer = app.get_footer()};
  add_words(app, command);
  for (const CLI::App* sub : app.get_subcommands([](const CLI::App*) { return true; }))
    if (!sub->get_group().empty())
      command.commands.push_back(
          tree_below(*sub, path.empty() ? sub->get_name() : path + " " + sub->get_name()));
  return command;
}

}  // namespace

CommandSpec command_tree(const CLI::App& app) {
  return tree_below(app, "");
}

std::vector<const CommandSpec*> all_commands(const CommandSpec& tree) {
  std::vector<const CommandSpec*> all{&tree};
  for (const CommandSpec& command : tree.commands)
    for (const CommandSpec* below : all_commands(command)) all.push_back(below);
  return all;
}

std::vector<std::string> choices_of(std::string_view value) {
  const bool is_choice =
      value.find('|') != std::string_view::npos &&
      value.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-_|") == std::string_view::npos;
  std::vector<std::string> words;
  while (is_choice && !value.empty()) {
    const std::size_t end = std::min(value.find('|'), value.size());
    words.emplace_back(value.substr(0, end));
    value.remove_prefix(std::min(end + 1, value.size()));
  }
  return words;
}

bool is_path(std::string_view value) {
  return value == "FILE" || value == "DIR" || value == "FILE|DIR";
}

}  // namespace starling::cli
