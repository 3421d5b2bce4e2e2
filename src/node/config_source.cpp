#include "node/config_source.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <memory>
#include <system_error>

namespace starling {
namespace {

namespace fs = std::filesystem;

tl::unexpected<ConfigProblems> problem(std::string line) {
  return tl::unexpected(ConfigProblems{.lines = {std::move(line)}});
}

tl::unexpected<ConfigProblems> missing(std::string line) {
  return tl::unexpected(ConfigProblems{.lines = {std::move(line)}, .is_missing = true});
}

tl::unexpected<ConfigProblems> unreadable(const std::string& path, std::string_view why) {
  return missing(fmt::format(
      "{}: expected a readable YAML file or a directory of them, found: {}; check the path given by "
      "--config or STARLING_CONFIG",
      path, why));
}

bool is_directory(const std::string& path) {
  std::error_code ignored;
  return fs::is_directory(path, ignored);
}

bool is_config_name(std::string_view name) {
  return !name.starts_with('.') && (name.ends_with(".yaml") || name.ends_with(".yml"));
}

/// Sorted by name.
tl::expected<std::vector<std::string>, ConfigProblems> files_in(const std::string& directory) {
  std::vector<std::string> files;
  std::error_code error;
  for (fs::directory_iterator item(directory, error), end; !error && item != end; item.increment(error)) {
    const std::string name = item->path().filename().string();
    if (!is_config_name(name)) continue;
    files.push_back((fs::path(directory) / name).string());
    if (files.size() > config_files_max)
      return problem(fmt::format("{}: expected at most {} files *.yaml or *.yml, found more", directory,
                                 config_files_max));
  }
  if (error) return unreadable(directory, error.message());
  if (files.empty())
    return missing(
        fmt::format("{}: expected at least one file *.yaml or *.yml in this directory, found none; for "
                    "the built-in rule name no directory",
                    directory));
  std::sort(files.begin(), files.end());
  return files;
}

/// Opening or reading a pipe, a terminal or a device can take for ever, and a directory may hold any of them.
std::string_view kind_of(const struct stat& found) {
  if (S_ISDIR(found.st_mode)) return "a directory";
  if (S_ISFIFO(found.st_mode)) return "a pipe";
  if (S_ISSOCK(found.st_mode)) return "a socket";
  return "a device";
}

/// Up to one byte more than there may be, so that too long a text is told by whoever reads it.
tl::expected<std::string, ConfigProblems> read_text(const std::string& path) {
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  if (fd < 0) return unreadable(path, std::strerror(errno));
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(fdopen(fd, "rb"), &std::fclose);
  if (!file) {
    const std::string why = std::strerror(errno);
    close(fd);
    return unreadable(path, why);
  }
  struct stat found {};
  if (fstat(fd, &found) != 0) return unreadable(path, std::strerror(errno));
  if (!S_ISREG(found.st_mode)) return unreadable(path, kind_of(found));
  std::string text;
  std::string chunk(std::size_t{64} * 1024, '\0');
  while (text.size() <= config_bytes_max) {
    const std::size_t bytes = std::fread(chunk.data(), 1, chunk.size(), file.get());
    if (bytes == 0) break;
    text.append(chunk, 0, bytes);
  }
  if (std::ferror(file.get()) != 0) return unreadable(path, std::strerror(errno));
  return text;
}

std::string fingerprint_of_file(const std::string& path) {
  struct stat found {};
  if (stat(path.c_str(), &found) != 0) return fmt::format("{}: {}\n", path, errno);
  return fmt::format("{}: {} {} {} {}.{} {}.{}\n", path, found.st_dev, found.st_ino, found.st_size,
                     found.st_mtim.tv_sec, found.st_mtim.tv_nsec, found.st_ctim.tv_sec,
                     found.st_ctim.tv_nsec);
}

}  // namespace

tl::expected<ConfigTexts, ConfigProblems> read_config_texts(const std::string& path) {
  std::vector<std::string> files{path};
  if (is_directory(path)) {
    auto found = files_in(path);
    if (!found) return tl::unexpected(std::move(found.error()));
    files = std::move(*found);
  }
  ConfigTexts texts;
  std::size_t bytes = 0;
  for (const std::string& file : files) {
    auto text = read_text(file);
    if (!text) return tl::unexpected(std::move(text.error()));
    bytes += text->size();
    texts.push_back(ConfigText{file, std::move(*text)});
    if (bytes > config_bytes_max) break;  // too much already, which is for its reader to say
  }
  return texts;
}

tl::expected<ConfigFile, ConfigProblems> understand_config(const ConfigTexts& texts) {
  auto config = parse_configs(texts);
  if (config) return std::move(*config);
  ConfigProblems problems;
  for (const ConfigError& error : config.error()) problems.lines.push_back(error.to_string());
  return tl::unexpected(std::move(problems));
}

std::string config_fingerprint(const std::string& path) {
  if (!is_directory(path)) return fingerprint_of_file(path);
  const auto files = files_in(path);
  if (!files) return files.error().lines.front();
  std::string all;
  for (const std::string& file : *files) all += fingerprint_of_file(file);
  return all;
}

std::string config_directory(const std::string& path) {
  if (is_directory(path)) return path;
  const fs::path parent = fs::path(path).parent_path();
  return parent.empty() ? "." : parent.string();
}

bool concerns_config(const std::string& path, std::string_view name) {
  return name.starts_with("..") || is_config_name(name) || name == fs::path(path).filename().string();
}

}  // namespace starling
