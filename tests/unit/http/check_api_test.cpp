#include "http/check_api.hpp"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <stdexcept>
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
  bool learned = false;
  bool broken = false;
  std::string failure;
  bool matched = true;
  std::string domain, entries;
  std::uint64_t hits = 99;
  WallTime wall{};
  int asked_count = 0;

  Decision decide(const Request& request) override {
    ++asked_count;
    domain = request.domain;
    hits = request.hits;
    entries.clear();
    REQUIRE(request.descriptors.size() == 1);
    for (const Entry& entry : request.descriptors[0].entries)
      entries += std::string(entry.key) + "=" + std::string(entry.value) + ";";
    if (broken) throw std::runtime_error("a bug");
    limits[1].allowed = allowed && !learned;
    limits[1].enforced = !learned;
    if (!matched) return {.allowed = allowed, .limits = {}};
    return {.allowed = allowed, .limits = limits, .tightest = &limits[allowed ? 0 : 1], .learned = learned};
  }
  WallTime decided_at() const override { return wall; }
  bool ready() const override { return true; }
  std::string_view node_name() const override { return "n1"; }
  void on_failure(std::string_view what) override { failure = what; }
};

struct Api {
  explicit Api(HeaderFamilies families = header_families_default, std::string_view attributes = "none",
               std::uint8_t trusted_hops = 0)
      : api(service, families, {AttributeMap::parse(attributes).value(), trusted_hops}) {}

  FakeService service;
  CheckApi api;
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
    CHECK(answer.has(R"(RateLimit-Policy: "per-\"user\"";q=100;w=10, "all";q=5;w=60)"));
    CHECK(answer.has(R"(RateLimit: "per-\"user\"";r=99;t=5, "all";r=0;t=1)"));
    CHECK(answer.head.find("Starling-Learning") == std::string::npos);
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
    CHECK(nlohmann::json::parse(answer.body).contains("message"));
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
      const auto body = nlohmann::json::parse(answer.body);
      CHECK(body.at("allowed") == allowed);
      CHECK(body.at("failed") == false);
      CHECK(body.at("domain") == "");
      CHECK(body.at("node") == "n1");
      REQUIRE(body.at("limits").size() == 2);
      CHECK(body.at("limits")[0].at("rule") == "per-\"user\"");
      CHECK(body.at("limits")[1].at("allowed") == allowed);
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

  TEST_CASE(
      "Retry-After is on every denial, whatever the families, and waits for the last limit that denies") {
    for (const char* families : {"none", "ietf", "x-ratelimit", "kong,spinnaker", "ietf,x-ratelimit,kong"})
      for (const char* target :
           {"/v1/check?user=a", "/v1/check?user=a&deny_status=403", "/v1/check?user=a&explain=1"}) {
        CAPTURE(families);
        CAPTURE(target);
        Api api(HeaderFamilies::parse(families).value());
        CHECK(api.get(target).head.find("Retry-After") == std::string::npos);
        api.service.allowed = false;
        CHECK(api.get(target).has("Retry-After: 1"));
        api.service.limits[0].allowed = false;  // denies as well, for 4001 ms
        CHECK(api.get(target).has("Retry-After: 5"));
        api.service.limits[0].enforced = false;
        CHECK(api.get(target).has("Retry-After: 1"));
      }
  }

  TEST_CASE("families: none of the others' headers are sent") {
    Api none{HeaderFamilies()};
    CHECK(none.get("/v1/check?user=a").head.find("RateLimit") == std::string::npos);
    Api spinnaker(HeaderFamilies().with(HeaderFamily::spinnaker));
    spinnaker.service.wall = WallTime(std::chrono::milliseconds(784'111'772'500));
    const Answer answer = spinnaker.get("/v1/check?user=a");
    CHECK(answer.has("X-RateLimit-Capacity: 100"));
    CHECK(answer.has("X-RateLimit-Reset: Sun, 06 Nov 1994 08:49:37 GMT"));
    CHECK(answer.head.find("X-RateLimit-Limit") == std::string::npos);
    CHECK(answer.head.find("\r\nRateLimit") == std::string::npos);
    spinnaker.service.allowed = false;
    CHECK(nlohmann::json::parse(spinnaker.get("/v1/check?user=a").body).at("message") ==
          "Rate capacity exceeded");
  }

  TEST_CASE("a request that passed only because a limit learns says so, whatever the families") {
    for (const char* families : {"none", "ietf,x-ratelimit", "spinnaker"}) {
      Api api(HeaderFamilies::parse(families).value());
      CHECK(api.get("/v1/check?user=a").head.find("Starling-Learning") == std::string::npos);
      api.service.learned = true;
      const Answer answer = api.get("/v1/check?user=a&explain=1");
      CHECK(answer.status == 200);
      CHECK(answer.has("Starling-Learning: true"));
      CHECK(nlohmann::json::parse(answer.body).at("learned") == true);
      CHECK(answer.has("X-RateLimit-Learning: true") == (std::string_view(families) == "spinnaker"));
    }
  }

  TEST_CASE("Accept chooses the form of a denial, and names in it are those of the headers") {
    Api api{HeaderFamilies()};
    api.service.allowed = false;
    const auto ask = [&](const std::string& query, const std::string& accept) {
      return api.send("GET /v1/check?user=a" + query + " HTTP/1.1\r\nHost: x\r\nAccept: " + accept +
                      "\r\n\r\n");
    };
    const Answer problem = ask("", "application/problem+json");
    CHECK(problem.status == 429);
    CHECK(problem.has("Content-Type: application/problem+json"));
    CHECK(nlohmann::json::parse(problem.body).at("status") == 429);
    CHECK(nlohmann::json::parse(problem.body).at("violated-policies") == nlohmann::json{"all"});
    CHECK(nlohmann::json::parse(ask("&deny_status=403", "application/problem+json").body).at("status") ==
          403);
    CHECK(ask("", "text/plain").body == "rate limit exceeded: 5 per 60 s; retry in 1 s\n");
    CHECK(ask("", "*/*").has("Content-Type: application/json"));
    CHECK(ask("", "oops").has("Content-Type: application/json"));
    // An explanation is asked for by name, and is JSON.
    CHECK(nlohmann::json::parse(ask("&explain=1", "text/plain").body).contains("limits"));
    api.service.allowed = true;
    CHECK(ask("", "text/plain").body.empty());
  }

  TEST_CASE("if deciding fails the request passes as learned, and it is counted and told") {
    Api api;
    api.service.broken = true;
    const Answer answer = api.get("/v1/check?user=a&deny_status=403");
    CHECK(answer.status == 200);
    CHECK(answer.has("Starling-Learning: true"));
    CHECK(answer.head.find("RateLimit") == std::string::npos);
    CHECK(!answer.has("Connection: close"));
    CHECK(api.api.failures() == 1);
    CHECK(api.service.failure == "a bug");
    const auto explained = nlohmann::json::parse(api.get("/v1/check?user=a&explain=1").body);
    CHECK(explained.at("allowed") == true);
    CHECK(explained.at("learned") == true);
    CHECK(explained.at("failed") == true);
    api.service.broken = false;
    CHECK(api.get("/v1/check?user=a").has("X-RateLimit-Limit: 100"));
    CHECK(api.api.failures() == 2);
  }

  TEST_CASE("any method asks, also with a body that nobody reads: then the connection closes") {
    Api api;
    for (const std::string_view method :
         {"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "PURGE"}) {
      CAPTURE(method);
      for (const std::string_view path : {"/v1/check", "/v1/check/any/path"}) {
        const std::string line =
            std::string(method) + " " + std::string(path) + "?user=a HTTP/1.1\r\nHost: x\r\n";
        const Answer owes_nothing = api.send(line + "Content-Length: 0\r\n\r\n");
        CHECK(owes_nothing.status == 200);
        CHECK(!owes_nothing.has("Connection: close"));
        for (const std::string_view owed :
             {"Content-Length: 500000\r\n\r\n", "Content-Length: 5\r\n\r\nhel",
              "Content-Length: 5\r\nExpect: 100-continue\r\n\r\n", "Transfer-Encoding: chunked\r\n\r\n",
              "Transfer-Encoding: chunked\r\n\r\n5\r\nhe"}) {
          CAPTURE(owed);
          const auto client = api.fixture.connect();
          const auto all = api.fixture.ask(*client, line + std::string(owed));
          REQUIRE(all.size() == 1);  // and no 100 before it
          CHECK(all[0].status == 200);
          CHECK(all[0].has("Connection: close"));
          CHECK(api.fixture.wait(*client, [&] { return client->ended(); }));
          CHECK(!client->reset());
        }
      }
    }
  }

  TEST_CASE("below /v1/check no parameter is read: path and query are the client's") {
    Api api(header_families_default, "path,method");
    api.service.allowed = false;
    for (const std::string_view query :
         {"?hits=0", "?domain=other", "?principal=other", "?deny_status=403", "?explain=1", "?path=/harmless",
          "?hits=x", "?deny_status=500", "?a=%4", "?=x", "?a=1&a=2", "?", ""}) {
      CAPTURE(query);
      api.service.hits = 99;
      const Answer answer = api.get("/v1/check/login" + std::string(query));
      CHECK(answer.status == 429);
      CHECK(nlohmann::json::parse(answer.body).contains("message"));
      CHECK(api.service.hits == 1);
      CHECK(api.service.domain.empty());
      CHECK(api.service.entries == "path=/login;method=GET;");
    }
    api.get("/v1/check/?hits=0");
    CHECK(api.service.hits == 1);
    CHECK(api.service.entries == "path=/;method=GET;");
    api.get("/v1/check//login?hits=0");
    CHECK(api.service.entries == "path=/login;method=GET;");
    api.get("http://x/v1/check/a/%2e%2e/login?hits=0");
    CHECK(api.service.entries == "path=/login;method=GET;");
    // Without a map there is nothing to match a rule by.
    Api plain;
    plain.get("/v1/check/login?user=a");
    CHECK(plain.service.asked_count == 1);
    CHECK(plain.service.entries.empty());
  }

  TEST_CASE("attributes of the request stand behind those of the query, and the query wins") {
    Api api(header_families_default, "principal=X-Api-Key,client_ip,path", 1);
    const std::string headers =
        " HTTP/1.1\r\nHost: x\r\nX-Api-Key: k1\r\nX-Forwarded-For: 6.6.6.6, 10.0.0.1\r\nX-Original-URI: "
        "/a?b\r\n\r\n";
    CHECK(api.send("GET /v1/check?tier=gold" + headers).status == 200);
    CHECK(api.service.entries == "tier=gold;principal=k1;client_ip=10.0.0.1;path=/a;");
    CHECK(api.send("GET /v1/check?principal=alice&client_ip=" + headers).status == 200);
    CHECK(api.service.entries == "principal=alice;client_ip=;path=/a;");
    CHECK(api.get("/v1/check").status == 200);
    CHECK(api.service.entries == "client_ip=127.0.0.1;");
    const auto explained = nlohmann::json::parse(api.send("GET /v1/check?explain=1&tier=%22" + headers).body);
    CHECK(explained.at("entries") ==
          nlohmann::json::parse(R"({"tier":"\"","principal":"k1","client_ip":"10.0.0.1",
                                                               "path":"/a"})"));
  }

  TEST_CASE("people who ask by hand are asked for no attributes: what they say is all there is") {
    Api api(header_families_default, "principal=X-Api-Key,client_ip,path");
    const std::array<Header, 2> headers{Header{"X-Api-Key", "a"}, Header{"X-Api-Key", "b"}};
    Response response;
    api.api.on_question_by_hand(
        RequestView{.method = "GET", .path = "/v1/check", .query = "user=a", .headers = headers}, response);
    CHECK(response.status() == 200);
    CHECK(api.service.entries == "user=a;");
    response.clear();
    api.api.on_question_by_hand(
        RequestView{.method = "GET", .path = "/v1/check/login", .query = "user=a", .headers = headers},
        response);
    CHECK(response.status() == 200);
    CHECK(api.service.entries.empty());
  }

  TEST_CASE(
      "what would have to be guessed is refused, in the status that the gateway asked denials to have") {
    Api api(header_families_default, "principal=X-Api-Key,path");
    const std::string twice = " HTTP/1.1\r\nHost: x\r\nX-Api-Key: a\r\nX-Api-Key: b\r\n\r\n";
    for (const auto& [case_target, status] : {std::pair<std::string, int>{"/v1/check", 400},
                                              {"/v1/check/login", 400},
                                              {"/v1/check?deny_status=429", 400},
                                              {"/v1/check?deny_status=403", 403}}) {
      const auto& target = case_target;
      CAPTURE(target);
      const Answer answer = api.send("GET " + target + twice);
      CHECK(answer.status == status);
      CHECK(nlohmann::json::parse(answer.body)
                .at("message")
                .get<std::string>()
                .starts_with("expected headers that agree, found X-Api-Key: \"a\" and X-Api-Key: \"b\""));
      CHECK(!answer.has("Connection: close"));
    }
    CHECK(api.service.asked_count == 0);
    CHECK(api.send("GET /v1/check?principal=alice" + twice).status == 200);
  }

  TEST_CASE("headers that two readers could read in two ways are 400, and the connection ends") {
    Api api(header_families_default, "principal=X-Api-Key");
    for (const std::string_view lines :
         {"X-Api-Key: a\r\n b\r\n", "X-Api-Key: a\r\n\tb\r\n", "X-Api-Key: a\rX-Api-Key: b\r\n",
          "X-Api-Key: a\nX-Api-Key: b\r\n", "X-Api-Key: a\r\n\r: b\r\n", "X-Api-Key : a\r\n", "X-Api-Key\r\n",
          ": a\r\n", "X-Api-Key: a\x01\r\n", "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n",
          "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n", "Content-Length: 3\r\nContent-Length: 4\r\n",
          "Host: y\r\n"}) {
      CAPTURE(lines);
      const auto all =
          api.fixture.ask_once("GET /v1/check HTTP/1.1\r\nHost: x\r\n" + std::string(lines) + "\r\n");
      REQUIRE(all.size() == 1);
      CHECK(all[0].status == 400);
      CHECK(all[0].has("Connection: close"));
    }
    CHECK(api.service.asked_count == 0);
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
