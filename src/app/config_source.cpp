#include "app/config_source.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>

namespace starling {

tl::expected<ConfigFile, std::vector<std::string>> read_config_file(const std::string& path) {
  const auto unreadable = [&](int error) {
    return tl::unexpected(std::vector<std::string>{fmt::format(
        "{}: expected a readable YAML file, found: {}; check the path given by --config or STARLING_CONFIG",
        path, std::strerror(error))});
  };
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "rb"), &std::fclose);
  if (!file) return unreadable(errno);
  std::string text;
  std::string chunk(64 * 1024, '\0');
  while (text.size() <= config_bytes_max) {
    const std::size_t bytes = std::fread(chunk.data(), 1, chunk.size(), file.get());
    if (bytes == 0) break;
    text.append(chunk, 0, bytes);
  }
  if (std::ferror(file.get()) != 0) return unreadable(errno);
  auto config = parse_config(text, path);
  if (config) return std::move(*config);
  std::vector<std::string> lines;
  for (const ConfigError& error : config.error()) lines.push_back(error.to_string());
  return tl::unexpected(std::move(lines));
}

}  // namespace starling
