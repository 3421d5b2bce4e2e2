#include "metrics/label_text.hpp"

#include <doctest/doctest.h>

#include <string>

namespace starling::metrics {

TEST_SUITE("metrics.label_text") {
  TEST_CASE("text stays as it is, whatever is in it") {
    const std::string text = "per-principal \"x\" \\ \n\t\x01\x7f \xC3\xA4 \xE2\x82\xAC \xF0\x9F\x90\xA6";
    CHECK(label_text(text) == text);
    CHECK(label_text("").empty());
  }

  TEST_CASE("each byte that is no part of a character becomes U+FFFD") {
    const std::string no = "\xEF\xBF\xBD";
    CHECK(label_text("a\xFFz") == "a" + no + "z");
    CHECK(label_text("\x80") == no);                             // nothing begins so
    CHECK(label_text("\xC3") == no);                             // cut
    CHECK(label_text("\xE2\x82") == no + no);                    // cut
    CHECK(label_text("\xF0\x9F\x90") == no + no + no);           // cut
    CHECK(label_text("\xC3z") == no + "z");                      // no continuation
    CHECK(label_text("\xC0\xAF") == no + no);                    // overlong
    CHECK(label_text("\xE0\x80\xAF") == no + no + no);           // overlong
    CHECK(label_text("\xED\xA0\x80") == no + no + no);           // a surrogate
    CHECK(label_text("\xF4\x90\x80\x80") == no + no + no + no);  // beyond the last character
    CHECK(label_text("\xF8\x88\x80\x80\x80") == no + no + no + no + no);
    CHECK(label_text(std::string("a\0b", 3)) == "a" + no + "b");
  }

  TEST_CASE("the first and last characters of each length are text") {
    for (const char* text : {"\x01", "\x7F", "\xC2\x80", "\xDF\xBF", "\xE0\xA0\x80", "\xED\x9F\xBF",
                             "\xEE\x80\x80", "\xEF\xBF\xBF", "\xF0\x90\x80\x80", "\xF4\x8F\xBF\xBF"})
      CHECK(label_text(text) == text);
  }
}

}  // namespace starling::metrics
