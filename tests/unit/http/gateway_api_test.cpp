/// What gateways find at the check port, over a real connection: who answers, with which status and headers.
#include "http/gateway_api.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>

#include "support.hpp"

using namespace starling;
using namespace starling::http;
using namespace starling::http::testing;

namespace {

struct FakeService final : CheckService {
  bool allowed = true;
  bool broken = false;
  bool is_ready = true;
  int asked_count = 0;
  std::string failure;
  LimitStatus limit{
      .rule = "each", .descriptors = 1, .limit = 5, .window_s = 60, .remaining = 4, .reset_ms = 2'500};

  Decision decide(const Request& request) override {
    ++asked_count;
    REQUIRE(request.descriptors.size() == 1);
    if (broken) throw std::runtime_error("a bug");
    limit.allowed = allowed;
    return {.allowed = allowed, .limits = std::span(&limit, 1), .tightest = &limit};
  }
  WallTime decided_at() const override { return {}; }
  bool ready() const override { return is_ready; }
  std::string_view node_name() const override { return "n1"; }
  void on_failure(std::string_view what) override { failure = what; }
};

constexpr std::string_view good = R"({"domain":"d","descriptors":[{"entries":[{"key":"k","value":"v"}]}]})";

struct Gateway {
  FakeService service;
  CheckApi check{service};
  RlsApi rls{service, HeaderFamilies()};
  GatewayApi api{service, check, rls};
  Fixture fixture{api, {}};

  Answer send(std::string_view request) {
    const auto client = fixture.connect();
    const auto all = fixture.ask(*client, request);
    REQUIRE(all.size() == 1);
    return all[0];
  }
  Answer post(std::string_view body) {
    return send(
        "POST /json HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\n"
        "Content-Length: " +
        std::to_string(body.size()) + "\r\n\r\n" + std::string(body));
  }
};

std::string message_of(const Answer& answer) {
  CHECK(answer.has("Content-Type: application/json"));
  return nlohmann::json::parse(answer.body).at("message");
}

TEST_SUITE("http.gateway_api") {
  TEST_CASE("POST /json passes with 200 and denies with 429, and the message says the same") {
    Gateway gateway;
    const Answer allowed = gateway.post(good);
    CHECK(allowed.status == 200);
    CHECK(allowed.has("Content-Type: application/json"));
    CHECK(allowed.head.find("Retry-After") == std::string::npos);
    CHECK(
        allowed.body ==
        R"({"overallCode":"OK","statuses":[{"code":"OK","currentLimit":{"requestsPerUnit":5,"unit":"MINUTE",)"
        R"("name":"each"},"limitRemaining":4,"durationUntilReset":"3s"}]})");
    gateway.service.allowed = false;
    const Answer denied = gateway.post(good);
    CHECK(denied.status == 429);
    CHECK(denied.has("Content-Type: application/json"));
    CHECK(denied.has("Retry-After: 3"));
    CHECK(denied.body.starts_with(R"({"overallCode":"OVER_LIMIT","statuses":[{"code":"OVER_LIMIT",)"));
    CHECK(denied.body.ends_with(R"("responseHeadersToAdd":[{"key":"retry-after","value":"3"}]})"));
  }

  TEST_CASE("what asks nothing is 400 with its reason, and is not decided") {
    Gateway gateway;
    CHECK(message_of(gateway.post("")) == "the body: expected an object, found no body");
    CHECK(message_of(gateway.post("{}")) == "domain: expected the name of a domain, found none");
    const Answer answer = gateway.post(R"({"domain":"d"})");
    CHECK(answer.status == 400);
    CHECK(message_of(answer) == "descriptors: expected at least one, found none");
    CHECK(gateway.service.asked_count == 0);
    CHECK(gateway.post(good).status == 200);
  }

  TEST_CASE("chunks are a body, too, and a body has its bound") {
    Gateway gateway;
    const std::string head = "POST /json HTTP/1.1\r\nHost: x\r\n";
    const std::string chunk = fmt::format("{:x}\r\n{}\r\n0\r\n\r\n", good.size(), good);
    CHECK(gateway.send(head + "Transfer-Encoding: chunked\r\n\r\n" + chunk).status == 200);
    std::string largest = R"({"domain":"d","descriptors":[{"entries":[{"key":")";
    largest += std::string(rls_message_bytes_max - largest.size() - 6, 'x') + R"("}]}]})";
    largest.resize(rls_message_bytes_max, ' ');
    CHECK(gateway.post(largest).status == 200);
    CHECK(gateway.send(head + "Content-Length: 65537\r\n\r\n").status == 413);
  }

  TEST_CASE("if deciding fails it is 500 here, while a check passes") {
    Gateway gateway;
    gateway.service.broken = true;
    const Answer answer = gateway.post(good);
    CHECK(answer.status == 500);
    CHECK(message_of(answer) == "the request could not be decided; the node's log says why");
    CHECK(gateway.service.failure == "a bug");
    CHECK(gateway.rls.failures() == 1);
    CHECK(gateway.send(get("/v1/check?k=v")).status == 200);
  }

  TEST_CASE("each path has its methods") {
    Gateway gateway;
    for (const std::string_view method : {"GET", "PUT", "DELETE"}) {
      const Answer answer = gateway.send(std::string(method) + " /json HTTP/1.1\r\nHost: x\r\n\r\n");
      CHECK(answer.status == 405);
      CHECK(answer.has("Allow: POST"));
    }
    const Answer posted =
        gateway.send("POST /healthcheck HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nhi");
    CHECK(posted.status == 405);
    CHECK(posted.has("Allow: GET, HEAD"));
    CHECK(gateway.service.asked_count == 0);
    for (const std::string_view method : {"GET", "POST", "PUT"})
      CHECK(gateway.send(std::string(method) + " /v1/check/any?k=v HTTP/1.1\r\nHost: x\r\n\r\n").status ==
            200);
  }

  TEST_CASE("the health check is OK while gateways should ask") {
    Gateway gateway;
    const Answer ready = gateway.send(get("/healthcheck"));
    CHECK(ready.status == 200);
    CHECK(ready.body == "OK");
    gateway.service.is_ready = false;
    const Answer waiting = gateway.send(get("/healthcheck"));
    CHECK(waiting.status == 500);
    CHECK(waiting.body.starts_with("not ready: "));
    const auto client = gateway.fixture.connect();
    const auto head = gateway.fixture.ask(*client, "HEAD /healthcheck HTTP/1.1\r\nHost: x\r\n\r\n", 1, false);
    REQUIRE(head.size() == 1);
    CHECK(head[0].status == 500);
  }

  TEST_CASE("any other path is told what there is") {
    Gateway gateway;
    for (const std::string_view path : {"/", "/jso", "/json/", "/healthcheck/x", "/v1/checks", "/readyz"}) {
      const Answer answer = gateway.send(get(path));
      CHECK(answer.status == 404);
      CHECK(message_of(answer) ==
            "expected /v1/check, /json or /healthcheck, found \"" + std::string(path) + "\"");
    }
  }
}

}  // namespace
