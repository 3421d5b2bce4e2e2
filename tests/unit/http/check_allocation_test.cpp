/// A usual check allocates nothing, however many attributes it gathers.
#include <doctest/doctest.h>

#include <array>
#include <string>
#include <vector>

#include "counting_new.hpp"
#include "http/check_api.hpp"

namespace starling::http {
namespace {

struct Decider final : CheckService {
  LimitStatus limit{.rule = "each", .limit = 5, .window_s = 60, .remaining = 1, .reset_ms = 7};
  std::size_t entries_count = 0;

  Decision decide(const Request& request) override {
    entries_count = request.descriptors[0].entries.size();
    return {.allowed = limit.allowed, .limits = {&limit, 1}, .tightest = &limit};
  }
  WallTime decided_at() const override { return {}; }
  bool ready() const override { return true; }
  std::string_view node_name() const override { return "n1"; }
};

/// How many allocations a hundred checks make after a first one of the same kind.
std::size_t allocations_of(CheckApi& api, const RequestView& request) {
  Response response;
  api.on_request(request, response);
  const std::size_t before = allocations_count;
  for (int i = 0; i < 100; ++i) {
    response.clear();
    api.on_request(request, response);
  }
  return allocations_count - before;
}

TEST_SUITE("http.check_api allocation") {
  TEST_CASE("a check with attributes of every kind allocates nothing, and the count can see allocations") {
    const std::size_t before_any = allocations_count;
    CHECK(std::vector<int>(100).size() == 100);
    CHECK(allocations_count > before_any);

    Decider decider;
    const auto map =
        AttributeMap::parse("principal=X-User|X-Api-Key,client_ip,method,host,path,scheme,again=@path")
            .value();
    CheckApi api(decider, header_families_default, {map, 2});
    const std::array<Header, 7> headers{
        Header{"Host", "A-Host-Name-That-Is-Longer-Than-A-Small-String.example:8443"},
        Header{"X-Api-Key", "a key that is longer than a small string"},
        Header{"X-Forwarded-For", "6.6.6.6, 2001:0db8:1111:2222:3333:4444:5555:6666"},
        Header{"X-Forwarded-For", "[2001:db8::1]:443"},
        Header{"X-Original-URI", "/a/path/that/is/longer/than/a/small/string/%2e%2e//x?query"},
        Header{"X-Original-Method", "PROPFIND"},
        Header{"X-Forwarded-Proto", "HTTPS"}};
    const RequestView by_headers{.method = "GET",
                                 .path = "/v1/check",
                                 .query = "tier=a+tier+that+is+longer+than+a+small+string",
                                 .headers = headers};
    const RequestView below{.method = "GET",
                            .path = "/v1/check/a/../%6Cogin/that/is/longer/than/a/small/string",
                            .headers = headers};
    for (const bool allowed : {true, false}) {
      decider.limit.allowed = allowed;
      CHECK(allocations_of(api, by_headers) == 0);
      CHECK(decider.entries_count == 8);
      CHECK(allocations_of(api, below) == 0);
      CHECK(decider.entries_count == 7);
    }
  }
}

}  // namespace
}  // namespace starling::http
