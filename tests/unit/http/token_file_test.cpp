#include "http/token_file.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <doctest/doctest.h>
#include <cstdio>
#include <cstdlib>
#include <string>

namespace starling::http {
namespace {

/// A file of its own that goes with the test.
struct ScratchFile {
  explicit ScratchFile(const std::string& content, mode_t mode = 0600) {
    const int fd = mkstemp(path.data());
    REQUIRE(fd >= 0);
    REQUIRE(write(fd, content.data(), content.size()) == static_cast<ssize_t>(content.size()));
    REQUIRE(fchmod(fd, mode) == 0);
    close(fd);
  }
  ~ScratchFile() { unlink(path.c_str()); }
  std::string path = "/tmp/starling-token-XXXXXX";
};

std::string fault(const ScratchFile& file) {
  const auto token = read_token_file(file.path);
  REQUIRE_FALSE(token.has_value());
  CHECK(token.error().starts_with(file.path));
  CHECK(token.error().find('\n') == std::string::npos);
  return token.error();
}

bool contains(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

const std::string good = "0123456789abcdef";

}  // namespace

TEST_SUITE("http.token_file") {
  TEST_CASE("one line, with or without its end") {
    for (const char* end : {"", "\n", "\r\n"}) {
      const ScratchFile file(good + end);
      CHECK(read_token_file(file.path).value_or("") == good);
    }
    const ScratchFile grouped(good, 0640);
    CHECK(read_token_file(grouped.path).has_value());
  }

  TEST_CASE("what is no secret line is refused, with what was expected and found") {
    CHECK(contains(fault(ScratchFile("")), "found 0 bytes"));
    CHECK(contains(fault(ScratchFile(good.substr(1) + "\n")), "found 15 bytes"));
    CHECK(contains(fault(ScratchFile(good + "\n" + good)), "one line"));
    CHECK(contains(fault(ScratchFile(good + " x")), "one line"));
    CHECK(contains(fault(ScratchFile(std::string(token_bytes_max + 1, 'x'))), "one line"));
    const ScratchFile longest(std::string(token_bytes_max, 'x') + "\r\n");
    CHECK(read_token_file(longest.path).has_value());
  }

  TEST_CASE("a file that others can read keeps no secret") {
    CHECK(contains(fault(ScratchFile(good, 0644)), "found mode 0644; `chmod o-rwx` it"));
  }

  TEST_CASE("what cannot be read is an error") {
    CHECK(contains(read_token_file("/nonexistent/token").error(),
                   "/nonexistent/token: cannot read it: No such"));
    CHECK(contains(read_token_file("/tmp").error(), "no regular file"));
  }
}

}  // namespace starling::http
