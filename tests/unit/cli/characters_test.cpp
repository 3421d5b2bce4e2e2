#include "cli/characters.hpp"

#include <doctest/doctest.h>

namespace starling::cli {
namespace {

TEST_SUITE("cli.characters printable") {
  TEST_CASE("text stays as it is, in any script") {
    for (const char* text : {"", "alice@example.com", "gr\u00f6\u00dfe", "\u661f", "\U0001F426", "e\u0301",
                             "\u00a0", "\u0645\u0631\u062d\u0628\u0627"})
      CHECK(printable(text) == text);
  }

  TEST_CASE("nothing that a terminal obeys is left, neither C0 nor DEL nor C1") {
    CHECK(printable("\x1b[2J\x07") == R"(\u001b[2J\u0007)");
    CHECK(printable("a\nb\tc\rd\x7f") == R"(a\nb\tc\rd\u007f)");
    CHECK(printable(std::string_view("a\0b", 3)) == R"(a\u0000b)");
    CHECK(printable("\u009b31m") == R"(\u009b31m)");  // does what ESC [ does
  }

  TEST_CASE("what is no UTF-8 is shown byte by byte, for an 8-bit terminal might obey it") {
    CHECK(printable("\x9b"
                    "31m") == R"(\x9b31m)");
    CHECK(printable("\xc2") == R"(\xc2)");
    CHECK(printable("\xe6\x98") == R"(\xe6\x98)");
    CHECK(printable("\xe6\x98x") == R"(\xe6\x98x)");
    CHECK(printable("\xc0\x8a") == R"(\xc0\x8a)");                  // overlong newline
    CHECK(printable("\xed\xa0\x80") == R"(\xed\xa0\x80)");          // surrogate
    CHECK(printable("\xf4\x90\x80\x80") == R"(\xf4\x90\x80\x80)");  // beyond Unicode
    CHECK(printable("\xff") == R"(\xff)");
  }

  TEST_CASE("what has no width cannot make two callers look like one, not even the joiner of emoji") {
    CHECK(printable("a\u200bb\u200cc\u200dd\u00ade\u2060f") == R"(a\u200bb\u200cc\u200dd\u00ade\u2060f)");
  }

  TEST_CASE("marks that turn the direction of writing are shown") {
    CHECK(printable("user\u202e nimda") == R"(user\u202e nimda)");
    CHECK(printable("\u2066a\u2069\u200f\ufeff\u2028") == R"(\u2066a\u2069\u200f\ufeff\u2028)");
  }
}

TEST_SUITE("cli.characters columns") {
  TEST_CASE("East Asian characters and emoji take two columns, combining ones none") {
    CHECK(columns_of("") == 0);
    CHECK(columns_of("abc") == 3);
    CHECK(columns_of("gr\u00f6\u00dfe") == 5);
    CHECK(columns_of("\u661f\u3042\uff21\uac00") == 8);
    CHECK(columns_of("\U0001F426\U00020000") == 4);
    CHECK(columns_of("e\u0301\u0316") == 1);
    CHECK(columns_of("\u1112\u1161\u11ab") == 2);  // Hangul in its parts
    CHECK(columns_of("a\u200d") == 1);
    CHECK(columns_of("\uff71") == 1);  // halfwidth katakana
  }

  TEST_CASE("colours take none") {
    CHECK(columns_of("\x1b[31mab\x1b[0m") == 2);
    CHECK(columns_of("\x1b[1;31m") == 0);
  }

  TEST_CASE("a cut never halves a character and never goes over, and the colours behind it stay") {
    CHECK(cut_to_columns("abc", 3) == "abc");
    CHECK(cut_to_columns("abc", 2) == "ab");
    CHECK(cut_to_columns("abc", 0) == "");
    CHECK(cut_to_columns("\u661f\u661fx", 3) == "\u661f");
    CHECK(cut_to_columns("\u661f\u661fx", 4) == "\u661f\u661f");
    CHECK(cut_to_columns("ae\u0301\u0316b", 2) == "ae\u0301\u0316");
    CHECK(cut_to_columns("\x1b[31mabc\x1b[0mdef", 2) == "\x1b[31mab\x1b[0m");
    for (std::size_t columns = 0; columns < 12; ++columns)
      CHECK(columns_of(cut_to_columns("a\u661fb\u0301\x1b[32mc\U0001F426\x1b[0md\xff", columns)) <= columns);
  }
}

}  // namespace
}  // namespace starling::cli
