#include "cli/live_body.hpp"

#include <doctest/doctest.h>

#include <string>

#include "support.hpp"

namespace starling::cli {

TEST_SUITE("cli.live_body") {
  TEST_CASE("limits of one caller for an hour") {
    CHECK(limits_body({.rule = "each",
                       .match = {"principal=a=b"},
                       .limits = {"2000/10s", "5/1m"},
                       .expires = "1h",
                       .as = "me"}) ==
          Json::parse(R"({"kind":"limits","rule":"each","match":{"principal":"a=b"},"set_by":"me",
            "limits":[{"requests":2000,"per":"10s"},{"requests":5,"per":"1m"}],"expires":"1h"})"));
    CHECK(limits_body({.rule = "each", .unlimited = true}) ==
          Json::parse(R"({"kind":"limits","rule":"each","unlimited":true})"));
  }

  TEST_CASE("learning and callers") {
    CHECK(learning_body({.expires = "5m"}, true) ==
          Json::parse(R"({"kind":"learning","learning":true,"expires":"5m"})"));
    CHECK(learning_body({.rule = "r"}, false) ==
          Json::parse(R"({"kind":"learning","rule":"r","learning":false})"));
    CHECK(caller_body("ignoring", {.principal = "alice"}) ==
          Json::parse(R"({"kind":"ignoring","principal":"alice"})"));
    CHECK(subject_body("enforcing", {.rule = "r", .match = {"k="}, .expires = "1h"}) ==
          Json::parse(R"({"kind":"enforcing","rule":"r","match":{"k":""}})"));
  }

  TEST_CASE("what is no limit says what one looks like") {
    for (const std::string right : {"0/1s", "2000/10s", "1000000000000/366d", "1/60000ms"})
      CHECK(wrong_limit(right) == "");
    for (const std::string wrong : {"", "5", "/10s", "5/", "-1/1s", "1.5/1s", "5/0s", "5/500ms", "5/367d",
                                    "5 /1s", "5/10", "1000000000001/1s", "5/1s/2", "a\x1b/1s"}) {
      CAPTURE(wrong);
      CHECK(testing::contains(wrong_limit(wrong), "such as 2000/10s, found \""));
      CHECK_FALSE(testing::contains(wrong_limit(wrong), "\x1b"));
    }
  }

  TEST_CASE("what is no time to expire says what one looks like") {
    for (const std::string right : {"1s", "1h", "366d"}) CHECK(wrong_expires(right) == "");
    for (const std::string wrong : {"", "0s", "999ms", "367d", "1", "tomorrow", "-1h"})
      CHECK(testing::contains(wrong_expires(wrong), "expected a duration from 1s to 366d"));
  }
}

}  // namespace starling::cli
