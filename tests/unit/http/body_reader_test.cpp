#include "http/body_reader.hpp"

#include <doctest/doctest.h>
#include <array>
#include <string>

using namespace starling::http;

namespace {

using State = BodyReader::State;

struct Outcome {
  State state;
  std::string body;
  std::size_t used;

  bool operator==(const Outcome&) const = default;
};

Outcome read(BodyReader reader, std::string_view first, std::string_view second = {}) {
  std::size_t used = reader.take(first);
  if (used == first.size()) used += reader.take(second);
  return {reader.state(), std::string(reader.body()), used};
}

Outcome read_chunks(std::string_view input, std::size_t bytes_max = 100) {
  return read(BodyReader::of_chunks(bytes_max), input);
}

}  // namespace

TEST_SUITE("http.body_reader") {
  TEST_CASE("a body of a known length ends there, wherever it is cut") {
    const std::string input = "hello\r\nGET /";
    for (std::size_t cut = 0; cut <= input.size(); ++cut) {
      CAPTURE(cut);
      const Outcome outcome = read(BodyReader::of_length(7, 7), input.substr(0, cut), input.substr(cut));
      CHECK(outcome == Outcome{State::complete, "hello\r\n", 7});
    }
    CHECK(read(BodyReader::of_length(7, 7), "hello\r") == Outcome{State::needs_more, "hello\r", 6});
  }

  TEST_CASE("no body at all is complete, one that is too large is not even begun") {
    CHECK(read(BodyReader::of_length(0, 7), "GET /") == Outcome{State::complete, "", 0});
    CHECK(read(BodyReader::of_length(8, 7), "hello") == Outcome{State::too_large, "", 0});
    CHECK(read(BodyReader::of_length(~std::uint64_t{0}, 7), "hello") == Outcome{State::too_large, "", 0});
  }

  TEST_CASE("chunks, extensions and trailers are read the same wherever they are cut") {
    const std::string input =
        "5\r\nhello\r\n"
        "0009;name=\"a;\xC3\xA4\";b\r\n 0123\r\n89\r\n"
        "1 \t;x\r\n!\r\n"
        "0;last\r\nX-Sum: 1\r\nY:\r\n\r\n";
    const std::string next = "GET / HTTP/1.1\r\n";
    for (std::size_t cut = 0; cut <= input.size() + 3; ++cut) {
      CAPTURE(cut);
      const std::string all = input + next;
      const Outcome outcome = read(BodyReader::of_chunks(15), all.substr(0, cut), all.substr(cut));
      CHECK(outcome == Outcome{State::complete, "hello 0123\r\n89!", input.size()});
    }
    for (std::size_t length = 0; length < input.size(); ++length) {
      CAPTURE(length);
      const Outcome outcome = read_chunks(input.substr(0, length));
      CHECK(outcome.state == State::needs_more);
      CHECK(outcome.used == length);
    }
    CHECK(read_chunks("0\r\n\r\n") == Outcome{State::complete, "", 5});
  }

  TEST_CASE("chunks that two servers could read in two ways are refused") {
    for (const std::string_view input : {"\r\n",
                                         "x\r\n",
                                         "0x5\r\n",
                                         "-1\r\n",
                                         "+1\r\n",
                                         " 5\r\n",
                                         "5\n",
                                         "5\rX",
                                         "5 5\r\n",
                                         "5 \r\n",
                                         "5;a\nb",
                                         "5;a\rb",
                                         "5;\x01\r\n",
                                         "5,\r\n",
                                         "2\r\nabc",
                                         "2\r\nab\n",
                                         "2\r\nab\rX",
                                         "2\r\nab\r\n\r\n",
                                         ";a\r\n",
                                         "0\r\n X: 1\r\n\r\n",
                                         "0\r\nX: 1\r\n\tY\r\n\r\n",
                                         "0\r\nX: 1\n\n",
                                         "0\r\n\rX",
                                         "0\r\n\n",
                                         "0\r\nX: \x7f",
                                         "G\r\n",
                                         "5_0\r\n"}) {
      CAPTURE(input);
      BodyReader reader = BodyReader::of_chunks(100);
      reader.take(input);
      CHECK(reader.state() == State::malformed);
      CHECK(!reader.error().empty());
      CHECK(reader.take("0\r\n\r\n") == 0);
    }
    CHECK(read_chunks(std::string_view("5;\0\r\n", 5)).state == State::malformed);
  }

  TEST_CASE("the body's bound holds over all chunks, before their bytes come") {
    CHECK(read_chunks("64\r\n").state == State::needs_more);
    CHECK(read_chunks("65").state == State::too_large);
    CHECK(read_chunks("FFFFFFFFFFFFFFFFF").state == State::too_large);
    CHECK(read_chunks("2\r\nab\r\n2", 4).state == State::needs_more);
    CHECK(read_chunks("2\r\nab\r\n2\r\ncd\r\n0\r\n\r\n", 4) == Outcome{State::complete, "abcd", 19});
    CHECK(read_chunks("2\r\nab\r\n3", 4).state == State::too_large);
  }

  TEST_CASE("what is thrown away is bounded too") {
    const std::string piece(200, 'a');
    CHECK(read_chunks("1;" + piece + "\r\n").state == State::needs_more);
    CHECK(read_chunks("1;" + piece + piece).state == State::malformed);
    CHECK(read_chunks("1" + std::string(300, ' ')).state == State::malformed);
    CHECK(read_chunks(std::string(300, '0')).state == State::malformed);
    std::string trailers = "0;" + std::string(240, 'e') + "\r\n";  // counted for itself
    for (int i = 0; i < 19; ++i) trailers += "X: " + piece + "\r\n";
    CHECK(read_chunks(trailers).state == State::needs_more);
    for (int i = 0; i < 2; ++i) trailers += "X: " + piece + "\r\n";
    CHECK(read_chunks(trailers).state == State::malformed);
  }
}
