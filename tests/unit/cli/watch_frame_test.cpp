#include "cli/watch_frame.hpp"

#include <doctest/doctest.h>

#include "cli/characters.hpp"

namespace starling::cli {
namespace {

using Lines = std::vector<std::string>;

TEST_SUITE("cli.watch_frame") {
  TEST_CASE("what fits is shown whole, below the header and an empty line") {
    CHECK(fit({.header = "H", .body = "a\nb\n"}, {.rows = 4, .columns = 10}) == Lines{"H", "", "a", "b"});
    CHECK(fit({.header = "H", .problem = "P", .body = "a\n"}, {.rows = 9, .columns = 10}) ==
          Lines{"H", "P", "", "a"});
  }

  TEST_CASE("what does not fit is counted in the last line") {
    CHECK(fit({.header = "H", .body = "a\nb\nc\nd\n"}, {.rows = 4, .columns = 10}) ==
          Lines{"H", "", "a", "... 3 more"});
  }

  TEST_CASE("no terminal is too small, and no line or frame is ever larger than it") {
    const WatchFrame frame{.header = "header", .problem = "problem", .body = "\u661f\u661f\nb\nc\nd\ne\n"};
    for (std::size_t rows = 1; rows < 10; ++rows)
      for (std::size_t columns = 1; columns < 8; ++columns) {
        const Lines lines = fit(frame, {.rows = rows, .columns = columns});
        CHECK(!lines.empty());
        CHECK(lines.size() <= rows);
        for (const std::string& line : lines) CHECK(columns_of(line) <= columns);
      }
  }

  TEST_CASE("a frame is painted over the one before, without clearing first and without scrolling") {
    CHECK(repaint({"a", "b"}) == "\x1b[Ha\x1b[K\r\nb\x1b[K\x1b[J");
  }
}

}  // namespace
}  // namespace starling::cli
