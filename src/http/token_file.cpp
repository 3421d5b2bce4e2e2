#include "http/token_file.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/shown_text.hpp"
#include "node/secret_file.hpp"

namespace starling::http {

tl::expected<std::string, std::string> read_token_file(const std::string& path) {
  // Room for "\r\n" and for one byte too many.
  const auto read = read_secret_file(
      path, {.expected = "a file with one line", .bytes_max = token_bytes_max + 3, .mode_hint = {}});
  if (!read) return tl::unexpected(read.error());
  std::string_view text = read->view();
  if (text.ends_with('\n')) text.remove_suffix(1);
  if (text.ends_with('\r')) text.remove_suffix(1);
  const bool clean = std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c <= '~'; });
  if (text.size() < token_bytes_min || text.size() > token_bytes_max || !clean)
    return tl::unexpected(
        fmt::format("{}: expected one line of {} to {} printable ASCII characters without spaces, "
                    "found {}; `openssl rand -hex 32` makes one",
                    shown(path), token_bytes_min, token_bytes_max,
                    clean ? fmt::format("{} bytes", text.size()) : "other characters"));
  return std::string(text);
}

}  // namespace starling::http
