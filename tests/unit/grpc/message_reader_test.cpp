#include "grpc/message_reader.hpp"

#include <doctest/doctest.h>

#include <string>

using starling::grpc::message_prefix_bytes;
using starling::grpc::MessageReader;
using starling::grpc::write_prefix;
using State = MessageReader::State;

namespace {

constexpr std::size_t bytes_max = 1'000;

std::string framed(const std::string& text, char flag = 0) {
  std::string out(message_prefix_bytes, '\0');
  write_prefix(out.data(), text.size());
  out[0] = flag;
  return out + text;
}

State read(std::string_view bytes) {
  return MessageReader().take(bytes, bytes_max);
}

}  // namespace

TEST_SUITE("grpc.message_reader") {
  TEST_CASE("a prefix is a flag and the length, most significant byte first") {
    std::string prefix(message_prefix_bytes, 'x');
    write_prefix(prefix.data(), 0x01020304);
    CHECK(prefix == std::string("\0\1\2\3\4", 5));
  }

  TEST_CASE("a message is read whole, however it is cut in two") {
    const std::string bytes = framed("hello, starling");
    for (std::size_t cut = 0; cut <= bytes.size(); ++cut) {
      MessageReader reader;
      const State first = reader.take(bytes.substr(0, cut), bytes_max);
      CHECK(first == (cut == 0 ? State::empty : cut == bytes.size() ? State::whole : State::partial));
      CHECK(reader.take(bytes.substr(cut), bytes_max) == State::whole);
      CHECK(reader.message() == "hello, starling");
    }
  }

  TEST_CASE("byte by byte, with nothing in between, is the same") {
    MessageReader reader;
    const std::string bytes = framed("hello");
    for (const char c : bytes) {
      CHECK(reader.state() != State::whole);
      reader.take({}, bytes_max);
      reader.take({&c, 1}, bytes_max);
    }
    CHECK(reader.state() == State::whole);
    CHECK(reader.message() == "hello");
  }

  TEST_CASE("an empty message is a message") {
    CHECK(read(framed("")) == State::whole);
    CHECK(read("") == State::empty);
    CHECK(read(framed("").substr(0, 4)) == State::partial);
  }

  TEST_CASE("a byte after the message is one too many, in the same piece or the next") {
    CHECK(read(framed("a") + '\0') == State::too_many);
    CHECK(read(framed("") + '\0') == State::too_many);
    CHECK(read(framed("a") + framed("b")) == State::too_many);
    MessageReader reader;
    reader.take(framed("a"), bytes_max);
    CHECK(reader.take({}, bytes_max) == State::whole);
    CHECK(reader.take("x", bytes_max) == State::too_many);
    CHECK(reader.take("x", bytes_max) == State::too_many);
  }

  TEST_CASE("what cannot become a message is known by its prefix, and nothing is kept") {
    CHECK(read(framed("a", 1).substr(0, 5)) == State::compressed);
    CHECK(read(framed("a", 2)) == State::bad_flag);
    CHECK(read(framed("a", '\xff')) == State::bad_flag);
    CHECK(read(framed(std::string(bytes_max, 'a'))) == State::whole);
    MessageReader reader;
    CHECK(reader.take(framed(std::string(bytes_max + 1, 'a')), bytes_max) == State::too_large);
    CHECK(reader.length() == bytes_max + 1);
    CHECK(reader.buffered_bytes() == 0);
    CHECK(read(std::string("\0\xff\xff\xff\xff", 5)) == State::too_large);
  }

  TEST_CASE("after a reset it reads another message, and keeps no large buffer") {
    MessageReader reader;
    reader.take(framed(std::string(900, 'a')), bytes_max);
    reader.reset(100);
    CHECK(reader.state() == State::empty);
    CHECK(reader.take(framed("b"), bytes_max) == State::whole);
    CHECK(reader.message() == "b");
    reader.take("x", bytes_max);
    reader.reset(100);
    CHECK(reader.take(framed("c"), bytes_max) == State::whole);
  }
}
