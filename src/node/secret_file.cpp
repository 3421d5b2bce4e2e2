#include "node/secret_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sodium.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/shown_text.hpp"

namespace starling {
namespace {

struct OpenFile {
  explicit OpenFile(const std::string& path)
      : fd(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)) {}
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

tl::unexpected<std::string> unreadable(const std::string& path) {
  return fault(path, fmt::format("cannot read it: {}", std::strerror(errno)));
}

}  // namespace

SecretText::~SecretText() {
  sodium_memzero(text_.data(), text_.size());
}

void SecretText::cut(std::size_t bytes) {
  if (bytes >= text_.size()) return;
  sodium_memzero(text_.data() + bytes, text_.size() - bytes);
  text_.resize(bytes);
}

tl::expected<SecretText, std::string> read_secret_file(const std::string& path,
                                                       const SecretFileOptions& options) {
  const OpenFile file(path);
  struct stat found {};
  if (file.fd < 0 || fstat(file.fd, &found) != 0) return unreadable(path);
  if (!S_ISREG(found.st_mode))
    return fault(path, fmt::format("expected {}, found no regular file", options.expected));
  if ((found.st_mode & S_IRWXO) != 0)
    return fault(path,
                 fmt::format("expected a file that only its owner and group can read, found mode {:04o}; "
                             "`chmod o-rwx` it{}",
                             found.st_mode & 07777, options.mode_hint));
  SecretText text(options.bytes_max);
  std::size_t bytes = 0;
  while (bytes < text.size()) {
    const ssize_t count = read(file.fd, text.data() + bytes, text.size() - bytes);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return unreadable(path);
    if (count == 0) break;
    bytes += static_cast<std::size_t>(count);
  }
  text.cut(bytes);
  return text;
}

}  // namespace starling
