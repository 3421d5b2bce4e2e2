#include "http/original_request.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using namespace starling::http;

namespace {

struct Told {
  std::vector<Header> headers;
  std::string_view below = {};
  std::string_view method = "GET";
};

std::string text_of(const OriginalRequest::Found& found) {
  return found ? std::string(*found) : "error: " + found.error();
}

template <class Ask>
std::string ask(const Told& told, Ask ask_for) {
  OriginalRequest original;
  const RequestView request{.method = told.method, .headers = told.headers};
  return text_of(ask_for(original, Question{.request = request, .below = told.below}));
}

std::string method(const Told& told) {
  return ask(told,
             [](OriginalRequest& original, const Question& question) { return original.method(question); });
}
std::string path(const Told& told) {
  return ask(told,
             [](OriginalRequest& original, const Question& question) { return original.path(question); });
}
std::string host(const Told& told) {
  return ask(told,
             [](OriginalRequest& original, const Question& question) { return original.host(question); });
}
std::string scheme(const Told& told) {
  return ask(told,
             [](OriginalRequest& original, const Question& question) { return original.scheme(question); });
}

bool is_contradiction(const std::string& text) {
  return text.starts_with("error: expected headers that agree, found ");
}

}  // namespace

TEST_SUITE("http.original_request") {
  TEST_CASE("headers tell it at /v1/check, as Traefik, nginx and ingress-nginx send them") {
    const Told traefik{.headers = {{"Host", "starling:8080"},
                                   {"X-Forwarded-Method", "POST"},
                                   {"X-Forwarded-Proto", "https"},
                                   {"X-Forwarded-Host", "Shop.example:8443"},
                                   {"X-Forwarded-Uri", "/login?next=/"}}};
    CHECK(method(traefik) == "POST");
    CHECK(path(traefik) == "/login");
    CHECK(host(traefik) == "shop.example");
    CHECK(scheme(traefik) == "https");
    const Told ingress{.headers = {{"Host", "starling"},
                                   {"X-Original-URL", "https://shop.example/login?next=/"},
                                   {"X-Original-Method", "PUT"}}};
    CHECK(method(ingress) == "PUT");
    CHECK(path(ingress) == "/login");
    CHECK(host(ingress) == "shop.example");
    CHECK(scheme(ingress) == "https");
    const Told nginx{.headers = {{"Host", "shop.example"}, {"X-Original-URI", "/%6Cogin?next=/"}}};
    CHECK(method(nginx) == "GET");
    CHECK(path(nginx) == "/login");
    CHECK(host(nginx) == "shop.example");
    CHECK(scheme(nginx) == "");
  }

  TEST_CASE("what nobody tells is not there, but a method and Host always are") {
    CHECK(method({.headers = {{"Host", "x"}}, .method = "DELETE"}) == "DELETE");
    CHECK(host({.headers = {{"Host", "x"}}}) == "x");
    CHECK(path({.headers = {{"Host", "x"}}}) == "");
    CHECK(scheme({.headers = {{"Host", "x"}}}) == "");
    CHECK(host({.headers = {}}) == "");  // HTTP/1.0
    const Told empty{.headers = {{"Host", "x"},
                                 {"X-Forwarded-Uri", ""},
                                 {"X-Forwarded-Method", ""},
                                 {"X-Forwarded-Host", " ,"},
                                 {"X-Forwarded-Proto", ""},
                                 {"X-Original-URL", ""}}};
    CHECK(path(empty) == "");
    CHECK(method(empty) == "GET");
    CHECK(host(empty) == "x");
    CHECK(scheme(empty) == "");
  }

  TEST_CASE("below /v1/check the question is the request, and headers a client can send say nothing") {
    const Told envoy{.headers = {{"Host", "Shop.example"},
                                 {"X-Forwarded-Uri", "/harmless"},
                                 {"X-Original-URI", "/other"},
                                 {"X-Original-URL", "ftp://evil/x"},
                                 {"X-Forwarded-Method", "HEAD"},
                                 {"X-Original-Method", "GET"},
                                 {"X-Forwarded-Host", "evil"}},
                     .below = "/login",
                     .method = "POST"};
    CHECK(path(envoy) == "/login");
    CHECK(method(envoy) == "POST");
    CHECK(host(envoy) == "shop.example");
    CHECK(scheme(envoy) == "");
    CHECK(path({.headers = {}, .below = "/"}) == "/");
    CHECK(path({.headers = {}, .below = "//login"}) == "/login");  // the prefix ended in a slash
    CHECK(path({.headers = {}, .below = "/a/%2e%2e/login"}) == "/login");
    CHECK(scheme({.headers = {{"X-Forwarded-Proto", "http, HTTPS"}}, .below = "/"}) == "https");
  }

  TEST_CASE("what the gateway sets and what a client adds beside it: two that disagree are refused") {
    CHECK(is_contradiction(
        path({.headers = {{"X-Forwarded-Uri", "/harmless"}, {"X-Original-URI", "/login"}}})));
    CHECK(
        is_contradiction(path({.headers = {{"X-Original-URI", "/login"}, {"X-Original-URI", "/harmless"}}})));
    CHECK(
        is_contradiction(path({.headers = {{"X-Original-URL", "http://x/login"}, {"X-Original-URI", "/"}}})));
    CHECK(is_contradiction(
        method({.headers = {{"X-Forwarded-Method", "HEAD"}, {"X-Original-Method", "POST"}}})));
    CHECK(is_contradiction(host({.headers = {{"X-Forwarded-Host", "a"}, {"X-Original-URL", "http://b/"}}})));
    CHECK(is_contradiction(
        host({.headers = {{"X-Original-URL", "http://a/"}, {"X-Original-URL", "http://b/"}}})));
    CHECK(is_contradiction(
        scheme({.headers = {{"X-Original-URL", "http://a/"}, {"X-Original-URL", "https://a/"}}})));
  }

  TEST_CASE("two that agree are no trouble, in whatever form") {
    CHECK(path({.headers = {{"X-Original-URL", "https://x/%6Cogin?a"},
                            {"X-Forwarded-Uri", "/login?a"},
                            {"X-Original-URI", "//login#b"}}}) == "/login");
    CHECK(method({.headers = {{"X-Original-Method", "POST"}, {"X-Forwarded-Method", "POST"}}}) == "POST");
    CHECK(host({.headers = {{"X-Forwarded-Host", "a:80"}, {"X-Original-URL", "http://A./"}}}) == "a");
  }

  TEST_CASE("lists: the nearest proxy's value, the last one") {
    CHECK(host({.headers = {{"Host", "x"}, {"X-Forwarded-Host", "evil, b"}, {"X-Forwarded-Host", "real"}}}) ==
          "real");
    CHECK(scheme({.headers = {{"X-Forwarded-Proto", "gopher"}, {"X-Forwarded-Proto", "ftp, HTTPS"}}}) ==
          "https");
  }

  TEST_CASE("a host has one form only") {
    for (const auto& [case_given, expected] :
         std::vector<std::pair<std::string_view, std::string>>{{"Example.COM", "example.com"},
                                                               {"example.com:443", "example.com"},
                                                               {"example.com.", "example.com"},
                                                               {"example.com.:443", "example.com"},
                                                               {"user:secret@example.com", "example.com"},
                                                               {"[FD00::1]:80", "[fd00::1]"},
                                                               {"[fd00::1]", "[fd00::1]"},
                                                               {"10.0.0.1:80", "10.0.0.1"},
                                                               {"[fd00::1", "[fd00::1"},
                                                               {":80", ""},
                                                               {".", ""}}) {
      const auto& given = case_given;
      CAPTURE(given);
      CHECK(host({.headers = {{"Host", given}}}) == expected);
    }
  }
}
