#include "http/attribute_sources.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

using namespace starling;
using namespace starling::http;

namespace {

struct Asked {
  std::vector<Header> headers = {};
  std::string_view below = {};
  std::vector<Entry> given = {};
};

std::string gather(AttributeSources& sources, const Asked& asked) {
  const RequestView request{
      .method = "GET", .headers = asked.headers, .from = {.address = Address::v4(192, 0, 2, 9), .port = 1}};
  const auto entries = sources.gather({.request = request, .below = asked.below}, asked.given);
  if (!entries) return "error: " + entries.error();
  std::string out;
  for (const Entry& entry : *entries) out += std::string(entry.key) + "=" + std::string(entry.value) + ";";
  return out;
}

std::string gather(std::string_view map, const Asked& asked, std::uint8_t hops = 0) {
  AttributeSources sources(AttributeMap::parse(map).value(), hops);
  return gather(sources, asked);
}

}  // namespace

TEST_SUITE("http.attribute_sources") {
  TEST_CASE("without a map there is what the query says, and nothing is copied") {
    AttributeSources none;
    const std::vector<Entry> given{{"a", "1"}, {"b", ""}};
    const RequestView request{.method = "GET", .headers = {}};
    const auto entries = none.gather({.request = request, .below = "/login"}, given);
    REQUIRE(entries.has_value());
    CHECK(entries->data() == given.data());
    CHECK(entries->size() == 2);
  }

  TEST_CASE("attributes come behind the query, in the order of the map") {
    CHECK(gather("path,principal=X-Api-Key,client_ip",
                 {.headers = {{"x-api-key", "k1"}}, .below = "/login", .given = {{"tier", "gold"}}}) ==
          "tier=gold;path=/login;principal=k1;client_ip=192.0.2.9;");
    CHECK(gather("client_ip", {.headers = {{"X-Forwarded-For", "6.6.6.6, 10.0.0.1"}}}, 1) ==
          "client_ip=10.0.0.1;");
    CHECK(gather("a=@method,b=@host,c=@scheme",
                 {.headers = {{"Host", "H"}, {"X-Forwarded-Proto", "https"}}}) == "a=GET;b=h;c=https;");
  }

  TEST_CASE("a key in the query wins, also over a header that would be refused") {
    const Asked asked{.headers = {{"X-Api-Key", "a"}, {"X-Api-Key", "b"}}, .given = {{"principal", "alice"}}};
    CHECK(gather("principal=X-Api-Key,path", asked) == "principal=alice;");
    CHECK(gather("principal=X-Api-Key", {.headers = {{"X-Api-Key", "a"}}, .given = {{"principal", ""}}}) ==
          "principal=;");
  }

  TEST_CASE("the first source that is there wins, and what is empty is not there") {
    constexpr std::string_view map = "principal=X-User|X-Api-Key|@client_ip";
    CHECK(gather(map, {.headers = {{"X-Api-Key", "k"}, {"X-User", "u"}}}) == "principal=u;");
    CHECK(gather(map, {.headers = {{"X-Api-Key", "k"}, {"X-User", ""}}}) == "principal=k;");
    CHECK(gather(map, {.headers = {{"X-Api-Key", ""}}}) == "principal=192.0.2.9;");
    CHECK(gather("principal=X-User", {.headers = {{"X-User", ""}}}) == "");
    CHECK(gather("principal=X-User,path,scheme", {}) == "");
  }

  TEST_CASE("a second value of a header that is used is refused, of one that is not does not matter") {
    const std::vector<Header> twice{{"X-User", "u"}, {"X-Api-Key", "a"}, {"x-api-key", "b"}};
    CHECK(gather("principal=X-User|X-Api-Key", {.headers = twice}) == "principal=u;");
    CHECK(gather("other=X-Other", {.headers = twice}) == "");
    CHECK(gather("key=X-Api-Key", {.headers = twice})
              .starts_with("error: expected headers that agree, found X-Api-Key"));
    CHECK(gather("path=X-Path|@path", {.headers = {{"X-Forwarded-Uri", "/a"}, {"X-Original-URI", "/b"}}})
              .starts_with("error: "));
  }

  TEST_CASE("one fact under two keys, and the next request after a longer one") {
    AttributeSources sources(AttributeMap::parse("a=@path,b=@host,c=@path,d=@host").value(), 0);
    CHECK(gather(sources, {.headers = {{"Host", "LONG.example.com"}}, .below = "/a/%62/long/path"}) ==
          "a=/a/b/long/path;b=long.example.com;c=/a/b/long/path;d=long.example.com;");
    CHECK(gather(sources, {.headers = {{"Host", "H"}}, .below = "//x"}) == "a=/x;b=h;c=/x;d=h;");
    CHECK(gather(sources, {}) == "");
  }

  TEST_CASE("as many as a query and a map can hold, and as long as headers can be") {
    std::string map;
    std::vector<std::string> names;
    for (std::size_t i = 0; i < query_entries_max; ++i) names.push_back("q" + std::to_string(i));
    for (std::size_t i = 0; i < attributes_max; ++i)
      map += (i == 0 ? "k" : ",k") + std::to_string(i) + "=X-Long";
    std::vector<Entry> given;
    for (const std::string& name : names) given.push_back({name, "v"});
    const std::string value(16'000, 'v');
    const std::string text = gather(map, {.headers = {{"X-Long", value}}, .given = given});
    CHECK(text.starts_with("q0=v;"));
    CHECK(text.ends_with(";k15=" + value + ";"));
    CHECK(static_cast<std::size_t>(std::count(text.begin(), text.end(), ';')) == check_entries_max);
  }
}
