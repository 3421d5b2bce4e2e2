#include "http/query.hpp"

#include <doctest/doctest.h>

#include <array>
#include <string>
#include <string_view>

#include "base/random.hpp"

using namespace starling;
using namespace starling::http;

namespace {

std::string error_of(std::string_view raw) {
  QueryScratch scratch;
  const auto query = parse_check_query(raw, scratch);
  return query ? std::string() : query.error();
}

}  // namespace

TEST_SUITE("http.query") {
  TEST_CASE("the named parameters are set, all others are entries in their order") {
    QueryScratch scratch;
    const auto query =
        parse_check_query("user=a&domain=d&hits=3&path=/x&deny_status=403&explain=1&flag", scratch);
    REQUIRE(query.has_value());
    CHECK(query->domain == "d");
    CHECK(query->hits == 3);
    CHECK(query->deny_status == 403);
    CHECK(query->explain);
    REQUIRE(query->entries.size() == 3);
    CHECK(query->entries[0].key == "user");
    CHECK(query->entries[0].value == "a");
    CHECK(query->entries[1].value == "/x");
    CHECK(query->entries[2].key == "flag");
    CHECK(query->entries[2].value.empty());
  }

  TEST_CASE("an empty query is a check of nothing with the defaults") {
    for (const std::string_view raw : {"", "&", "&&"}) {
      QueryScratch scratch;
      const auto query = parse_check_query(raw, scratch);
      REQUIRE(query.has_value());
      CHECK(query->domain.empty());
      CHECK(query->hits == 1);
      CHECK(query->deny_status == 429);
      CHECK(!query->explain);
      CHECK(query->entries.empty());
    }
  }

  TEST_CASE("percent-encoding and plus are decoded in keys and values") {
    QueryScratch scratch;
    const auto query = parse_check_query("a%3Db=c%26d+e%2B&%68its=7&x=%C3%a9%00=", scratch);
    REQUIRE(query.has_value());
    REQUIRE(query->entries.size() == 2);
    CHECK(query->entries[0].key == "a=b");
    CHECK(query->entries[0].value == "c&d e+");
    CHECK(query->entries[1].value == std::string_view("\xc3\xa9\0=", 4));
    CHECK(query->hits == 7);
  }

  TEST_CASE("hits are a number from 0 to 2^32-1") {
    QueryScratch scratch;
    CHECK(parse_check_query("hits=0", scratch)->hits == 0);
    CHECK(parse_check_query("hits=4294967295", scratch)->hits == 4294967295);
    for (const std::string_view bad : {"hits=4294967296", "hits=-1", "hits=%2B1", "hits=1.5", "hits=", "hits",
                                       "hits=0x1", "hits=1+", "hits=99999999999999999999999"}) {
      CAPTURE(bad);
      CHECK(error_of(bad).starts_with("hits: expected a number from 0 to 4294967295, found '"));
    }
  }

  TEST_CASE("deny_status is 403 or 429, explain 0 or 1") {
    QueryScratch scratch;
    CHECK(parse_check_query("deny_status=429", scratch)->deny_status == 429);
    for (const std::string_view bad : {"200", "401", "404", "500", "", "403x"}) {
      CAPTURE(bad);
      CHECK(error_of("deny_status=" + std::string(bad)) ==
            "deny_status: expected 403 or 429, found '" + std::string(bad) + "'");
    }
    CHECK(!parse_check_query("explain=0", scratch)->explain);
    CHECK(error_of("explain=yes") == "explain: expected 0 or 1, found 'yes'");
    CHECK(!error_of("explain").empty());
  }

  TEST_CASE("broken percent-encoding is an error, in keys too") {
    for (const std::string_view bad : {"a=%", "a=%2", "a=%zz", "a=%2z", "%=b", "a=b&c%4=d", "a=%%20"}) {
      CAPTURE(bad);
      CHECK(error_of(bad).starts_with("query: expected '%' and two hex digits, found '%"));
    }
  }

  TEST_CASE("a key given twice is an error, however it is written") {
    for (const std::string_view bad : {"a=1&a=2", "a=1&%61=1", "domain=a&domain=a", "hits=1&hits=1",
                                       "deny_status=403&deny_status=403", "explain=1&x=y&explain=1"}) {
      CAPTURE(bad);
      CHECK(error_of(bad).starts_with("query: expected every key once, found '"));
    }
    CHECK(error_of("A=1&a=2").empty());
  }

  TEST_CASE("a parameter needs a key") {
    CHECK(error_of("=x") == "query: expected key=value, found '=x'");
    CHECK(!error_of("a=b&=").empty());
  }

  TEST_CASE("32 entries pass, 33 do not") {
    std::string raw = "hits=2";
    for (int i = 0; i < 32; ++i) raw += "&k" + std::to_string(i) + "=v";
    CHECK(error_of(raw).empty());
    CHECK(error_of(raw + "&domain=d").empty());
    CHECK(error_of(raw + "&one=more") == "query: expected at most 32 entries, found more");
  }

  TEST_CASE("a message repeats only the start of what was wrong") {
    CHECK(error_of("explain=" + std::string(10'000, 'x')).size() < 120);
  }

  TEST_CASE("what a client encodes comes back as it was") {
    Random random(11);
    QueryScratch scratch;
    for (int round = 0; round < 5'000; ++round) {
      std::string key = "k", value(random.below(20), ' ');
      key.resize(1 + random.below(10), 'k');
      for (char& byte : key) byte = static_cast<char>(random.next());
      for (char& byte : value) byte = static_cast<char>(random.next());
      std::string target = "/v1/check";
      append_query_parameter(target, "explain", "1");
      append_query_parameter(target, key, value);
      const auto query = parse_check_query(std::string_view(target).substr(target.find('?') + 1), scratch);
      REQUIRE(query.has_value());
      REQUIRE(query->entries.size() == 1);
      CHECK(query->entries[0].key == key);
      CHECK(query->entries[0].value == value);
    }
  }

  TEST_CASE("random queries are either taken or refused with a reason") {
    Random random(12);
    const std::string_view alphabet = "ab=&%+2z0\xff hits";
    QueryScratch scratch;
    for (int round = 0; round < 50'000; ++round) {
      std::string raw(random.below(40), ' ');
      for (char& byte : raw) byte = alphabet[random.below(alphabet.size())];
      const auto query = parse_check_query(raw, scratch);
      if (!query) CHECK(!query.error().empty());
    }
  }
}
