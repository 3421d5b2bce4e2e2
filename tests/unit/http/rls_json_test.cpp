/// Requests as gateways' scripts may write them, what is wrong with others, and answers as they are written.
#include "http/rls_json.hpp"

#include <doctest/doctest.h>
#include <array>
#include <nlohmann/json.hpp>
#include <random>
#include <string>
#include <utility>

using namespace starling;
using namespace starling::http;

namespace {

/// What was read of a body, in one line; or the error.
std::string read(std::string_view body) {
  RlsRequest request;
  std::string arena;
  if (const auto done = read_rls_json(body, arena, request); !done) return "error: " + done.error();
  const auto asked = request.read();
  if (!asked) return "error: " + asked.error();
  std::string out = std::string(asked->domain) + " hits=" + std::to_string(asked->hits);
  for (const Descriptor& descriptor : asked->descriptors) {
    out += " [";
    for (const Entry& entry : descriptor.entries)
      out += std::string(entry.key) + "=" + std::string(entry.value) + ";";
    if (descriptor.limit)
      out +=
          " " + std::to_string(descriptor.limit->requests) + "/" + std::to_string(descriptor.limit->window_s);
    if (descriptor.hits) out += " hits=" + std::to_string(*descriptor.hits);
    out += "]";
  }
  return out;
}

/// A request with one descriptor, to whose members `more` is added.
std::string with(std::string_view more) {
  return R"({"domain":"d","descriptors":[{"entries":[{"key":"k","value":"v"}],)" + std::string(more) + "}]}";
}

std::string write(const Decision& decision, std::size_t descriptors_count, HeaderFamilies families = {}) {
  RlsAnswer answer(families);
  answer.assign(decision, descriptors_count, {});
  std::string out;
  append_rls_json(out, answer);
  CHECK(nlohmann::json::accept(out));
  return out;
}

TEST_SUITE("http.rls_json") {
  TEST_CASE("both spellings mean the same, and members may come in any order") {
    const std::string expected = "edge hits=3 [principal=alice;path=; 25/60 hits=7] [a=b;]";
    CHECK(read(R"({"domain": "edge", "descriptors": [
        {"entries": [{"key": "principal", "value": "alice"}, {"key": "path"}],
         "limit": {"requests_per_unit": 25, "unit": "MINUTE"}, "hits_addend": 7},
        {"entries": [{"key": "a", "value": "b"}]}], "hits_addend": 3})") == expected);
    CHECK(read(R"({"hitsAddend": "3", "descriptors": [
        {"hitsAddend": "7", "limit": {"unit": 2, "requestsPerUnit": "25"},
         "entries": [{"value": "alice", "key": "principal"}, {"key": "path", "value": ""}]},
        {"entries": [{"key": "a", "value": "b"}]}], "domain": "edge"})") == expected);
  }

  TEST_CASE("null is the default, whatever the field") {
    CHECK(read(R"({"domain":"d","hits_addend":null,"descriptors":[
        {"entries":[{"key":"k","value":null}],"limit":null,"hitsAddend":null,"isNegativeHits":null}]})") ==
          "d hits=1 [k=;]");
    CHECK(read(R"({"domain":"d","descriptors":[{"entries":null}]})") == "d hits=1 []");
    CHECK(read(R"({"domain":"d","descriptors":null})") ==
          "error: descriptors: expected at least one, found none");
    CHECK(read(R"({"domain":null,"descriptors":[{}]})") ==
          "error: domain: expected the name of a domain, found none");
    CHECK(read(with(R"("limit":{"unit":null,"requests_per_unit":1})"))
              .starts_with("error: descriptors[0].limit.unit: expected SECOND (1)"));
    CHECK(read(with(R"("limit":{"unit":1,"requests_per_unit":null})")) == "d hits=1 [k=v; 0/1]");
  }

  TEST_CASE("hits: 0 of the request means 1, 0 of a descriptor only looks, and nothing is given back") {
    CHECK(read(R"({"domain":"d","descriptors":[{}],"hitsAddend":0})") == "d hits=1 []");
    CHECK(read(R"({"domain":"d","descriptors":[{}],"hitsAddend":4294967295})") == "d hits=4294967295 []");
    CHECK(read(with(R"("hitsAddend":0)")) == "d hits=1 [k=v; hits=0]");
    CHECK(read(with(R"("hitsAddend":"18446744073709551615")")) ==
          "d hits=1 [k=v; hits=18446744073709551615]");
    CHECK(read(with(R"("hitsAddend":5,"is_negative_hits":true)")) == "d hits=1 [k=v; hits=0]");
    CHECK(read(with(R"("hitsAddend":5,"isNegativeHits":false)")) == "d hits=1 [k=v; hits=5]");
  }

  TEST_CASE("a whole number may be written in every way that JSON has, and in a string") {
    for (const std::string_view number : {"1000", "1e3", "1000.0", "10.00e2", R"("1000")", R"("1e3")"})
      CHECK(read(with("\"hitsAddend\":" + std::string(number))) == "d hits=1 [k=v; hits=1000]");
    CHECK(read(with(R"("hitsAddend":-0)")) == "d hits=1 [k=v; hits=0]");
    const std::string wanted =
        "error: descriptors[0].hits_addend: expected a whole number from 0 to 18446744073709551615, found ";
    for (const auto& [case_number, shown] : {std::pair{"-1", "-1"},
                                             {"1.5", "1.5"},
                                             {"18446744073709551616", "18446744073709551616"},
                                             {"1e300", "1e300"},
                                             {R"("")", R"("")"},
                                             {R"(" 1")", R"(" 1")"},
                                             {R"("1 ")", R"("1 ")"},
                                             {R"("0x10")", R"("0x10")"},
                                             {R"("nan")", R"("nan")"},
                                             {R"("inf")", R"("inf")"},
                                             {"true", "true"},
                                             {"[1]", "a list"},
                                             {"{}", "an object"}}) {
      const auto& number = case_number;
      CAPTURE(number);
      CHECK(read(with("\"hitsAddend\":" + std::string(number))) == wanted + shown);
    }
    for (const std::string_view large : {"4294967296", "\"4294967296\"", "-1"}) {
      CHECK(read(R"({"hits_addend":)" + std::string(large) + "}")
                .starts_with("error: hits_addend: expected a whole number from 0 to 4294967295, found "));
      CHECK(read(with(R"("limit":{"requestsPerUnit":)" + std::string(large) + "}"))
                .starts_with("error: descriptors[0].limit.requests_per_unit: expected a whole number"));
    }
  }

  TEST_CASE("units by name and by number") {
    const std::array names{"SECOND", "MINUTE", "HOUR", "DAY", "MONTH", "YEAR", "WEEK"};
    const std::array windows{1, 60, 3'600, 86'400, 2'592'000, 31'536'000, 604'800};
    for (std::size_t i = 0; i < names.size(); ++i) {
      const std::string expected = "d hits=1 [k=v; 4/" + std::to_string(windows[i]) + "]";
      const std::string start = R"("limit":{"requestsPerUnit":4,"unit":)";
      CHECK(read(with(start + '"' + names[i] + "\"}")) == expected);
      CHECK(read(with(start + std::to_string(i + 1) + "}")) == expected);
    }
    const auto unit = [](std::string_view value) {
      return read(with(R"("limit":{"unit":)" + std::string(value) + "}"));
    };
    for (const std::string_view none : {"0", "8", "99", R"("UNKNOWN")"})
      CHECK(unit(none).starts_with("error: descriptors[0].limit.unit: expected SECOND (1), MINUTE (2)"));
    for (const std::string_view wrong : {R"("minute")", R"("2")", "-1", "1.5", "4294967297", "true", "[]"})
      CHECK(
          unit(wrong).starts_with("error: descriptors[0].limit.unit: expected SECOND, MINUTE, HOUR, DAY, "));
  }

  TEST_CASE("strings are unescaped, and empty ones stay empty") {
    CHECK(
        read(
            R"({"domain":"é\u00e9\ud83d\ude00","descriptors":[{"entries":[{"key":"\"\\\/","value":"a\tb"}]}]})") ==
        "éé😀 hits=1 [\"\\/=a\tb;]");
    CHECK(read(R"({"domain":"d","descriptors":[{"entries":[{}]}]})") == "d hits=1 [=;]");
    // An entry without a value has none of the one before it.
    CHECK(read(R"({"domain":"d","descriptors":[{"entries":[{"key":"a","value":"b"},{"key":"c"}]}]})") ==
          "d hits=1 [a=b;c=;]");
  }

  TEST_CASE("fields that nobody knows and fields that come twice are errors that name the place") {
    const std::pair<std::string, std::string_view> wrong[] = {
        {R"({"domian":"d"})",
         R"(the body: expected no fields but domain, descriptors, hits_addend, found "domian")"},
        {with(R"("entrys":[[[]]])"),
         "descriptors[0]: expected no fields but entries, limit, hits_addend, "
         "is_negative_hits, found \"entrys\""},
        {R"({"descriptors":[{},{"entries":[{},{"kee":1}]}]})",
         R"(descriptors[1].entries[1]: expected no fields but key, value, found "kee")"},
        {with(R"("limit":{"per":1})"),
         R"(descriptors[0].limit: expected no fields but requests_per_unit, unit, found "per")"},
        {R"({"Domain":"d"})",
         R"(the body: expected no fields but domain, descriptors, hits_addend, found "Domain")"},
        {R"({"domain":"d","domain":"d"})", "the body: domain is there twice; remove one of the two"},
        {R"({"hits_addend":null,"hitsAddend":1})",
         "the body: hits_addend is there twice; remove one of the two"},
        {with(R"("entries":[])"), "descriptors[0]: entries is there twice; remove one of the two"},
        {R"({"descriptors":[{"entries":[{"key":"a","value":"","key":"b"}]}]})",
         "descriptors[0].entries[0]: key is there twice; remove one of the two"},
    };
    for (const auto& [body, error] : wrong) CHECK(read(body) == "error: " + std::string(error));
    // The same fields of two descriptors are not the same field.
    CHECK(read(R"({"domain":"d","descriptors":[{"entries":[]},{"entries":[]}]})") == "d hits=1 [] []");
  }

  TEST_CASE("values of another kind are errors that name the place") {
    const std::pair<std::string_view, std::string_view> wrong[] = {
        {"null", "the body: expected an object, found null"},
        {"[]", "the body: expected an object, found a list"},
        {"7", "the body: expected an object, found 7"},
        {R"("text")", "the body: expected an object, found a string"},
        {R"({"domain":7})", "domain: expected a string, found 7"},
        {R"({"domain":{}})", "domain: expected a string, found an object"},
        {R"({"descriptors":{}})", "descriptors: expected a list, found an object"},
        {R"({"descriptors":"x"})", "descriptors: expected a list, found a string"},
        {R"({"descriptors":[{},null]})", "descriptors[1]: expected an object, found null"},
        {R"({"descriptors":[[]]})", "descriptors[0]: expected an object, found a list"},
        {R"({"descriptors":[{"entries":[{},7]}]})", "descriptors[0].entries[1]: expected an object, found 7"},
        {R"({"descriptors":[{"entries":[{"key":false}]}]})",
         "descriptors[0].entries[0].key: expected a string, found false"},
        {R"({"descriptors":[{"limit":[]}]})", "descriptors[0].limit: expected an object, found a list"},
        {R"({"descriptors":[{"isNegativeHits":1}]})",
         "descriptors[0].is_negative_hits: expected true or false, found 1"},
    };
    for (const auto& [body, error] : wrong) CHECK(read(body) == "error: " + std::string(error));
  }

  TEST_CASE("what is no JSON is an error that names the place") {
    CHECK(read("") == "error: the body: expected an object, found no body");
    CHECK(read("{\n  domain}") ==
          "error: the body: expected JSON, found none at line 2, column 3: syntax error while parsing object "
          "key - invalid literal; expected string literal");
    for (const std::string_view bad :
         {"{", "}", R"({"domain")", R"({"domain":"d"} x)", R"({"domain":"d"}{})", R"({"domain":"d",})",
          R"({"domain":"\x"})", "{\"domain\":\"\xFF\"}", R"({"domain":"\ud800"})", "{\"hits_addend\":1e999}",
          R"({"hits_addend":01})", "nul", "\x01"}) {
      CAPTURE(bad);
      CHECK(read(bad).starts_with("error: the body: expected JSON, found none at "));
    }
    const std::string long_token = read("{\"domain\":" + std::string(60'000, 'x'));
    CHECK(long_token.size() < 300);
  }

  TEST_CASE("depth hurts nobody") {
    CHECK(read(std::string(65'536, '[')) == "error: the body: expected an object, found a list");
    std::string nested;
    while (nested.size() < 60'000) nested += R"({"descriptors":[)";
    CHECK(read(nested).starts_with("error: descriptors[0]: expected no fields but entries"));
  }

  TEST_CASE("bounds are those of the storage") {
    std::string descriptors = "{}";
    for (int i = 1; i < 65; ++i) descriptors += R"(,{"limit":{"unit":1},"hitsAddend":1,"entries":[{}]})";
    CHECK(read(R"({"domain":"d","descriptors":[)" + descriptors + "]}") ==
          "error: descriptors: expected at most 64, found more");
    std::string entries = "{}";
    for (int i = 1; i < 33; ++i) entries += ",{}";
    CHECK(read(R"({"domain":"d","descriptors":[{"entries":[)" + entries + "]}]}") ==
          "error: descriptors[0].entries: expected at most 32, found more");
  }

  TEST_CASE("noise is an error or a request, never more") {
    std::mt19937 random(1);
    const std::string whole = with(R"("limit":{"requestsPerUnit":4,"unit":"DAY"},"hitsAddend":"12")");
    std::size_t errors = 0;
    for (int round = 0; round < 20'000; ++round) {
      std::string bent = whole;
      bent[random() % bent.size()] = static_cast<char>(random());
      if (round % 2 == 0) bent[random() % bent.size()] = "{}[]\",:0"[random() % 8];
      if (read(bent).starts_with("error: ")) ++errors;
    }
    CHECK(errors > 10'000);
    CHECK(errors < 20'000);
  }

  TEST_CASE("an answer as it is written") {
    const std::array limits{
        LimitStatus{.rule = "per \"user\"",
                    .descriptors = 1,
                    .limit = 300,
                    .window_s = 60,
                    .remaining = 150,
                    .reset_ms = 1'001},
        LimitStatus{.rule = "none", .descriptors = 4, .unlimited = true},
        LimitStatus{.rule = "",
                    .descriptors = 8,
                    .limit = 0,
                    .window_s = 7,
                    .remaining = 0,
                    .reset_ms = 1,
                    .allowed = false,
                    .denial = Denial::limit},
    };
    const Decision denied{.allowed = false, .limits = limits, .tightest = &limits[2]};
    CHECK(write(denied, 4, HeaderFamilies().with(HeaderFamily::x_ratelimit)) ==
          R"({"overallCode":"OVER_LIMIT","statuses":[)"
          R"({"code":"OK","currentLimit":{"requestsPerUnit":300,"unit":"MINUTE","name":"per %22user%22"},)"
          R"("limitRemaining":150,"durationUntilReset":"2s"},)"
          R"({"code":"OK"},{"code":"OK","limitRemaining":4294967295},)"
          R"({"code":"OVER_LIMIT","currentLimit":{},"durationUntilReset":"1s"}],"responseHeadersToAdd":[)"
          R"({"key":"x-ratelimit-limit","value":"0"},{"key":"x-ratelimit-remaining","value":"0"},)"
          R"({"key":"x-ratelimit-reset","value":"1"},{"key":"retry-after","value":"1"}]})");
    CHECK(write({}, 1) == R"({"overallCode":"OK","statuses":[{"code":"OK"}]})");
    CHECK(write({}, 0) == R"({"overallCode":"OK"})");
    const std::array nameless{
        LimitStatus{.descriptors = 1, .limit = 0, .window_s = 1, .remaining = 0, .reset_ms = 1}};
    CHECK(write({.limits = nameless, .tightest = &nameless[0]}, 1) ==
          R"({"overallCode":"OK","statuses":[{"code":"OK","currentLimit":{"unit":"SECOND"},)"
          R"("durationUntilReset":"1s"}]})");
  }
}

}  // namespace
