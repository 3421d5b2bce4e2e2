#include "http/accept.hpp"

#include <doctest/doctest.h>
#include <array>
#include <random>
#include <string>

using namespace starling::http;

namespace {

constexpr std::array offers{MediaType{"application", "json"}, MediaType{"application", "problem+json"},
                            MediaType{"text", "plain"}};

struct Read {
  bool sound = true;
  std::array<Welcome, offers.size()> welcomes{};

  /// The qualities, in thousandths.
  std::string qualities() const {
    std::string text;
    for (const Welcome& welcome : welcomes) text += std::to_string(welcome.quality) + " ";
    return sound ? text : "malformed";
  }
};

Read read(std::string_view first, std::string_view second = {}) {
  Read result;
  result.sound = read_accept(first, offers, result.welcomes) && read_accept(second, offers, result.welcomes);
  return result;
}

}  // namespace

TEST_SUITE("http.accept") {
  TEST_CASE("types are matched without regard to case, and weighed") {
    CHECK(read("application/json").qualities() == "1000 0 0 ");
    CHECK(read("Application/Problem+JSON;Q=0.5, text/plain ; q=0.125").qualities() == "0 500 125 ");
    CHECK(read("text/html, image/*").qualities() == "0 0 0 ");
    CHECK(read("").qualities() == "0 0 0 ");
  }

  TEST_CASE("the most specific range counts, wherever it stands") {
    CHECK(read("*/*").qualities() == "1000 1000 1000 ");
    CHECK(read("application/json;q=0.1, application/*;q=0.2, */*;q=0.3").qualities() == "100 200 300 ");
    CHECK(read("*/*;q=0.3, application/*;q=0.2, application/json;q=0.1").qualities() == "100 200 300 ");
    CHECK(read("application/json;q=0, */*").qualities() == "0 1000 1000 ");
    const Read all = read("text/*, application/json, */*");
    CHECK(all.welcomes == std::array{Welcome{1000, 3}, Welcome{1000, 1}, Welcome{1000, 2}});
  }

  TEST_CASE("of two ranges as specific as each other the more welcome one counts") {
    CHECK(read("text/plain;q=0.3, text/plain;q=0.6, text/plain;q=0.1").qualities() == "0 0 600 ");
  }

  TEST_CASE("several fields are one list") {
    CHECK(read("*/*;q=0.1", "application/json").qualities() == "1000 100 100 ");
    CHECK(read("application/json", "bad").qualities() == "malformed");
  }

  TEST_CASE("parameters make a range another type, but for the encoding that everything has") {
    CHECK(read("application/json;version=2, */*;q=0.1").qualities() == "100 100 100 ");
    CHECK(read("application/json; charset=UTF-8;q=0.4").qualities() == "400 0 0 ");
    CHECK(read("application/json;charset=\"utf-8\"").qualities() == "1000 0 0 ");
    CHECK(read("application/json;charset=latin1").qualities() == "0 0 0 ");
    CHECK(read("application/json;a=\"x\\\",;y\", text/plain").qualities() == "0 0 1000 ");
    CHECK(read("text/plain;q=0.5;extension=1;flag;x=\"y\"").qualities() == "0 0 500 ");
  }

  TEST_CASE("empty elements and parameters are forgiven") {
    CHECK(read(", ,application/json,, text/plain;; q=0.5 ;,").qualities() == "1000 0 500 ");
  }

  TEST_CASE("qualities from 0 to 1 with three digits, and nothing else") {
    for (const std::string_view q : {"0", "0.", "0.0", "0.000"})
      CHECK(read("text/plain;q=" + std::string(q)).qualities() == "0 0 0 ");
    for (const std::string_view q : {"1", "1.", "1.0", "1.000"})
      CHECK(read("text/plain;q=" + std::string(q)).qualities() == "0 0 1000 ");
    CHECK(read("text/plain;q=0.007").qualities() == "0 0 7 ");
    for (const std::string_view q :
         {"", "2", "1.001", "1.1", "0.0000", "-0", "+1", ".5", "0,5", "1e0", "x", "0.x", "00", "\"1", "10"}) {
      CAPTURE(q);
      CHECK(!read("text/plain;q=" + std::string(q)).sound);
    }
  }

  TEST_CASE("what is no list of media ranges is malformed") {
    for (const std::string_view value :
         {"json", "application/", "/json", "*/json", "application /json", "application/ json", "a/b c/d",
          "a/b;c", "a/b;c=", "a/b;c=\"d", "a/b;c=\"d\\", "a/b@", "a/b;q", "a/b;=1", "\"a/b\"", "a//b",
          "a/b/c"}) {
      CAPTURE(value);
      CHECK(!read(value).sound);
    }
  }

  TEST_CASE("no bytes at all stop it") {
    std::mt19937_64 random(2);
    const std::string_view alphabet = "a/*;,=q\"\\ .01j\xFF";
    for (int round = 0; round < 50'000; ++round) {
      std::string value;
      for (std::size_t left = random() % 24; left > 0; --left) value += alphabet[random() % alphabet.size()];
      const Read result = read(value);
      for (const Welcome& welcome : result.welcomes)
        REQUIRE((welcome.quality >= 0 && welcome.quality <= 1000));
    }
  }
}
