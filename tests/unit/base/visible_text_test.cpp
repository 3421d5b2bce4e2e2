#include "base/visible_text.hpp"

#include <doctest/doctest.h>

#include <string>

#include "base/json_text.hpp"

namespace starling {
namespace {

std::string visible(std::string_view text) {
  std::string out;
  append_visible(out, text);
  return out;
}

std::string json(std::string_view text) {
  std::string out;
  append_visible_json_string(out, text);
  return out;
}

/// In UTF-8; surrogates too, as somebody hostile would spell them.
std::string encoded(std::uint32_t code) {
  const auto tail = [&](unsigned shift) { return static_cast<char>(0x80U | (code >> shift & 0x3FU)); };
  if (code < 0x80) return {static_cast<char>(code)};
  if (code < 0x800) return {static_cast<char>(0xC0U | code >> 6U), tail(0)};
  if (code < 0x10000) return {static_cast<char>(0xE0U | code >> 12U), tail(6), tail(0)};
  return {static_cast<char>(0xF0U | code >> 18U), tail(12), tail(6), tail(0)};
}

}  // namespace

TEST_SUITE("base.visible_text") {
  TEST_CASE("every character: what hides, turns or commands is written out, the rest stays") {
    const auto is_meant = [](std::uint32_t code) {
      return code < 0x20 || (code >= 0x7F && code < 0xA0) || (code >= 0x200B && code <= 0x200F) ||
             (code >= 0x2028 && code <= 0x202E) || (code >= 0x2060 && code <= 0x206F) || code == 0xFEFF ||
             (code >= 0xD800 && code <= 0xDFFF) || (code >= 0xE0000 && code <= 0xE0FFF);
    };
    std::size_t written_out = 0;
    for (std::uint32_t code = 0; code < 0x110000; ++code) {
      const std::string text = encoded(code);
      const std::string shown = visible(text);
      if (shown != text) ++written_out;
      if (is_meant(code) == (shown == text)) CHECK_MESSAGE(!is_meant(code), "not written out: " << code);
      for (const char c : shown == text ? std::string() : shown) REQUIRE((c > ' ' && c <= '~'));
    }
    CHECK(written_out < 0x2000);
  }

  TEST_CASE("each has a spelling of its own") {
    CHECK(visible("a\tb\nc\rd\x1b") == R"(a\tb\nc\rd\u001b)");
    CHECK(visible("user\u202enimda\u2066\ufeff") == R"(user\u202enimda\u2066\ufeff)");
    CHECK(visible("\U000e0041") == R"(\U000e0041)");
    CHECK(visible("\xc0\xaf\xff\xed\xa0\x80") == R"(\xc0\xaf\xff\xed\xa0\x80)");
    CHECK(visible("J\u00f6rg \u660e") == "J\u00f6rg \u660e");
    CHECK(visible("") == "");
  }

  TEST_CASE("a JSON string says the same text, without the bytes themselves") {
    CHECK(json("a\"b\\c\u202ed") == R"("a\"b\\c\u202ed")");
    CHECK(json("\U000e0041") == R"("\udb40\udc41")");
    CHECK(json("\x7f\u0085") == R"("\u007f\u0085")");
    CHECK(json("\xff") == "\"\xEF\xBF\xBD\"");
    CHECK(json("\u660e") == "\"\u660e\"");
    std::string plain;
    append_json_string(plain, "x\ny\"z");
    CHECK(json("x\ny\"z") == plain);
  }
}

}  // namespace starling
