#include "limit_told.hpp"

#include <doctest/doctest.h>

#include <protozero/pbf_writer.hpp>

using namespace starling::load;

namespace {

const std::string two_limits =
    "HTTP/1.1 429 Too Many Requests\r\nContent-Length: 400\r\n\r\n"
    R"({"allowed":false,"entries":{"principal":"a"},"node":"n","limits":[)"
    R"({"rule":"demo","source":"rule","hits":1,"unlimited":false,"limit":5,"window_s":5,"window_id":359066856,"used":5,)"
    R"("remaining":0,"reset_ms":1163,"allowed":false,"denial":"limit","enforced":true},)"
    R"({"rule":"demo","source":"rule","hits":1,"unlimited":false,"limit":100,"window_s":60,"window_id":29922238,"used":5,)"
    R"("remaining":95,"reset_ms":56163,"allowed":true,"denial":"none","enforced":true}]})";

std::string status(std::int32_t code, std::uint32_t requests, std::int64_t reset_s) {
  std::string limit, duration, status, response;
  protozero::pbf_writer(limit).add_uint32(1, requests);
  protozero::pbf_writer(duration).add_int64(1, reset_s);
  protozero::pbf_writer writer(status);
  writer.add_enum(1, code);
  writer.add_message(2, limit);
  writer.add_uint32(3, 0);
  writer.add_message(4, duration);
  protozero::pbf_writer outer(response);
  outer.add_enum(1, code);
  outer.add_message(2, status);
  return response;
}

}  // namespace

TEST_SUITE("load.limit_told") {
  TEST_CASE("HTTP: of several limits the one that was asked for, by name and window") {
    const auto five = limit_told_by_http(two_limits, {"demo", 5});
    REQUIRE(five);
    CHECK(five->limit == 5);
    CHECK(five->window == 359066856);
    CHECK_FALSE(five->allowed);
    const auto minute = limit_told_by_http(two_limits, {"demo", 60});
    REQUIRE(minute);
    CHECK(minute->limit == 100);
    CHECK(minute->allowed);
  }

  TEST_CASE("HTTP: none of another rule, another window, or in an answer without a body") {
    CHECK_FALSE(limit_told_by_http(two_limits, {"dem", 5}));
    CHECK_FALSE(limit_told_by_http(two_limits, {"demo", 6}));
    CHECK_FALSE(limit_told_by_http("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", {"demo", 5}));
    CHECK_FALSE(limit_told_by_http("", {"demo", 5}));
  }

  TEST_CASE("HTTP: a rule's name may look like the end of an object") {
    const auto told = limit_told_by_http(
        R"([{"rule":"a}b","source":"rule","limit":3,"window_s":1,"window_id":9,"allowed":true}])",
        {"a}b", 1});
    REQUIRE(told);
    CHECK(told->limit == 3);
  }

  TEST_CASE("gRPC: the status tells limit, verdict and, by its end, the window") {
    const auto told = limit_told_by_grpc(status(2, 1000, 3), 5, 1002.4);  // ends at 1005
    REQUIRE(told);
    CHECK(told->limit == 1000);
    CHECK_FALSE(told->allowed);
    CHECK(told->window == 200);
    CHECK(limit_told_by_grpc(status(1, 1000, 3), 5, 1002.4)->allowed);
  }

  TEST_CASE("gRPC: what is no message, or has no limit, tells nothing") {
    CHECK_FALSE(limit_told_by_grpc("", 5, 1000));
    CHECK_FALSE(limit_told_by_grpc("\x12\x7f garbage", 5, 1000));
    CHECK_FALSE(limit_told_by_grpc(status(1, 0, 3), 5, 1000));
  }

  TEST_CASE("the node's word about a window's end outweighs a clock that is slightly wrong") {
    CHECK(window_by_reset(5, 5, 1004.9) == 201);  // we think it is 1004.9, the node is in [1005, 1010)
    CHECK(window_by_reset(1, 5, 1005.1) == 200);  // the node still is in [1000, 1005)
    CHECK(window_by_reset(5, 5, 1000.0) == 200);
    CHECK(window_by_reset(1, 1, 1000.9) == 1000);
  }
}
