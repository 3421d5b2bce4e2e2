#include "limiter/config_file.hpp"

#include <fmt/format.h>

#include "limiter/config_merge.hpp"
#include "limiter/document_reader.hpp"

namespace starling {

std::string ConfigError::to_string(std::string_view label) const {
  if (line == 0) return fmt::format("{}: {}{}", file, label, message);
  return fmt::format("{}:{}:{}: {}{}", file, line, column, label, message);
}

tl::expected<ConfigFile, std::vector<ConfigError>> parse_configs(std::span<const ConfigText> texts) {
  const auto refuse = [](const std::string& file, std::string message) {
    return tl::unexpected(std::vector<ConfigError>{ConfigError{file, 0, 0, std::move(message)}});
  };
  if (texts.empty()) return refuse("configuration", "expected at least one file, found none");
  std::vector<ConfigDocument> documents;
  std::size_t errors_count = 0;
  std::size_t bytes = 0;
  for (const ConfigText& each : texts) {
    bytes += each.text.size();
    if (bytes > config_bytes_max && texts.size() > 1)
      return refuse(each.file,
                    fmt::format("expected at most {} bytes in all files, found more", config_bytes_max));
    documents.push_back(read_document(each.text, each.file));
    errors_count += documents.back().errors.size();
    if (errors_count >= config_errors_max) break;  // enough to do for a person
  }
  return merge(std::move(documents));
}

tl::expected<ConfigFile, std::vector<ConfigError>> parse_config(std::string_view text,
                                                                const std::string& file) {
  const ConfigText one{file, std::string(text)};
  return parse_configs(std::span(&one, 1));
}

}  // namespace starling
