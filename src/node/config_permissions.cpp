#include "node/config_permissions.hpp"

#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include <algorithm>
#include <filesystem>
#include <optional>
#include <string_view>
#include <system_error>

#include "base/shown_text.hpp"

namespace starling {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t files_looked_at_max = 10'000;

bool is_read_only(const fs::path& path) {
  struct statvfs mounted {};
  return statvfs(path.c_str(), &mounted) == 0 && (mounted.f_flag & ST_RDONLY) != 0;
}

std::optional<mode_t> mode_of(const fs::path& path) {
  struct stat found {};
  if (stat(path.c_str(), &found) != 0) return std::nullopt;
  return found.st_mode & mode_t{07777};
}

struct Findings {
  std::string_view expected;  ///< for messages
  std::vector<std::string> lines;
  std::vector<fs::path> seen;

  /// `sticky_is_safe`: that nobody can replace what others own is enough.
  void look_at(const fs::path& path, bool sticky_is_safe) {
    if (std::find(seen.begin(), seen.end(), path) != seen.end()) return;
    seen.push_back(path);
    const auto mode = mode_of(path);
    if (!mode || (*mode & S_IWOTH) == 0 || is_read_only(path)) return;
    if (sticky_is_safe && (*mode & S_ISVTX) != 0) return;
    lines.push_back(
        fmt::format("{}: expected {} (mode {:04o}): `chmod o-w` it", shown(path.string()), expected, *mode));
  }

  void look_at_file(const fs::path& path) {
    std::error_code failed;
    const fs::path real = fs::canonical(path, failed);
    if (failed) return;
    look_at(real, false);
    look_at(real.parent_path(), true);
  }
};

}  // namespace

std::vector<std::string> writable_by_all(const std::string& config_path) {
  std::error_code failed;
  const fs::path path = fs::absolute(config_path, failed);
  if (failed) return {};
  Findings findings{.expected =
                        "a configuration that only its owner can change, found one that everybody on this "
                        "machine can, and with it every limit",
                    .lines = {},
                    .seen = {}};
  const fs::path parent =
      fs::canonical(path.has_filename() ? path.parent_path() : path.parent_path().parent_path(), failed);
  if (!failed) findings.look_at(parent, true);
  if (!fs::is_directory(path, failed)) {
    findings.look_at_file(path);
    return findings.lines;
  }
  if (const fs::path real = fs::canonical(path, failed); !failed) {
    findings.look_at(real, false);  // a further file has rules as well
    findings.look_at(real.parent_path(), true);
  }
  std::size_t left = files_looked_at_max;
  for (fs::directory_iterator each(path, failed), end; !failed && each != end && left > 0;
       each.increment(failed), --left) {
    const std::string name = each->path().filename().string();
    if (!name.starts_with('.') && (name.ends_with(".yaml") || name.ends_with(".yml")))
      findings.look_at_file(each->path());
  }
  return findings.lines;
}

std::vector<std::string> replaceable_by_all(const std::string& secret_path) {
  Findings findings{.expected =
                        "a directory of keys that only its owner can change, found one in which everybody on "
                        "this machine can put others in their place",
                    .lines = {},
                    .seen = {}};
  std::error_code failed;
  const fs::path path = fs::absolute(secret_path, failed);
  if (failed) return {};
  if (const fs::path parent = fs::canonical(path.parent_path(), failed); !failed)
    findings.look_at(parent, true);
  if (const fs::path real = fs::canonical(path, failed); !failed) findings.look_at(real.parent_path(), true);
  return findings.lines;
}

}  // namespace starling
