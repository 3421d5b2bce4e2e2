#include "http/denial_body.hpp"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

using namespace starling;
using namespace starling::http;
using nlohmann::json;

namespace {

DenialForm choose(std::string_view accept) {
  const std::vector<Header> headers{{"Host", "x"}, {"accept", accept}};
  return choose_denial_form(headers);
}

struct Denied {
  std::vector<LimitStatus> limits{
      {.rule = "open", .limit = 9, .window_s = 1, .remaining = 9, .reset_ms = 100},
      {.rule = "say \"no\"", .limit = 5, .window_s = 60, .reset_ms = 2'001, .allowed = false},
      {.rule = "learns", .limit = 5, .window_s = 60, .reset_ms = 99'000, .allowed = false, .enforced = false},
      {.rule = "say \"no\"", .limit = 7, .window_s = 3'600, .reset_ms = 1'999'001, .allowed = false}};
  Decision decision{.allowed = false, .limits = limits, .tightest = &limits[3]};
  Response response;

  std::string write(const DenialBody& how) {
    PolicyNames names;
    names.assign(decision.limits);
    response.clear();
    response.set_status(429);
    write_denial(how, decision, RankedLimits(decision), names, response);
    return response.body();
  }
  bool has(std::string_view header) const {
    std::string out;
    response.append_to(out, {});
    return out.find("\r\n" + std::string(header) + "\r\n") != std::string::npos;
  }
};

}  // namespace

TEST_SUITE("http.denial_body") {
  TEST_CASE("without a preference it is the message") {
    CHECK(choose_denial_form({}) == DenialForm::message);
    for (const std::string_view accept :
         {"", "*/*", "application/*", "application/json", "text/html",
          "application/json, application/problem+json", "application/json, text/plain",
          "text/html, */*;q=0.1", "image/png, text/plain;q=0"}) {
      CAPTURE(accept);
      CHECK(choose(accept) == DenialForm::message);
    }
  }

  TEST_CASE("a problem for whoever likes it better or names it where the message is only not refused") {
    for (const std::string_view accept :
         {"application/problem+json", "application/problem+json, application/json;q=0.9",
          "application/problem+json, */*", "application/*;q=0.5, application/problem+json;q=0.6",
          "application/json;q=0, */*", "application/problem+json;q=0.1, text/plain"}) {
      CAPTURE(accept);
      CHECK(choose(accept) == DenialForm::problem);
    }
    CHECK(choose("application/problem+json;q=0.5, application/json") == DenialForm::message);
    CHECK(choose("application/problem+json;q=0, application/*") == DenialForm::message);
  }

  TEST_CASE("plain text only for whoever takes no JSON") {
    CHECK(choose("text/plain") == DenialForm::text);
    CHECK(choose("text/*;q=0.1, image/png") == DenialForm::text);
    CHECK(choose("text/plain, application/json;q=0.1") == DenialForm::message);
    CHECK(choose("text/plain, application/*;q=0") == DenialForm::text);
  }

  TEST_CASE("a malformed Accept is as good as none, and several fields are one") {
    CHECK(choose("application/problem+json;q=7") == DenialForm::message);
    CHECK(choose("application/problem+json, oops") == DenialForm::message);
    const std::vector<Header> headers{{"Accept", "application/json;q=0.2"},
                                      {"ACCEPT", "application/problem+json"}};
    CHECK(choose_denial_form(headers) == DenialForm::problem);
  }

  TEST_CASE("the message tells the limit and when to come back") {
    Denied denied;
    CHECK(json::parse(denied.write({})) ==
          json{{"message", "rate limit exceeded: 7 per 3600 s; retry in 2000 s"}});
    CHECK(denied.has("Content-Type: application/json"));
    denied.decision = {.allowed = false, .limits = {}};
    CHECK(json::parse(denied.write({})) == json{{"message", "rate limit exceeded"}});
  }

  TEST_CASE("Spinnaker: the body is {\"message\": \"Rate capacity exceeded\"}") {
    Denied denied;
    CHECK(json::parse(denied.write({.as_spinnaker = true})) == json{{"message", "Rate capacity exceeded"}});
  }

  TEST_CASE("a problem names the policies that denied, as the headers do") {
    Denied denied;
    CHECK(json::parse(denied.write({.form = DenialForm::problem})) ==
          json{{"type", "https://iana.org/assignments/http-problem-types#quota-exceeded"},
               {"title", "The request exceeds its quota"},
               {"status", 429},
               {"detail", "rate limit exceeded: 7 per 3600 s; retry in 2000 s"},
               {"violated-policies", {"say \"no\"-3600s", "say \"no\"-60s"}}});
    CHECK(denied.has("Content-Type: application/problem+json"));
    denied.decision = {.allowed = false, .limits = {}};
    CHECK(json::parse(denied.write({.form = DenialForm::problem})).at("violated-policies") == json::array());
  }

  TEST_CASE("text is one line") {
    Denied denied;
    CHECK(denied.write({.form = DenialForm::text}) == "rate limit exceeded: 7 per 3600 s; retry in 2000 s\n");
    CHECK(denied.has("Content-Type: text/plain; charset=utf-8"));
  }
}
