#include "base/json_text.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "base/random.hpp"

using starling::append_json_string;

namespace {

std::string json(std::string_view text) {
  std::string out;
  append_json_string(out, text);
  return out;
}

}  // namespace

TEST_SUITE("base.json_text") {
  TEST_CASE("quotes, backslashes and control characters are escaped") {
    CHECK(json("a") == R"("a")");
    CHECK(json("") == R"("")");
    CHECK(json("\"\\\n\r\t") == R"("\"\\\n\r\t")");
    CHECK(json(std::string_view("\0\x1f", 2)) == R"("\u0000\u001f")");
  }

  TEST_CASE("UTF-8 stays, everything else is replaced byte by byte") {
    CHECK(json("\xc3\xa9\xe2\x82\xac\xf0\x9f\x90\xa6") == "\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x90\xa6\"");
    const std::string replaced = "\xEF\xBF\xBD";
    CHECK(json("\xff") == '"' + replaced + '"');
    CHECK(json("\xc3") == '"' + replaced + '"');                        // cut off
    CHECK(json("\xc0\xaf") == '"' + replaced + replaced + '"');         // overlong
    CHECK(json("\xed\xa0\x80").size() == 2 + 3 * replaced.size());      // surrogate
    CHECK(json("\xf4\x90\x80\x80").size() == 2 + 4 * replaced.size());  // beyond Unicode
  }

  TEST_CASE("any bytes give a string that a JSON parser takes, and valid text comes back as it was") {
    starling::Random random(3);
    for (int round = 0; round < 20'000; ++round) {
      std::string text(random.below(12), ' ');
      for (char& byte : text)
        byte = static_cast<char>(random.chance(0.5) ? random.next() : 0x80 + random.below(128));
      const auto parsed = nlohmann::json::parse(json(text), nullptr, false);
      REQUIRE(parsed.is_string());
      // nlohmann judges UTF-8 on its own: what it takes as it is must be what we left alone.
      std::string raw = "\"";
      for (const char byte : text) {
        if (byte == '"' || byte == '\\') raw += '\\';
        raw += byte;
      }
      const auto plain = nlohmann::json::parse(raw + '"', nullptr, false);
      const bool control = std::any_of(text.begin(), text.end(), [](char c) { return c >= 0 && c < ' '; });
      if (plain.is_string())
        CHECK(parsed == plain);
      else
        CHECK((control || parsed.get<std::string>().find("\xEF\xBF\xBD") != std::string::npos));
    }
  }
}
