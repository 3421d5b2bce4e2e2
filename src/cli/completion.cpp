#include "cli/completion.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <array>
#include <memory>
#include <string_view>

#include "cli/asking.hpp"
#include "cli/standard_output.hpp"

namespace starling::cli {

void add_completion(CLI::App& app, int& exit_code) {
  static constexpr std::array<std::string_view, 3> shells{"bash", "zsh", "fish"};
  CLI::App* command = app.add_subcommand("completion", "Print a completion script for a shell");
  const auto shell = std::make_shared<std::string>();  // the callback outlives this function
  command->add_option("shell", *shell, "Whose script")
      ->type_name(fmt::format("{}", fmt::join(shells, "|")))
      ->required()
      ->check(expecting_one_of(shells));
  command->footer(
      "For this shell alone:\n"
      "  bash: source <(starling completion bash)\n"
      "  zsh:  source <(starling completion zsh), behind compinit\n"
      "  fish: starling completion fish | source\n"
      "`meson install` puts them where each shell looks by itself.");
  command->callback([&app, shell, &exit_code] {
    const CommandSpec tree = command_tree(app);
    const std::string script = *shell == "bash"  ? bash_completion(tree)
                               : *shell == "zsh" ? zsh_completion(tree)
                                                 : fish_completion(tree);
    exit_code = put(script) ? 0 : exit_failed;
  });
}

}  // namespace starling::cli
