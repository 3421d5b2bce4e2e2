#include "cli/keygen.hpp"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <memory>
#include <string>

#include "cli/asking.hpp"
#include "cli/standard_output.hpp"
#include "node/key_file.hpp"

namespace starling::cli {
namespace {

constexpr std::string_view how_to_store =
    "This is a key, on a screen. Into a file that nobody else can read it goes so:\n"
    "  (umask 077; starling keygen > starling.keys)\n"
    "The same file belongs on all nodes: starling node --key-file starling.keys\n";

int make_key() {
  const NewKey key;
  if (!put(key.line())) return exit_failed;
  struct stat found {};
  if (is_output_a_terminal())
    fmt::print(stderr, "{}", how_to_store);
  else if (fstat(STDOUT_FILENO, &found) == 0 && S_ISREG(found.st_mode) && (found.st_mode & S_IRWXO) != 0)
    fmt::print(
        stderr,
        "starling: others can read the file that this key went to (mode {:04o}), and no node takes it so: "
        "`chmod o-rwx` it\n",
        found.st_mode & 07777);
  return 0;
}

/// One entry a line, in the order of the file, the first being what is sent with.
int show_ids(const std::string& path) {
  const auto ring = read_key_file(path);
  if (!ring) {
    fmt::print(stderr, "starling: {}\n", ring.error());
    return exit_failed;
  }
  std::string out;
  if (ring->plain == wire::PlainPackets::sent) out += "plain\n";
  for (const wire::MasterKey& key : ring->keys) out += to_text(key.id()) + "\n";
  if (ring->plain == wire::PlainPackets::accepted) out += "plain\n";
  return put(out) ? 0 : exit_failed;
}

}  // namespace

void add_keygen(CLI::App& app, int& exit_code) {
  CLI::App* command =
      app.add_subcommand("keygen", "Print a new key for --key-file; --ids FILE: name those of a file");
  const auto file = std::make_shared<std::string>();  // the callback outlives this function
  command
      ->add_option(
          "--ids", *file,
          "Make no key; print the ids of the keys in this file, as `starling status` and `starling peers -o "
          "wide` show them")
      ->type_name("FILE");
  command->footer(
      "A key is 32 random bytes, printed as one line of base64. `(umask 077; starling keygen > "
      "starling.keys)` "
      "makes a key\nfile; all nodes get the same. The first line is what a node seals with, all lines are "
      "accepted. "
      "A line `plain`\nstands for packets that are not sealed. To change keys without losing a packet, on "
      "every node each time: the\nnew key below the old one; then above it; then alone. Nodes notice a "
      "changed file by themselves.\n"
      "Exit codes: 0 done, 1 failed, 2 wrong usage.");
  command->callback([command, file, &exit_code] {
    exit_code = command->count("--ids") == 0 ? make_key() : show_ids(*file);
  });
}

}  // namespace starling::cli
