#include "http/token_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/shown_text.hpp"

namespace starling::http {
namespace {

struct OpenFile {
  explicit OpenFile(const std::string& path) : fd(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)) {}
  ~OpenFile() {
    if (fd >= 0) close(fd);
  }
  OpenFile(const OpenFile&) = delete;
  OpenFile& operator=(const OpenFile&) = delete;
  const int fd;
};

tl::unexpected<std::string> fault(const std::string& path, std::string_view what) {
  return tl::unexpected(fmt::format("{}: {}", shown(path), what));
}

}  // namespace

tl::expected<std::string, std::string> read_token_file(const std::string& path) {
  const OpenFile file(path);
  struct stat found {};
  if (file.fd < 0 || fstat(file.fd, &found) != 0)
    return fault(path, fmt::format("cannot read it: {}", std::strerror(errno)));
  if (!S_ISREG(found.st_mode)) return fault(path, "expected a file with one line, found no regular file");
  if ((found.st_mode & S_IROTH) != 0)
    return fault(path,
                 fmt::format("expected a file that only its owner and group can read, found mode {:04o}; "
                             "`chmod o-rwx` it",
                             found.st_mode & 07777));
  std::string text(token_bytes_max + 3, '\0');  // room for "\r\n" and for one byte too many
  const ssize_t count = read(file.fd, text.data(), text.size());
  if (count < 0) return fault(path, fmt::format("cannot read it: {}", std::strerror(errno)));
  text.resize(static_cast<std::size_t>(count));
  if (text.ends_with('\n')) text.pop_back();
  if (text.ends_with('\r')) text.pop_back();
  const bool clean = std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c <= '~'; });
  if (text.size() < token_bytes_min || text.size() > token_bytes_max || !clean)
    return fault(path, fmt::format("expected one line of {} to {} printable ASCII characters without spaces, "
                                   "found {}; `openssl rand -hex 32` makes one",
                                   token_bytes_min, token_bytes_max,
                                   clean ? fmt::format("{} bytes", text.size()) : "other characters"));
  return text;
}

}  // namespace starling::http
