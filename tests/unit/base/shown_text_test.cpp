#include "base/shown_text.hpp"

#include <doctest/doctest.h>

namespace starling {
namespace {

TEST_SUITE("base.shown_text") {
  TEST_CASE("printable ASCII is shown as it is") {
    CHECK(shown("principal = alice@example.com ~!") == "principal = alice@example.com ~!");
    CHECK(quoted("") == "\"\"");
  }

  TEST_CASE("nothing that a terminal would obey, or that breaks the line, gets through") {
    CHECK(shown(std::string_view("a\0b\n\r\t\x1b[31m\x7f\x9b", 13)) == "a?b????[31m??");
  }

  TEST_CASE("long text is cut to its bound and says so") {
    CHECK(shown(std::string(shown_bytes_max, 'x')) == std::string(shown_bytes_max, 'x'));
    CHECK(shown(std::string(shown_bytes_max + 1, 'x')) == std::string(shown_bytes_max, 'x') + "...");
    CHECK(quoted(std::string(1'000'000, 'x')).size() == shown_bytes_max + 5);
  }
}

}  // namespace
}  // namespace starling
