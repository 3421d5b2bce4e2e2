#include "node/log_line.hpp"

#include <doctest/doctest.h>

#include <array>
#include <string>

#include "base/visible_text.hpp"

namespace starling {
namespace {

constexpr WallTime moment{WallClock::duration(1'700'000'000'045)};

std::string text_of(std::string_view message, LogFields fields = {}, bool is_coloured = false) {
  std::string out;
  append_text_line(
      out,
      {.at = moment, .level = LogLevel::warn, .message = message, .fields = {fields.begin(), fields.size()}},
      is_coloured);
  return out;
}

std::string json_of(std::string_view message, LogFields fields = {}, std::string_view node = "n1") {
  std::string out;
  append_json_line(
      out,
      {.at = moment, .level = LogLevel::warn, .message = message, .fields = {fields.begin(), fields.size()}},
      node);
  return out;
}

TEST_SUITE("node.log_line") {
  TEST_CASE("text: time in UTC to the millisecond, level, message, then the fields") {
    CHECK(text_of("peer suspect", {{"peer", "n2"}, {"skew_ms", -7}, {"ready", true}}) ==
          "2023-11-14T22:13:20.045Z warn  peer suspect peer=n2 skew_ms=-7 ready=true");
  }

  TEST_CASE("text: values with spaces, quotes, or nothing in them are quoted") {
    CHECK(text_of("m", {{"a", "x y"}, {"b", ""}, {"c", "say \"no\""}, {"d", "k=v"}}) ==
          R"(2023-11-14T22:13:20.045Z warn  m a="x y" b="" c="say \"no\"" d="k=v")");
  }

  TEST_CASE("text: nothing that a terminal obeys or that looks like another line gets through") {
    const std::string line = text_of("a\nb\x1b[31m", {{"peer", "x\n2023 info forged\x7f\xff"}});
    CHECK(line.find_first_of("\n\x1b\x7f\xff") == std::string::npos);
    CHECK(line.ends_with(R"(a\nb\u001b[31m peer="x\n2023 info forged\u007f\xff")"));
  }

  TEST_CASE("what hides in a name, or turns its direction, is written out") {
    const std::string hostile = "a\u200bb\u202ec\u2066d\ufeffe\u0085f\U000e0041g\u00adh\xed\xa0\x80i";
    const std::string visible = R"(a\u200bb\u202ec\u2066d\ufeffe\u0085f\U000e0041g\u00adh\xed\xa0\x80i)";
    CHECK(text_of(hostile).ends_with(" " + visible));
    CHECK(text_of("m", {{"peer", hostile}}).ends_with(" peer=\"" + visible + "\""));
    const std::string line = json_of(hostile, {{"peer", hostile}}, hostile);
    CHECK(is_harmless(line));
    CHECK(line.find(R"("peer":"a\u200bb\u202ec\u2066d\ufeffe\u0085f\udb40\udc41g\u00adh)") !=
          std::string::npos);
    CHECK(text_of("m", {{"peer", "J\u00f6rg \u660e \U0001f426"}})
              .ends_with("peer=\"J\u00f6rg \u660e \U0001f426\""));
    CHECK(text_of("m", {{"peer", "a\\b\n"}}).ends_with(R"(peer="a\\b\n")"));
  }

  TEST_CASE("text: only the level is coloured") {
    CHECK(text_of("m", {}, true) == "2023-11-14T22:13:20.045Z \x1b[33m\x1b[1mwarn \x1b[m m");
  }

  TEST_CASE("json: one object, the words of --log-level, numbers and truth as themselves") {
    CHECK(
        json_of("peer suspect", {{"peer", "n2"}, {"skew_ms", -7}, {"ready", false}}) ==
        R"({"ts":"2023-11-14T22:13:20.045Z","level":"warn","msg":"peer suspect","node":"n1","peer":"n2","skew_ms":-7,"ready":false})");
  }

  TEST_CASE("json: whatever bytes names bring along") {
    std::string every_byte;
    for (int byte = 0; byte < 256; ++byte) every_byte += static_cast<char>(byte);
    const std::string line = json_of(every_byte, {{"peer", every_byte}}, every_byte);
    for (const char c : line) CHECK(static_cast<unsigned char>(c) >= 0x20);
    CHECK(line.find("\\u0000\\u0001") != std::string::npos);
    CHECK(line.find("\\\"") != std::string::npos);
    CHECK(line.find("\xEF\xBF\xBD") != std::string::npos);  // U+FFFD for what is not UTF-8
    CHECK(line.find('\xff') == std::string::npos);
  }
}

}  // namespace
}  // namespace starling
