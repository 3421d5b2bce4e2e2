/// Reads the configuration from disk: a file, or a directory of files.
///
/// Of a directory, the files named *.yaml or *.yml are read in the order of their names; names that begin
/// with a dot are left out, because editors and Kubernetes keep their own things there. Everything is
/// bounded, and every problem is one line for people.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

#include "limiter/config_file.hpp"

namespace starling {

inline constexpr std::size_t config_files_max = 1000;

using ConfigTexts = std::vector<ConfigText>;
struct ConfigProblems {
  std::vector<std::string> lines;  ///< one each for people, never empty
  bool is_missing = false;         ///< there is nothing to read, or it cannot be read

  friend bool operator==(const ConfigProblems&, const ConfigProblems&) = default;
};

/// The texts as they are on disk. Blocks; may be called on any thread.
tl::expected<ConfigTexts, ConfigProblems> read_config_texts(const std::string& path);

/// What they mean. Slow: about a second per MB.
tl::expected<ConfigFile, ConfigProblems> understand_config(const ConfigTexts& texts);

/// Where the files stand on disk, of what size and age: as long as it stays the same, they need not be read
/// again to know that nothing has changed. An own value for what cannot be read.
std::string config_fingerprint(const std::string& path);

/// The directory in which changes of `path` show: itself, or that of the file.
std::string config_directory(const std::string& path);

/// True if a change of the entry `name` in that directory can be one of the configuration, rather than of
/// something that lives beside it. A ConfigMap's files are symlinks through `..data`, so that one can.
bool concerns_config(const std::string& path, std::string_view name);

}  // namespace starling
