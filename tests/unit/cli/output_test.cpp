#include "cli/output.hpp"

#include <doctest/doctest.h>
#include <yaml-cpp/yaml.h>

#include <cstdint>
#include <limits>

namespace starling::cli {
namespace {

constexpr std::int64_t i64_max = std::numeric_limits<std::int64_t>::max();
constexpr std::int64_t i64_min = std::numeric_limits<std::int64_t>::min();

TEST_SUITE("cli.output table") {
  TEST_CASE("columns are as wide as their widest cell, two spaces apart, without trailing spaces") {
    CHECK(render_table({"NAME", "N"}, {{"a", "1"}, {"longer", "22"}, {"", ""}}) ==
          "NAME    N\n"
          "a       1\n"
          "longer  22\n"
          "\n");
    CHECK(render_table({"NAME"}, {}) == "NAME\n");
  }

  TEST_CASE("rows may be shorter or longer than the header") {
    CHECK(render_table({"A", "B"}, {{"1"}, {"1", "2", "3"}}) == "A  B\n1\n1  2  3\n");
  }

  TEST_CASE("a cell cannot break out of its line") {
    CHECK(render_table({"A", "B"}, {{"x\ny\x1b[0m", "z"}}) == "A              B\nx\\ny\\u001b[0m  z\n");
  }

  TEST_CASE("a column is as wide as what is drawn") {
    CHECK(render_table({"A", "B"}, {{"\u661f\u661f", "z"}, {"e\u0301", "z"}, {"gr\u00f6", "z"}}) ==
          "A     B\n\u661f\u661f  z\ne\u0301     z\ngr\u00f6   z\n");
  }

  TEST_CASE("colours are no part of the width, and not of the header") {
    const auto hue_of = [](std::size_t column, std::string_view cell) {
      return column == 0 && cell == "bad" ? Hue::bad : Hue::plain;
    };
    CHECK(render_table({"A", "B"}, {{"bad", "x"}, {"good", "bad"}}, Paint(true), hue_of) ==
          "A     B\n\x1b[31mbad\x1b[0m   x\ngood  bad\n");
    CHECK(render_table({"bad"}, {{"bad"}}, Paint(), hue_of) == "bad\nbad\n");
  }
}

TEST_SUITE("cli.output ages and latencies") {
  TEST_CASE("an age has two units at most") {
    CHECK(render_age(0) == "0s");
    CHECK(render_age(1) == "1ms");
    CHECK(render_age(850) == "850ms");
    CHECK(render_age(999) == "999ms");
    CHECK(render_age(1000) == "1s");
    CHECK(render_age(12'999) == "12s");
    CHECK(render_age(60'000) == "1m");
    CHECK(render_age(200'000) == "3m20s");
    CHECK(render_age(3'600'000) == "1h");
    CHECK(render_age(3'605'000) == "1h");
    CHECK(render_age(18'600'000) == "5h10m");
    CHECK(render_age(86'400'000) == "1d");
    CHECK(render_age(183'600'000) == "2d3h");
    CHECK(render_age(i64_max) == "106751991167d7h");
  }

  TEST_CASE("an age of less than nothing is nothing") {
    CHECK(render_age(-1) == "0s");
    CHECK(render_age(i64_min) == "0s");
  }

  TEST_CASE("a latency has about two digits") {
    CHECK(render_latency(0) == "0us");
    CHECK(render_latency(85) == "85us");
    CHECK(render_latency(999) == "999us");
    CHECK(render_latency(1000) == "1.0ms");
    CHECK(render_latency(1234) == "1.2ms");
    CHECK(render_latency(99'900) == "99.9ms");
    CHECK(render_latency(100'000) == "100ms");
    CHECK(render_latency(340'400) == "340ms");
    CHECK(render_latency(1'000'000) == "1.0s");
    CHECK(render_latency(2'100'000) == "2.1s");
  }
}

TEST_SUITE("cli.output members") {
  TEST_CASE("a member is shown as text, whatever its type; none is a dash") {
    const Json object = {{"s", "x"},        {"n", 5},       {"b", true}, {"f", 1.5},
                         {"o", {{"k", 1}}}, {"z", nullptr}, {"e", ""}};
    CHECK(text_of(object, "s") == "x");
    CHECK(text_of(object, "n") == "5");
    CHECK(text_of(object, "b") == "true");
    CHECK(text_of(object, "f") == "1.5");
    CHECK(text_of(object, "o") == "{\"k\":1}");
    for (const char* key : {"z", "e", "missing"}) {
      CHECK(text_of(object, key) == "-");
      CHECK(text_of(object, key, "?") == "?");
    }
    CHECK(text_of(Json{{"s", "a\nb"}}, "s") == R"(a\nb)");
  }

  TEST_CASE("a member is a number only if it is one that fits") {
    const Json object = {{"n", 5},     {"m", -5},     {"u", std::uint64_t{1} << 63},
                         {"h", 1e300}, {"l", -1e300}, {"f", 1.9},
                         {"s", "5"},   {"b", true},   {"z", nullptr}};
    CHECK(number_of(object, "n") == 5);
    CHECK(number_of(object, "m") == -5);
    CHECK(number_of(object, "f") == 1);
    for (const char* key : {"u", "h", "l", "s", "b", "z", "missing"}) {
      CAPTURE(key);
      CHECK(number_of(object, key) == 0);
      CHECK(number_of(object, key, 7) == 7);
    }
  }

  TEST_CASE("a flag is set only by `true`") {
    const Json object = {{"t", true}, {"f", false}, {"n", 1}, {"s", "true"}, {"z", nullptr}};
    CHECK(flag_of(object, "t"));
    for (const char* key : {"f", "n", "s", "z", "missing"}) CHECK_FALSE(flag_of(object, key));
  }

  TEST_CASE("what is no object has no members") {
    for (const Json& other : {Json(), Json::array({1}), Json("text"), Json(5), Json(true)}) {
      CHECK(text_of(other, "k") == "-");
      CHECK(number_of(other, "k", 3) == 3);
      CHECK_FALSE(flag_of(other, "k"));
    }
  }
}

TEST_SUITE("cli.output json") {
  TEST_CASE("what a terminal might obey is escaped, and the same to a reader") {
    const Json document = {{"k\u009b", "\x1b[2J\x7f\u009b31m\u202eabc"}, {"plain", "gr\u00f6\u00dfe \u661f"}};
    for (const int indent : {2, -1}) {
      const std::string text = render_json(document, indent);
      CHECK(Json::parse(text) == document);
      CHECK(text.find("gr\u00f6\u00dfe \u661f") != std::string::npos);
      for (const char* bad : {"\x1b", "\x7f", "\u009b", "\u202e"}) CHECK(text.find(bad) == std::string::npos);
    }
    CHECK(render_json(document, -1).find('\n') == render_json(document, -1).size() - 1);
    const Json tags = {{"tag", "\U000e0041"}};
    CHECK(Json::parse(render_json(tags)) == tags);
    CHECK(render_json(tags, -1) == "{\"tag\":\"\\udb40\\udc41\"}\n");
  }
}

TEST_SUITE("cli.output yaml") {
  TEST_CASE("objects, lists and plain values come out as YAML, in their order") {
    const Json document = {
        {"b", 1}, {"a", {true, nullptr, -1.5, "text"}}, {"empty", Json::array()}, {"object", {{"k", "v"}}}};
    CHECK(render_yaml(document) ==
          "b: 1\n"
          "a:\n"
          "  - true\n"
          "  - ~\n"
          "  - -1.5\n"
          "  - \"text\"\n"
          "empty: []\n"
          "object:\n"
          "  k: \"v\"\n");
  }

  TEST_CASE("a YAML reader finds the same texts, hostile ones included") {
    for (const char* text : {"",
                             " ",
                             "~",
                             "null",
                             "true",
                             "5",
                             "- a",
                             "a: b",
                             "#c",
                             "*a",
                             "&a",
                             "\"",
                             "'",
                             "\\",
                             "a\nb",
                             "\x1b[31m",
                             "\x7f",
                             "\u009b31m",
                             "a\u202e",
                             "\t",
                             "{",
                             "[",
                             "%",
                             "@",
                             "`",
                             "gr\xc3\xb6\xc3\x9f"
                             "e",
                             "---",
                             "..."}) {
      CAPTURE(text);
      const YAML::Node value = YAML::Load(render_yaml(Json{{"k", text}}));
      CHECK(value["k"].Scalar() == text);
      const YAML::Node list = YAML::Load(render_yaml(Json::array({text, "end"})));
      REQUIRE(list.size() == 2);
      CHECK(list[0].Scalar() == text);
      const YAML::Node key = YAML::Load(render_yaml(Json{{text, "v"}}));
      REQUIRE(key.IsMap());
      CHECK(key.size() == 1);
      CHECK(key.begin()->first.Scalar() == text);
      for (const std::string& shown : {render_yaml(Json{{"k", text}}), render_yaml(Json{{text, "v"}})})
        for (const char* bad : {"\x1b", "\x7f", "\u009b", "\u202e"})
          CHECK(shown.find(bad) == std::string::npos);
      CHECK(key.begin()->first.Scalar() == text);
    }
  }

  TEST_CASE("nothing but a value is YAML as well") {
    CHECK(render_yaml(Json()) == "~\n");
    CHECK(render_yaml(5) == "5\n");
    CHECK(YAML::Load(render_yaml(Json::object())).size() == 0);
  }
}

}  // namespace
}  // namespace starling::cli
