#include "http/check_api.hpp"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "support.hpp"

using namespace starling;
using namespace starling::http;
using namespace starling::http::testing;

namespace {

/// Decides as it was told, and keeps what it was asked.
struct FakeService final : CheckService {
  std::array<LimitStatus, 2> limits{LimitStatus{.rule = "per-\"user\"",
                                                .limit = 100,
                                                .window_s = 10,
                                                .window_id = 170,
                                                .used = 1,
                                                .remaining = 99,
                                                .reset_ms = 4'001},
                                    LimitStatus{.rule = "all",
                                                .rule_index = 1,
                                                .limit = 5,
                                                .window_s = 60,
                                                .window_id = 28,
                                                .used = 5,
                                                .remaining = 0,
                                                .reset_ms = 1,
                                                .counted = false}};
  bool allowed = true;
  bool matched = true;
  std::string domain, entries;
  std::uint64_t hits = 99;
  int asked_count = 0;

  Decision decide(const Request& request) override {
    ++asked_count;
    domain = request.domain;
    hits = request.hits;
    entries.clear();
    REQUIRE(request.descriptors.size() == 1);
    for (const Entry& entry : request.descriptors[0].entries)
      entries += std::string(entry.key) + "=" + std::string(entry.value) + ";";
    limits[1].allowed = allowed;
    if (!matched) return {.allowed = allowed, .limits = {}};
    return {.allowed = allowed, .limits = limits, .tightest = &limits[allowed ? 0 : 1]};
  }
  std::string_view node_name() const override { return "n1"; }
};

struct Api {
  FakeService service;
  CheckApi api{service};
  Fixture fixture{api, {}};

  Answer get(std::string_view target) { return send(testing::get(target)); }
  Answer send(std::string_view request) {
    const auto client = fixture.connect();
    const auto all = fixture.ask(*client, request);
    REQUIRE(all.size() == 1);
    return all[0];
  }
};

}  // namespace

TEST_SUITE("http.check_api") {
  TEST_CASE("an allowed request is 200 with the tightest limit and no body") {
    Api api;
    const Answer answer = api.get("/v1/check?user=alice&path=%2Flogin&domain=edge&hits=3");
    CHECK(answer.status == 200);
    CHECK(answer.has("X-RateLimit-Limit: 100"));
    CHECK(answer.has("X-RateLimit-Remaining: 99"));
    CHECK(answer.has("X-RateLimit-Reset: 5"));  // 4001 ms, rounded up
    CHECK(answer.head.find("Retry-After") == std::string::npos);
    CHECK(answer.body.empty());
    CHECK(api.service.domain == "edge");
    CHECK(api.service.hits == 3);
    CHECK(api.service.entries == "user=alice;path=/login;");
  }

  TEST_CASE("a denied request is 429 with Retry-After and a message") {
    Api api;
    api.service.allowed = false;
    const Answer answer = api.get("/v1/check?user=alice");
    CHECK(answer.status == 429);
    CHECK(answer.has("X-RateLimit-Limit: 5"));
    CHECK(answer.has("X-RateLimit-Remaining: 0"));
    CHECK(answer.has("X-RateLimit-Reset: 1"));
    CHECK(answer.has("Retry-After: 1"));
    CHECK(answer.has("Content-Type: application/json"));
    CHECK(nlohmann::json::parse(answer.body).at("message") ==
          "rate limit exceeded: 5 per 60 s; retry in 1 s");
    CHECK(api.service.domain.empty());
    CHECK(api.service.hits == 1);
  }

  TEST_CASE("deny_status=403 changes the status of a denial and of nothing else") {
    Api api;
    CHECK(api.get("/v1/check?user=a&deny_status=403").status == 200);
    api.service.allowed = false;
    const Answer answer = api.get("/v1/check?user=a&deny_status=403");
    CHECK(answer.status == 403);
    CHECK(answer.has("Retry-After: 1"));
    CHECK(api.service.entries == "user=a;");
  }

  TEST_CASE("hits=0 asks without a cost") {
    Api api;
    CHECK(api.get("/v1/check?user=a&hits=0").status == 200);
    CHECK(api.service.hits == 0);
  }

  TEST_CASE("explain lists every limit, allowed or not") {
    Api api;
    for (const bool allowed : {true, false}) {
      api.service.allowed = allowed;
      const Answer answer = api.get("/v1/check?user=a&explain=1");
      CHECK(answer.status == (allowed ? 200 : 429));
      CHECK(answer.has("Content-Type: application/json"));
      const auto expected = nlohmann::json::parse(R"({"allowed":true,"node":"n1","limits":[
        {"rule":"per-\"user\"","limit":100,"window_s":10,"window_id":170,"used":1,"remaining":99,"reset_ms":4001,
         "allowed":true,"denial":"none","enforced":true,"counted":true},
        {"rule":"all","limit":5,"window_s":60,"window_id":28,"used":5,"remaining":0,"reset_ms":1,
         "allowed":true,"denial":"none","enforced":true,"counted":false}]})");
      auto body = nlohmann::json::parse(answer.body);
      CHECK(body.at("allowed") == allowed);
      CHECK(body.at("limits")[1].at("allowed") == allowed);
      body["allowed"] = body["limits"][1]["allowed"] = true;
      CHECK(body == expected);
    }
  }

  TEST_CASE("without a matching rule there is no limit to tell of") {
    Api api;
    api.service.matched = false;
    const Answer answer = api.get("/v1/check?user=a");
    CHECK(answer.status == 200);
    CHECK(answer.head.find("X-RateLimit") == std::string::npos);
    CHECK(nlohmann::json::parse(api.get("/v1/check?user=a&explain=1").body).at("limits").empty());
    api.service.allowed = false;  // an isolated node may deny without a limit
    CHECK(api.get("/v1/check?user=a").has("Retry-After: 1"));
  }

  TEST_CASE("any method and any path below /v1/check ask the same") {
    Api api;
    for (const std::string_view method : {"GET", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "PURGE"}) {
      const Answer answer =
          api.send(std::string(method) +
                   " /v1/check/any/path?user=a HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n");
      CHECK(answer.status == 200);
    }
    CHECK(api.service.asked_count == 7);
    CHECK(api.send("POST /v1/check?user=a HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n").status == 200);
  }

  TEST_CASE("HEAD asks as well and gets no body") {
    Api api;
    api.service.allowed = false;
    const auto client = api.fixture.connect();
    const auto all = api.fixture.ask(*client, "HEAD /v1/check?user=a HTTP/1.1\r\nHost: x\r\n\r\n", 1, false);
    REQUIRE(all.size() == 1);
    CHECK(all[0].status == 429);
    CHECK(client->received().ends_with("\r\n\r\n"));
  }

  TEST_CASE("other paths are 404 with a message, and nothing is decided") {
    Api api;
    for (const std::string_view path :
         {"/", "/v1", "/v1/checks", "/v1/check%2F", "/V1/check", "//v1/check", "/livez", "/v1/%22?user=a"}) {
      CAPTURE(path);
      const Answer answer = api.get(path);
      CHECK(answer.status == 404);
      CHECK(nlohmann::json::parse(answer.body).at("message").get<std::string>().starts_with("nothing at '/"));
    }
    CHECK(api.service.asked_count == 0);
  }

  TEST_CASE("a bad query is 400 with the reason, nothing is decided, and the connection stays") {
    Api api;
    const auto client = api.fixture.connect();
    for (const std::string_view query : {"hits=x", "hits=4294967296", "deny_status=500", "explain=2", "a=%4",
                                         "a=1&a=2", "=x", "hits=%22%5C"}) {
      CAPTURE(query);
      const auto all = api.fixture.ask(*client, testing::get("/v1/check?" + std::string(query)));
      REQUIRE(all.size() == 1);
      CHECK(all[0].status == 400);
      CHECK(nlohmann::json::parse(all[0].body).at("message").get<std::string>().find("expected") !=
            std::string::npos);
      CHECK(!all[0].has("Connection: close"));
    }
    CHECK(api.service.asked_count == 0);
  }
}
