#include "frontend/attribute_map.hpp"

#include <doctest/doctest.h>

#include <string>

namespace starling {
namespace {

AttributeMap map_of(std::string_view text) {
  const auto map = AttributeMap::parse(text);
  if (!map) FAIL(map.error());
  return *map;
}

std::string error_of(std::string_view text) {
  const auto map = AttributeMap::parse(text);
  REQUIRE_FALSE(map.has_value());
  CHECK(map.error().starts_with("expected "));
  CHECK(map.error().find('\n') == std::string::npos);
  CHECK(map.error().size() < 400);
  return map.error();
}

/// "key=source|source;", facts with their '@'.
std::string text_of(const AttributeMap& map) {
  std::string out;
  for (const Attribute& attribute : map.attributes()) {
    char before = '=';
    out += attribute.key;
    for (const AttributeSource& source : attribute.sources) {
      out += before;
      out += source.fact ? "@" + std::string(name(*source.fact)) : source.header;
      before = '|';
    }
    out += ';';
  }
  return out;
}

}  // namespace

TEST_SUITE("frontend.attribute_map") {
  TEST_CASE("keys have headers and facts as sources, in their order") {
    CHECK(text_of(map_of("principal=X-User|X-Api-Key|@client_ip,route=@path")) ==
          "principal=X-User|X-Api-Key|@client_ip;route=@path;");
    CHECK(text_of(map_of(" principal = X-User | @host , b=c ")) == "principal=X-User|@host;b=c;");
  }

  TEST_CASE("a word of its own is the fact of that name") {
    CHECK(text_of(map_of("client_ip,method,host,path,scheme")) ==
          "client_ip=@client_ip;method=@method;host=@host;path=@path;scheme=@scheme;");
    CHECK(map_of("@path") == map_of("path=@path"));
    // With '=' it is a header of that name.
    CHECK(text_of(map_of("path=path")) == "path=path;");
    for (const RequestFact fact : request_facts) CHECK(map_of(name(fact)).attributes().size() == 1);
  }

  TEST_CASE("none is nothing") {
    CHECK(map_of("none").empty());
    CHECK(map_of(" none ") == AttributeMap());
    CHECK_FALSE(map_of("none=X-None").empty());
  }

  TEST_CASE("what is neither is told with what was expected") {
    CHECK(error_of("X-Api-Key") ==
          "expected none, or a list of KEY=SOURCE (such as principal=X-Api-Key) and the words client_ip, "
          "method, host, "
          "path or scheme, found \"X-Api-Key\"");
    CHECK(error_of("").ends_with("found \"\""));
    CHECK(error_of("path,").ends_with("found \"\""));
    CHECK(error_of("none,path").ends_with("found \"none\""));
    CHECK(error_of("a=@clientip") ==
          "expected @ and client_ip, method, host, path or scheme as a source of a, found \"@clientip\"");
    CHECK(error_of("a=").ends_with("as a source of a, found \"\""));
    CHECK(error_of("a=b|").ends_with("as a source of a, found \"\""));
    CHECK(error_of("a=X Y").ends_with("found \"X Y\""));
    CHECK(error_of("a=X:").ends_with("found \"X:\""));
    CHECK(error_of("a=b=c").ends_with("found \"b=c\""));
    CHECK(error_of("=X-Api-Key").ends_with("before '=', found \"\""));
    CHECK(error_of("a b=X").ends_with("before '=', found \"a b\""));
    CHECK(error_of("a|b=X").ends_with("before '=', found \"a|b\""));
    CHECK(error_of("\x1b[2J=X").ends_with("found \"?[2J\""));
  }

  TEST_CASE("each key comes once, and none is a word of the query") {
    CHECK(error_of("a=X,b=Y,a=Z").starts_with("expected every key once, found a twice"));
    CHECK(error_of("path,path=X").starts_with("expected every key once, found path twice"));
    for (const char* key : {"domain", "hits", "deny_status", "explain"})
      CHECK(error_of(std::string(key) + "=X").find(key) != std::string::npos);
  }

  TEST_CASE("lists that the client begins are no source") {
    for (const char* header : {"X-Forwarded-For", "x-forwarded-for", "Forwarded"}) {
      const std::string error = error_of(std::string("client_ip=X-Real-IP|") + header);
      CHECK(error.find(header) != std::string::npos);
      CHECK(error.find("--trusted-hops") != std::string::npos);
    }
    CHECK(text_of(map_of("client_ip=X-Real-IP")) == "client_ip=X-Real-IP;");
  }

  TEST_CASE("everything has a bound") {
    const auto list = [](std::size_t count, char separator, std::string_view before) {
      std::string out(before);
      for (std::size_t i = 0; i < count; ++i) {
        if (i > 0) out += separator;
        out += "k" + std::to_string(i);
        if (separator == ',') out += "=X";
      }
      return out;
    };
    CHECK(map_of(list(attributes_max, ',', "")).attributes().size() == attributes_max);
    CHECK(error_of(list(attributes_max + 1, ',', "")) == "expected at most 16 attributes, found more");
    CHECK(map_of(list(attribute_sources_max, '|', "a=")).attributes()[0].sources.size() ==
          attribute_sources_max);
    CHECK(error_of(list(attribute_sources_max + 1, '|', "a=")) ==
          "expected at most 8 sources of a, found more");
    const std::string longest(attribute_name_bytes_max, 'x');
    CHECK(text_of(map_of(longest + "=" + longest)) == longest + "=" + longest + ";");
    CHECK_FALSE(error_of(longest + "x=X").empty());
    CHECK_FALSE(error_of("a=" + longest + "x").empty());
    CHECK_FALSE(error_of(std::string(1'000'000, ',')).empty());
    CHECK_FALSE(error_of("a=" + std::string(1'000'000, '|')).empty());
  }
}

}  // namespace starling
