#include "http/header_list.hpp"

#include <doctest/doctest.h>

#include <array>
#include <string>
#include <vector>

using namespace starling::http;

namespace {

using Headers = std::vector<Header>;

constexpr std::array<std::string_view, 1> key_name{"x-api-key"};

}  // namespace

TEST_SUITE("http.header_list") {
  TEST_CASE("elements are counted from the right, over all lines of the name") {
    const Headers headers{{"X-List", "a, b"}, {"Other", "x, y"}, {"x-list", "c"}, {"X-LIST", " d ,e\t"}};
    const std::array<std::string_view, 5> expected{"e", "d", "c", "b", "a"};
    for (std::size_t i = 0; i < expected.size(); ++i)
      CHECK(from_the_right(headers, "x-list", i + 1) == expected[i]);
    CHECK(from_the_right(headers, "x-list", 6).empty());
    CHECK(from_the_right(headers, "x-lis", 1).empty());
    CHECK(from_the_right({}, "x-list", 1).empty());
  }

  TEST_CASE("empty elements do not count") {
    const Headers headers{{"X", ""}, {"X", ",, a,,"}, {"X", ","}, {"X", " , b, \t"}};
    CHECK(from_the_right(headers, "x", 1) == "b");
    CHECK(from_the_right(headers, "x", 2) == "a");
    CHECK(from_the_right(headers, "x", 3).empty());
  }

  TEST_CASE("a header that is no list has one value, however often it is said") {
    CHECK(only_value({}, key_name).value().empty());
    CHECK(only_value(Headers{{"X-Api-Key", "k"}}, key_name).value() == "k");
    CHECK(only_value(Headers{{"X-Api-Key", "k"}, {"x-api-key", "k"}}, key_name).value() == "k");
    CHECK(only_value(Headers{{"X-Api-Key", ""}, {"x-api-key", "k"}, {"X-API-KEY", ""}}, key_name).value() ==
          "k");
    CHECK(only_value(Headers{{"X-Api-Key", ""}}, key_name).value().empty());
    CHECK(only_value(Headers{{"X-Api", "a"}, {"X-Api-Key", "a, b"}}, key_name).value() == "a, b");
  }

  TEST_CASE("two values are an error that shows both, whichever comes first") {
    const auto error = only_value(Headers{{"X-Api-Key", "a"}, {"X", "y"}, {"x-api-key", "b\x01"}}, key_name);
    REQUIRE(!error);
    CHECK(error.error() ==
          "expected headers that agree, found X-Api-Key: \"a\" and x-api-key: \"b?\"; the gateway must "
          "remove what it does not set itself");
    CHECK(!only_value(Headers{{"X-Api-Key", "A"}, {"X-Api-Key", "a"}}, key_name));
    const std::string longer(5000, 'x');
    CHECK(only_value(Headers{{"X-Api-Key", "a"}, {"X-Api-Key", longer}}, key_name).error().size() < 400);
    const std::array<std::string_view, 2> either{"x-a", "x-b"};
    CHECK(only_value(Headers{{"X-A", "1"}, {"X-B", "1"}}, either).value() == "1");
    CHECK(!only_value(Headers{{"X-B", "1"}, {"X-A", "2"}}, either));
  }
}
