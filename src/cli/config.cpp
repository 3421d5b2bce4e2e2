#include "cli/config.hpp"

#include <fmt/format.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "cli/asking.hpp"
#include "cli/output.hpp"
#include "node/config_source.hpp"
#include "node/settings.hpp"

namespace starling::cli {
namespace {

constexpr std::array<std::string_view, 2> formats{"text", "json"};

struct Validate {
  std::vector<std::string> paths;
  bool json = false;
};

struct Verdict {
  std::string path;
  bool has_rules = false;
  std::size_t rules_count = 0;
  std::vector<std::string> errors;
  std::vector<std::string> warnings;
};

/// A byte more than there may be, at most: it is said then that it is too much.
tl::expected<ConfigTexts, ConfigProblems> read_standard_input() {
  std::string text;
  std::string chunk(std::size_t{64} * 1024, '\0');
  while (text.size() <= config_bytes_max) {
    const std::size_t bytes = std::fread(chunk.data(), 1, chunk.size(), stdin);
    text.append(chunk, 0, bytes);
    if (bytes == 0) break;
  }
  if (std::ferror(stdin) == 0) return ConfigTexts{{"standard input", std::move(text)}};
  return tl::unexpected(
      ConfigProblems{.lines = {fmt::format("standard input: expected YAML, found: {}; pipe a file into it",
                                           std::strerror(errno))}});
}

/// Judges a path as a node would that starts with it.
Verdict judge(const std::string& path) {
  const bool piped = path == "-";
  Verdict verdict{.path = piped ? "standard input" : path};
  const auto texts = piped ? read_standard_input() : read_config_texts(path);
  const auto config = texts ? understand_config(*texts) : tl::unexpected(texts.error());
  if (!config) {
    verdict.errors = config.error().lines;
    return verdict;
  }
  verdict.has_rules = config->has_rules;
  verdict.rules_count = config->rules.rules.size();
  verdict.errors = setting_faults(config->settings);
  for (const ConfigError& warning : config->warnings)
    verdict.warnings.push_back(warning.to_string("warning: "));
  return verdict;
}

Json to_json(const Verdict& verdict) {
  return {{"path", verdict.path},
          {"ok", verdict.errors.empty()},
          {"rules", verdict.rules_count},
          {"errors", verdict.errors},
          {"warnings", verdict.warnings}};
}

void tell(const Verdict& verdict) {
  for (const std::string& line : verdict.errors) fmt::print(stderr, "{}\n", line);
  for (const std::string& line : verdict.warnings) fmt::print(stderr, "{}\n", line);
  if (!verdict.errors.empty()) return;
  fmt::print("{}: ok, {} rule{}{}\n", verdict.path, verdict.rules_count, verdict.rules_count == 1 ? "" : "s",
             verdict.has_rules ? "" : ", the built-in one: there is no `rules`");
}

int run(const Validate& validate) {
  int code = 0;
  Json all = Json::array();
  for (const std::string& path : validate.paths) {
    const Verdict verdict = judge(path);
    if (!verdict.errors.empty()) code = 1;
    if (validate.json)
      all.push_back(to_json(verdict));
    else
      tell(verdict);
  }
  if (validate.json) fmt::print("{}\n", all.dump(2, ' ', false, Json::error_handler_t::replace));
  return code;
}

}  // namespace

CLI::App* add_config(CLI::App& app, int& exit_code) {
  CLI::App* config = app.add_subcommand("config", "Look at configuration files; needs no node");
  config->require_subcommand(1);
  CLI::App* validate =
      config->add_subcommand("validate", "Say what is wrong with files or directories of rules and settings");
  const auto options = std::make_shared<Validate>();  // the callback outlives this function
  validate
      ->add_option("paths", options->paths,
                   "What would be given to `starling node --config`; - is standard input")
      ->type_name("FILE|DIR")
      ->required();
  validate
      ->add_option_function<std::string>(
          "-o,--output", [options](const std::string& format) { options->json = format == "json"; },
          "How to tell it [default: text]")
      ->type_name("text|json")
      ->check(expecting_one_of(formats));
  validate->footer(
      "Each path is judged alone, as a node that starts with it would. Errors and warnings go to stderr, one "
      "a "
      "line,\nas FILE:LINE:COLUMN. Exit codes: 0 all good (warnings are), 1 errors, 2 wrong usage.");
  validate->callback([options, &exit_code] { exit_code = run(*options); });
  return config;
}

}  // namespace starling::cli
