#include "cli/import.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/shown_text.hpp"
#include "cli/asking.hpp"
#include "import/foreign_yaml.hpp"
#include "import/import.hpp"

namespace starling::cli {
namespace {

constexpr int exit_done = 0;
constexpr int exit_failed = 1;
constexpr std::string_view standard_input = "-";

struct Import {
  std::string from;
  std::string file;
  bool strict = false;
};

struct CloseFile {
  void operator()(std::FILE* file) const {
    if (file != stdin) std::fclose(file);
  }
};

/// A byte more than the importer takes, at most: it says then that it is too much.
std::optional<std::string> read_file(const std::string& path) {
  const std::unique_ptr<std::FILE, CloseFile> file(path == standard_input ? stdin
                                                                          : std::fopen(path.c_str(), "rb"));
  std::string text;
  std::string chunk(std::size_t{64} * 1024, '\0');
  while (file != nullptr && text.size() <= foreign_bytes_max) {
    const std::size_t count = std::fread(chunk.data(), 1, chunk.size(), file.get());
    text.append(chunk, 0, count);
    if (count == 0) break;
  }
  if (file != nullptr && std::ferror(file.get()) == 0) return text;
  fmt::print(stderr, "starling: {}: expected a file to read, found: {}\n", path, std::strerror(errno));
  return std::nullopt;
}

int run_import(const Import& import) {
  const auto name = std::find(import_from_names.begin(), import_from_names.end(), import.from);
  const auto from = static_cast<ImportFrom>(name - import_from_names.begin());
  const auto text = read_file(import.file);
  if (!text) return exit_failed;
  const std::string file = import.file == standard_input ? "standard input" : import.file;
  const auto imported = import_rules(from, *text);
  if (!imported) {
    for (const ImportError& error : imported.error())
      fmt::print(stderr, "{}\n", told(file, error.place, error.message));
    return exit_failed;
  }
  const std::string native = native_file(*imported, from, file);
  bool lost = false;
  for (const ImportNote& note : imported->notes) {
    fmt::print(stderr, "{}\n",
               told(file, note.place, fmt::format("{}: {}", starling::name(note.kind), note.message)));
    lost = lost || note.kind == ImportNote::Kind::not_carried;
  }
  if (std::fwrite(native.data(), 1, native.size(), stdout) != native.size() || std::fflush(stdout) != 0) {
    fmt::print(stderr, "starling: cannot write the rules: {}\n", std::strerror(errno));
    return exit_failed;
  }
  return import.strict && lost ? exit_failed : exit_done;
}

}  // namespace

void add_import(CLI::App& config, int& exit_code) {
  auto import = std::make_shared<Import>();
  CLI::App* command =
      config.add_subcommand("import",
                            "Print another project's limits as a rules file; what is not carried over goes "
                            "to stderr");
  std::vector<std::string> names(import_from_names.begin(), import_from_names.end());
  command->add_option("--from", import->from, "Whose configuration it is")
      ->required()
      ->check(expecting([names](const std::string& text) {
        return std::find(names.begin(), names.end(), text) != names.end()
                   ? std::string()
                   : fmt::format("expected {}, found {}", fmt::join(names, ", "), starling::quoted(text));
      }))
      ->type_name(fmt::format("{}", fmt::join(names, "|")));
  command->add_option("file", import->file, "The file to read; - is standard input")
      ->required()
      ->type_name("FILE");
  command->add_flag("--strict", import->strict, "Exit 1 if anything was not carried over");
  command->footer(
      "envoy: a domain of envoyproxy/ratelimit. spinnaker: Gate's gate.yml with its rateLimit block.\n"
      "kong: a declarative kong.yaml, or KongPlugin resources with what they are attached to.\n"
      "Exit codes: 0 done, 1 the input makes no sense (or --strict), 2 wrong usage.");
  command->callback([import, &exit_code] { exit_code = run_import(*import); });
}

}  // namespace starling::cli
