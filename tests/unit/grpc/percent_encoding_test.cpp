#include "grpc/percent_encoding.hpp"

#include <doctest/doctest.h>

namespace {

std::string encoded(std::string_view text) {
  std::string out;
  starling::grpc::append_percent_encoded(out, text);
  return out;
}

}  // namespace

TEST_SUITE("grpc.percent_encoding") {
  TEST_CASE("printable ASCII stays, but for the percent sign") {
    std::string printable;
    for (char c = ' '; c <= '~'; ++c)
      if (c != '%') printable += c;
    CHECK(encoded(printable) == printable);
    CHECK(encoded("100%") == "100%25");
    CHECK(encoded("").empty());
  }

  TEST_CASE("everything else becomes its bytes in hexadecimal") {
    CHECK(encoded("\xc3\xbc\n\r\t\x7f") == "%C3%BC%0A%0D%09%7F");
    CHECK(encoded(std::string_view("\0\xff", 2)) == "%00%FF");
  }

  TEST_CASE("it appends") {
    std::string out = "a";
    starling::grpc::append_percent_encoded(out, "b");
    CHECK(out == "ab");
  }
}
