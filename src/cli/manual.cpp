#include "cli/manual.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <memory>
#include <sstream>
#include <vector>

#include "cli/asking.hpp"
#include "cli/standard_output.hpp"

namespace starling::cli {
namespace {

/// An option of so many commands is told once.
constexpr std::ptrdiff_t common_commands_min = 4;

/// Text that roff takes for nothing but text.
std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '\\')
      out += "\\e";
    else if (c == '-')
      out += "\\-";
    else
      out += c;
  }
  return out;
}

/// The same with each sentence on a line of its own, by which roff knows its end.
std::string sentences(std::string_view text) {
  std::string out = "\\&";
  for (std::size_t at = 0; at < text.size(); ++at) {
    const bool ends = text[at] == ' ' && at > 0 && (text[at - 1] == '.' || text[at - 1] == '?');
    out += ends ? std::string("\n\\&") : escaped(text.substr(at, 1));
  }
  return out;
}

/// The same as one argument of a macro: never a macro itself, and blanks do not part it.
std::string argument(std::string_view text) {
  std::string out = "\"\\&";
  for (const char c : escaped(text)) out += c == '"' ? std::string("\\(dq") : std::string(1, c);
  return out + "\"";
}

/// Lines of text; blank lines and line ends stay as they were.
std::string paragraphs(std::string_view text) {
  std::istringstream lines{std::string(text)};
  std::string out;
  for (std::string line; std::getline(lines, line);)
    out += fmt::format("{}{}\n", out.empty() ? "" : ".br\n", sentences(line));
  return out;
}

/// "Fl o , Fl -output Ar FORMAT"
std::string words_of(const OptionSpec& option, bool all_names) {
  std::string out;
  for (const std::string& name : option.names) {
    if (!all_names && name != option.names.back()) continue;
    out += fmt::format("{}Fl {}", out.empty() ? "" : " , ", escaped(name.substr(1)));
  }
  return option.value.empty() ? out : fmt::format("{} Ar {}", out, argument(option.value));
}

std::string list_of(const std::vector<OptionSpec>& options) {
  if (options.empty()) return {};
  std::string out = ".Bl -tag -width Ds\n";
  for (const OptionSpec& option : options) {
    out += fmt::format(".It {}\n{}", words_of(option, true), sentences(option.help));
    out += option.required ? " (required)" : "";
    if (option.repeats && !option.help.ends_with("may be repeated"))
      out += option.help.ends_with(']') ? "\nMay be repeated." : "; may be repeated";
    out += option.variable.empty() ? "\n" : fmt::format("\n.br\nEnvironment:\n.Ev {}\n", option.variable);
  }
  return out + ".El\n";
}

class Page {
 public:
  explicit Page(const CommandSpec& tree) : tree_(tree), all_(all_commands(tree)) {}

  std::string common() const {
    std::vector<OptionSpec> found;
    for (const CommandSpec* command : all_)
      for (const OptionSpec& option : command->options)
        if (is_common(option) && std::find(found.begin(), found.end(), option) == found.end())
          found.push_back(option);
    return list_of(found);
  }

  std::string commands(const std::vector<std::string>& except) const {
    std::string out;
    for (const CommandSpec& command : tree_.commands)
      if (std::find(except.begin(), except.end(), command.name) == except.end()) out += sections_of(command);
    return out;
  }

  tl::expected<std::string, std::string> options(const std::string& path) const {
    const auto found =
        std::find_if(all_.begin(), all_.end(), [&](const auto* each) { return each->path == path; });
    if (found == all_.end())
      return tl::unexpected(fmt::format("@options {}: expected the name of a command", path));
    return list_of((*found)->options);
  }

 private:
  bool is_common(const OptionSpec& option) const {
    return std::count_if(all_.begin(), all_.end(), [&](const CommandSpec* each) {
             return std::find(each->options.begin(), each->options.end(), option) != each->options.end();
           }) >= common_commands_min;
  }

  /// A section for a command, or one for each below it.
  std::string sections_of(const CommandSpec& command) const {
    std::string out;
    if (command.commands.empty()) return section_of(command);
    for (const CommandSpec& sub : command.commands) out += sections_of(sub);
    return out;
  }

  std::string section_of(const CommandSpec& command) const {
    std::string out = fmt::format(".Ss starling {}\n.Nm starling\n.Cm {}\n", command.path, command.path);
    std::vector<OptionSpec> own;
    for (const OptionSpec& option : command.options) {
      out += option.required ? fmt::format(".{}\n", words_of(option, false))
                             : fmt::format(".Op {}\n", words_of(option, false));
      if (!is_common(option)) own.push_back(option);
    }
    for (const ArgumentSpec& each : command.arguments)
      out += fmt::format(".{}Ar {}{}\n", each.required ? "" : "Op ", argument(each.value),
                         each.repeats ? " ..." : "");
    out += fmt::format(".Pp\n{}.\n", sentences(command.help));
    for (const ArgumentSpec& each : command.arguments)
      out += fmt::format(".Ar {} :\n{}.\n", argument(each.value), sentences(each.help));
    out += list_of(own);
    return command.footer.empty() ? out : fmt::format("{}.Pp\n{}", out, paragraphs(command.footer));
  }

  const CommandSpec& tree_;
  std::vector<const CommandSpec*> all_;
};

int print_page(const std::string& path, const CommandSpec& tree) {
  std::ifstream file(path, std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  if (!file || text.empty()) return complain(fmt::format("{}: expected a page in mdoc", path));
  const auto page = manual_page(text, tree);
  if (!page) return complain(fmt::format("{}: {}", path, page.error()));
  return put(*page) ? 0 : exit_failed;
}

}  // namespace

tl::expected<std::string, std::string> manual_page(std::string_view page, const CommandSpec& tree) {
  constexpr std::string_view marker = ".\\\" @";
  const Page parts(tree);
  std::istringstream lines{std::string(page)};
  std::string out;
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with(marker)) {
      out += line + "\n";
      continue;
    }
    std::istringstream words(line.substr(marker.size()));
    std::string what;
    words >> what;
    const std::vector<std::string> rest{std::istream_iterator<std::string>(words), {}};
    tl::expected<std::string, std::string> part = tl::unexpected(fmt::format("expected no @{}", what));
    if (what == "common") part = parts.common();
    if (what == "commands") part = parts.commands(rest);
    if (what == "options" && rest.size() == 1) part = parts.options(rest.front());
    if (!part) return part;
    out += *part;
  }
  return out;
}

void add_manual(CLI::App& app, int& exit_code) {
  CLI::App* command = app.add_subcommand("manual", "Print a manual page, made from a template")->group("");
  const auto path = std::make_shared<std::string>();  // the callback outlives this function
  command->add_option("template", *path, "A page in mdoc")->type_name("FILE")->required();
  command->callback([&app, path, &exit_code] { exit_code = print_page(*path, command_tree(app)); });
}

}  // namespace starling::cli
