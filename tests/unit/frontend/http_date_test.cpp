#include "frontend/http_date.hpp"

#include <doctest/doctest.h>
#include <clocale>
#include <ctime>
#include <random>
#include <string>

using namespace starling;

namespace {

std::string date(std::uint64_t epoch_s) {
  TextBuffer out;
  append_http_date(out, epoch_s);
  return std::string(out.view());
}

}  // namespace

TEST_SUITE("frontend.http_date") {
  TEST_CASE("dates are RFC 9110's IMF-fixdate") {
    CHECK(date(784'111'777) == "Sun, 06 Nov 1994 08:49:37 GMT");  // the RFC's own example
    CHECK(date(0) == "Thu, 01 Jan 1970 00:00:00 GMT");
    CHECK(date(951'782'399) == "Mon, 28 Feb 2000 23:59:59 GMT");
    CHECK(date(951'782'400) == "Tue, 29 Feb 2000 00:00:00 GMT");
    CHECK(date(4'294'967'296) == "Sun, 07 Feb 2106 06:28:16 GMT");
  }

  TEST_CASE("years of more than four digits are not written") {
    CHECK(date(253'402'300'799) == "Fri, 31 Dec 9999 23:59:59 GMT");
    CHECK(date(253'402'300'800) == "Fri, 31 Dec 9999 23:59:59 GMT");
    CHECK(date(~std::uint64_t{0}) == "Fri, 31 Dec 9999 23:59:59 GMT");
  }

  TEST_CASE("the C library finds the same dates") {
    std::mt19937_64 random(7);
    for (int i = 0; i < 20'000; ++i) {
      const std::uint64_t epoch_s = random() % 253'402'300'800;
      const auto time = static_cast<std::time_t>(epoch_s);
      std::tm parts{};
      REQUIRE(gmtime_r(&time, &parts) != nullptr);
      char text[64];
      REQUIRE(std::strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", &parts) == 29);
      REQUIRE(date(epoch_s) == text);
    }
  }
}
