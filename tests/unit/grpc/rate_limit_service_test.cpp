/// Which code a call ends with, and that only good calls are decided.
#include "grpc/rate_limit_service.hpp"

#include <doctest/doctest.h>
#include <stdexcept>
#include <string>

#include "wire_bytes.hpp"

using namespace starling;
using namespace starling::testing;

namespace {

struct FakeService final : CheckService {
  int asked_count = 0;
  bool allowed = true;
  int broken = 0;  ///< 1: throws an exception, 2: throws something else
  std::string failure;
  LimitStatus limit{
      .rule = "each", .descriptors = 1, .limit = 5, .window_s = 60, .remaining = 4, .reset_ms = 500};

  Decision decide(const Request& request) override {
    ++asked_count;
    CHECK(request.domain == "test");
    if (broken == 1) throw std::runtime_error("a bug");
    if (broken == 2) throw 2;
    limit.allowed = allowed;
    return {.allowed = allowed, .limits = std::span(&limit, 1), .tightest = &limit};
  }
  WallTime decided_at() const override { return {}; }
  bool ready() const override { return true; }
  std::string_view node_name() const override { return "n1"; }
  void on_failure(std::string_view what) override { failure = what; }
};

struct Outcome {
  grpc::Code code;
  std::string message;
  std::string reply;
};

struct Method {
  FakeService service;
  grpc::RateLimitService method{service, HeaderFamilies()};

  Outcome call(std::string_view request) {
    std::string reply;
    const grpc::CallStatus status = method.call(request, reply);
    return {status.code, std::string(status.message), reply};
  }
};

TEST_SUITE("grpc.rate_limit_service") {
  TEST_CASE("its name is the one that Envoy calls") {
    CHECK(Method().method.path() == "/envoy.service.ratelimit.v3.RateLimitService/ShouldRateLimit");
  }

  TEST_CASE("a decision is the reply, either way") {
    Method method;
    const std::string limit = bytes(2, number(1, 5) + number(2, 2) + bytes(3, "each"));
    const Outcome allowed = method.call(plain_request());
    CHECK(allowed.code == grpc::Code::ok);
    CHECK(allowed.message.empty());
    CHECK(allowed.reply ==
          number(1, 1) + bytes(2, number(1, 1) + limit + number(3, 4) + bytes(4, number(1, 1))));
    method.service.allowed = false;
    const Outcome denied = method.call(plain_request());
    CHECK(denied.code == grpc::Code::ok);
    CHECK(denied.reply.starts_with(number(1, 2) + bytes(2, number(1, 2) + limit + number(3, 4) +  //
                                                               bytes(4, number(1, 1)))));
    CHECK(denied.reply.ends_with(bytes(3, bytes(1, "retry-after") + bytes(2, "1"))));
  }

  TEST_CASE("what asks nothing is invalid and is not decided") {
    Method method;
    const std::string huge = plain_request(bytes(9, std::string(rls_message_bytes_max, 'x')));
    for (const std::string& request : {std::string(), bytes(1, "test"), std::string("\x0a"), huge}) {
      const Outcome outcome = method.call(request);
      CHECK(outcome.code == grpc::Code::invalid_argument);
      CHECK(outcome.message.find("expected") != std::string::npos);
      CHECK(outcome.reply.empty());
    }
    CHECK(method.service.asked_count == 0);
    CHECK(method.call(plain_request()).code == grpc::Code::ok);  // nothing is left of them
  }

  TEST_CASE("if deciding fails, the gateway is told so and the node is, too") {
    Method method;
    for (const int broken : {1, 2}) {
      method.service.broken = broken;
      const Outcome outcome = method.call(plain_request());
      CHECK(outcome.code == grpc::Code::unavailable);
      CHECK(outcome.message == "the request could not be decided; the node's log says why");
      CHECK(outcome.reply.empty());
      CHECK(method.service.failure == (broken == 1 ? "a bug" : "unknown exception"));
    }
    CHECK(method.method.failures() == 2);
    method.service.broken = 0;
    CHECK(method.call(plain_request()).code == grpc::Code::ok);
  }
}

}  // namespace
