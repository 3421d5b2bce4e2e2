/// How the commands talk to a node: what they ask, how they show it, and again and again with --watch.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

#include "cli/output.hpp"
#include "cli/paint.hpp"

namespace starling::cli {

inline constexpr int exit_failed = 1;
inline constexpr int exit_denied = 3;

/// What the flags that all commands share say.
struct Asking {
  std::string title;  ///< the command: "override list"
  std::string server = "http://127.0.0.1:9090";
  std::string token_file;  ///< for what changes something; empty: none
  Format format = Format::table;
  bool watch = false;
  double interval_s = 1.0;
  ColourChoice colour = ColourChoice::automatic;

  bool wide() const { return format == Format::wide; }
  Paint paint() const;  ///< for standard output
};

enum class AsksFor { once, watching };

/// --server, -o, --color, and with `watching` --watch and --interval.
void add_asking(CLI::App& command, Asking& asking, AsksFor how);
/// The same for a command that changes something: --server, -o, --token-file.
void add_telling(CLI::App& command, Asking& asking);

/// A check of an option whose text must please `wrong`, which says what was expected, or nothing.
CLI::Validator expecting(std::function<std::string(const std::string&)> wrong);
/// One of a few words, which outlive it.
CLI::Validator expecting_one_of(std::span<const std::string_view> words);
/// "principal=alice"
CLI::Validator expecting_entry();

/// Asks the node; the answer is JSON whatever its status is. Errors are one line.
tl::expected<Json, std::string> ask(const Asking& asking, const std::string& target);
/// Changes something: `method` is PUT or DELETE.
tl::expected<Json, std::string> tell(const Asking& asking, std::string_view method, const std::string& target,
                                     const Json& body);

using Render = std::function<std::string(const Json&)>;

/// JSON and YAML as they are; what people see comes from `render`. Returns the exit code: `code` if all went
/// well.
int show(const Asking& asking, const Json& document, const Render& render, int code = 0);

/// Gets a document and shows it, once or until interrupted. Returns the exit code, of `verdict` if all went
/// well.
int run(const Asking& asking, const std::function<tl::expected<Json, std::string>()>& get,
        const Render& render, const std::function<int(const Json&)>& verdict);
int run(const Asking& asking, const std::string& target, const Render& render);

/// One line on stderr; returns `exit_failed`.
int complain(std::string_view message);
/// The same, for what is no failure.
void warn(std::string_view message);

}  // namespace starling::cli
