#include "cli/command_line.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <starling/version.hpp>

#include "base/shown_text.hpp"
#include "cli/asking.hpp"
#include "cli/command_tree.hpp"

namespace starling::cli {
namespace {

constexpr std::size_t word_bytes_max = 40;  ///< of what is compared; nobody slips in a longer one

struct Group {
  std::string_view name;
  std::vector<std::string_view> commands;
};

/// The order of --help.
const std::vector<Group>& groups() {
  static const std::vector<Group> all{
      {"Run", {"node"}},
      {"Look", {"peers", "status", "top", "rules"}},
      {"Ask", {"check"}},
      {"Change, on all nodes, while they run", {"override", "learning", "enforce", "ignore"}},
      {"Without a node", {"config", "simulate", "completion", "version", "help"}},
  };
  return all;
}

void arrange(CLI::App& app) {
  app.require_subcommand(1);
  app.set_version_flag("--version", fmt::format("starling {}", version), "Show the version");
  app.add_subcommand("help", "Show the help of a command")
      ->add_option("command", "Of which command, such as override set")
      ->type_name(std::string(command_value))
      ->expected(0, 3);
  for (const Group& group : groups())
    for (const std::string_view name : group.commands)
      app.get_subcommand(std::string(name))->group(std::string(group.name));
  app.footer(
      "Examples:\n"
      "  starling node --bind 127.0.0.1       one node; peers come by --neighborhood-host\n"
      "  starling status --server 10.0.0.7    what a node has to say, and what to do next\n"
      "  starling check principal=alice       may this request pass?\n"
      "  starling top --watch                 the hottest callers, until Ctrl-C\n\n"
      "`starling help COMMAND` tells more, and so do the manual pages starling(1), starling-node(1), "
      "starling-rules(5).\n"
      "STARLING_SERVER names the node to ask, like --server.\n"
      "Exit codes: 0 done, 1 failed, 2 wrong usage, 3 denied or unhealthy.");
}

std::vector<std::string> names_below(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CommandSpec& command : command_tree(app).commands) names.push_back(command.name);
  return names;
}

/// One of its commands, a hidden one too, or null.
CLI::App* find_below(CLI::App& app, const std::string& name) {
  const auto subs = app.get_subcommands([&](CLI::App* sub) { return sub->get_name() == name; });
  return subs.empty() ? nullptr : subs.front();
}

/// The deepest command that was being parsed.
const CLI::App& command_of(const CLI::App& app) {
  const CLI::App* at = &app;
  while (!at->get_subcommands().empty()) at = at->get_subcommands().front();
  return *at;
}

std::string help_of(const CLI::App& command) {
  std::string path = command.get_name();
  for (const CLI::App* up = command.get_parent(); up != nullptr; up = up->get_parent())
    path.insert(0, up->get_name() + " ");
  return path + " --help";
}

std::string did_you_mean(std::string_view word, const std::vector<std::string>& known) {
  const std::string meant = nearest(word, known);
  return meant.empty() ? "" : fmt::format("; did you mean {}?", meant);
}

/// What is wrong with the words before the first flag, of which CLI11 would only say that a subcommand is
/// missing. Empty: nothing.
std::string wrong_command(CLI::App& app, const std::vector<std::string>& words) {
  CLI::App* at = &app;
  for (std::size_t i = 0;; ++i) {
    const std::vector<std::string> commands = names_below(*at);
    const std::string word = i < words.size() ? words[i] : "";
    if (commands.empty() || word.starts_with('-') || (word.empty() && at == &app)) return {};
    CLI::App* next = find_below(*at, word);
    if (next == nullptr) {
      const std::string meant = did_you_mean(word, commands);
      return at == &app ? fmt::format("unknown command {}; expected one of: {}{}", starling::quoted(word),
                                      fmt::join(commands, ", "), meant)
                        : fmt::format("{}: expected one of: {}; found {}{}", at->get_name(),
                                      fmt::join(commands, ", "),
                                      word.empty() ? "nothing" : starling::quoted(word), meant);
    }
    at = next;
  }
}

/// The option that was meant by the first one that nobody knows. Empty: no idea.
std::string meant_option(const CLI::App& app) {
  const CommandSpec command = command_tree(command_of(app));
  std::vector<std::string> known;
  for (const OptionSpec& option : command.options)
    for (const std::string& name : option.names)
      if (name.starts_with("--")) known.push_back(name);
  for (const std::string& word : command_of(app).remaining(true)) {
    if (!word.starts_with("--")) continue;
    std::string meant = did_you_mean(word.substr(0, word.find('=')), known);
    if (!meant.empty()) return meant;
  }
  return {};
}

}  // namespace

std::optional<int> parse_command_line(CLI::App& app, std::vector<std::string> words) {
  arrange(app);
  // `starling help --help` asks about help itself.
  const bool about_help = words.size() == 2 && words.back().starts_with('-');
  if (!words.empty() && words.front() == "help" && !about_help) {
    words.erase(words.begin());
    if (words.empty() || !words.back().starts_with('-')) words.emplace_back("--help");
  }
  if (const std::string wrong = wrong_command(app, words); !wrong.empty()) {
    fmt::print(stderr, "starling: {}\n", wrong);
    return exit_usage;
  }
  try {
    std::reverse(words.begin(), words.end());  // as CLI11 wants them
    app.parse(std::move(words));
  } catch (const CLI::Success& asked_for_help) {
    return app.exit(asked_for_help);
  } catch (const CLI::ExtrasError& wrong) {
    fmt::print(stderr, "starling: {}{}; see `{}`\n", printable(wrong.what()), meant_option(app),
               help_of(command_of(app)));
    return exit_usage;
  } catch (const CLI::ParseError& wrong) {
    fmt::print(stderr, "starling: {}; see `{}`\n", printable(wrong.what()), help_of(command_of(app)));
    return exit_usage;
  }
  return std::nullopt;
}

std::string nearest(std::string_view word, const std::vector<std::string>& known) {
  word = word.substr(0, word_bytes_max);
  const std::size_t slips_max = word.size() < 5 ? 1 : 2;
  std::size_t fewest = slips_max + 1;
  std::string found;
  for (const std::string& each : known) {
    const std::string_view other = std::string_view(each).substr(0, word_bytes_max);
    // Optimal string alignment: rows are beginnings of `word`, columns beginnings of `other`.
    std::array<std::array<std::size_t, word_bytes_max + 1>, word_bytes_max + 1> slips{};
    for (std::size_t i = 0; i <= word.size(); ++i)
      for (std::size_t j = 0; j <= other.size(); ++j) {
        if (i == 0 || j == 0) {
          slips[i][j] = i + j;
          continue;
        }
        slips[i][j] = std::min({slips[i - 1][j] + 1, slips[i][j - 1] + 1,
                                slips[i - 1][j - 1] + (word[i - 1] == other[j - 1] ? 0U : 1U)});
        if (i > 1 && j > 1 && word[i - 1] == other[j - 2] && word[i - 2] == other[j - 1])
          slips[i][j] = std::min(slips[i][j], slips[i - 2][j - 2] + 1);
      }
    if (slips[word.size()][other.size()] >= fewest) continue;
    fewest = slips[word.size()][other.size()];
    found = each;
  }
  return found;
}

}  // namespace starling::cli
