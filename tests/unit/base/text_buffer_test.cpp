#include "base/text_buffer.hpp"

#include <doctest/doctest.h>
#include <cstdint>
#include <limits>
#include <random>
#include <string>

using namespace starling;

TEST_SUITE("base.text_buffer") {
  TEST_CASE("append: pieces, characters and numbers stand behind each other") {
    TextBuffer text;
    CHECK(text.empty());
    text.append("RateLimit", ": ");
    text += '"';
    text += std::string_view();
    text.append();
    text.append_number(0);
    text.append(std::string(";r="), std::string_view("x"));
    text.append_number(std::numeric_limits<std::uint64_t>::max());
    CHECK(text.view() == "RateLimit: \"0;r=x18446744073709551615");
    CHECK(text.size() == text.view().size());
  }

  TEST_CASE("append: grown piece by piece it says the same as a string") {
    std::mt19937 random(7);
    TextBuffer text;
    std::string expected;
    for (int i = 0; i < 2'000; ++i) {
      const std::string piece(random() % 70, static_cast<char>('a' + random() % 26));
      if (random() % 3 == 0) {
        text.append_number(random());
        expected = text.view();
      }
      text.append(piece, "-", piece);
      text += '.';
      expected += piece + "-" + piece + ".";
      REQUIRE(text.view() == expected);
    }
  }

  TEST_CASE("clear: nothing is left, and memory beyond the bound is given back") {
    TextBuffer text;
    text += std::string(1'000, 'x');
    text.clear();
    CHECK(text.view() == "");
    text += "y";
    CHECK(text.view() == "y");
    text.clear(100);
    CHECK(text.empty());
    text += "z";
    CHECK(text.view() == "z");
  }
}
