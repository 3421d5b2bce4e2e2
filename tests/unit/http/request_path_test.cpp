#include "http/request_path.hpp"

#include <doctest/doctest.h>

#include <random>
#include <string>

using namespace starling::http;

namespace {

std::string path_of(std::string_view target) {
  std::string scratch = "left over";
  return std::string(normal_path(target, scratch));
}

}  // namespace

TEST_SUITE("http.request_path") {
  TEST_CASE("a usual path is a view of what came") {
    std::string scratch;
    for (const std::string_view target :
         {"/", "/login", "/a/b.c/d-e_f~g", "/a;b=c/d:e@f", "/a b", "/login/", "/a+b"}) {
      CAPTURE(target);
      CHECK(normal_path(target, scratch).data() == target.data());
      CHECK(normal_path(target, scratch) == target);
    }
    CHECK(scratch.capacity() == std::string().capacity());
  }

  TEST_CASE("query and fragment are not of the path, nor are scheme and host") {
    CHECK(path_of("/login?x=1") == "/login");
    CHECK(path_of("/login?") == "/login");
    CHECK(path_of("/login#top") == "/login");
    CHECK(path_of("/login?a=/../b#c") == "/login");
    CHECK(path_of("https://example.com/login?x=1") == "/login");
    CHECK(path_of("HTTPS://user@example.com:8443/login") == "/login");
    CHECK(path_of("https://example.com") == "/");
    CHECK(path_of("https://example.com?x=/y") == "/");
    CHECK(path_of("http://[::1]:80/login") == "/login");
    CHECK(path_of("") == "/");
    CHECK(path_of("?x") == "/");
    CHECK(path_of("*") == "/*");
    CHECK(path_of("login") == "/login");
    // No URL: the path has these in it.
    CHECK(path_of("/go/https://example.com/login") == "/go/https:/example.com/login");
    CHECK(path_of("://login") == "/:/login");
  }

  TEST_CASE("the login page has no second name") {
    for (const char* other : {"/%6Cogin",
                              "/%6cogin",
                              "/%6C%6F%67%69%6E",
                              "//login",
                              "///login",
                              "/./login",
                              "/a/../login",
                              "/a/b/../../login",
                              "/../login",
                              "/../../../login",
                              "/a/..//login",
                              "/%2e/login",
                              "/a/%2E%2e/login",
                              "/a%2F..%2Flogin",
                              "/%2Flogin",
                              "%2Flogin",
                              "login",
                              "./login",
                              "../login",
                              "/login?",
                              "/%6Cogin#x",
                              "https://h//a/%2e./login?q"}) {
      CAPTURE(other);
      CHECK(path_of(other) == "/login");
    }
  }

  TEST_CASE("what is another page for nginx's `location = /login` is another page here") {
    CHECK(path_of("/login/") == "/login/");
    CHECK(path_of("/login//") == "/login/");
    CHECK(path_of("/login/.") == "/login/");
    CHECK(path_of("/login/x/..") == "/login/");
    CHECK(path_of("/Login") == "/Login");
    CHECK(path_of("/login;x=1") == "/login;x=1");
    CHECK(path_of("/%256Cogin") == "/%6Cogin");
    CHECK(path_of("/login%20") == "/login ");
    CHECK(path_of("/login/../..;/x") == "/..;/x");
    CHECK(path_of("/.login") == "/.login");
    CHECK(path_of("/...") == "/...");
    CHECK(path_of("/a/..b") == "/a/..b");
    CHECK(path_of("/login%3Fx") == "/login?x");
  }

  TEST_CASE("a '%' without two hex digits stays as it is") {
    CHECK(path_of("/a%") == "/a%");
    CHECK(path_of("/a%4") == "/a%4");
    CHECK(path_of("/a%zz%6C") == "/a%zzl");
    CHECK(path_of("/%%6C") == "/%l");
    CHECK(path_of("/%4%6C") == "/%4l");
    CHECK(path_of("/%00") == std::string("/\0", 2));
    CHECK(path_of("/%FF\xFE") == "/\xFF\xFE");
  }

  TEST_CASE("whatever comes: it begins with a slash, is not longer, and has nothing left to resolve") {
    std::mt19937 dice(11);
    for (int round = 0; round < 20'000; ++round) {
      std::string target;
      for (std::size_t i = dice() % 24; i > 0; --i) target += "//..%%2eEfF6ab?#:"[dice() % 17];
      CAPTURE(target);
      const std::string path = path_of(target);
      REQUIRE(path.starts_with('/'));
      REQUIRE(path.size() <= target.size() + 1);
      REQUIRE(path.find("//") == std::string::npos);
      const std::string closed = path + "/";
      REQUIRE(closed.find("/./") == std::string::npos);
      REQUIRE(closed.find("/../") == std::string::npos);
    }
    const std::string deep(16'384, '/');
    CHECK(path_of(deep) == "/");
    std::string up;
    for (int i = 0; i < 5000; ++i) up += "/..";
    CHECK(path_of(up + "/login") == "/login");
  }

  TEST_CASE("scheme and authority of a whole URL") {
    CHECK(origin_of("https://example.com:1/x").scheme == "https");
    CHECK(origin_of("https://example.com:1/x").authority == "example.com:1");
    CHECK(origin_of("http://example.com").authority == "example.com");
    CHECK(origin_of("http://example.com?x").authority == "example.com");
    for (const char* other : {"", "/", "/http://x", "://x", "http:/x", "h t://x"}) {
      CHECK(origin_of(other).scheme.empty());
      CHECK(origin_of(other).authority.empty());
    }
  }
}
