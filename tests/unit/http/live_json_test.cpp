#include "http/live_json.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

namespace starling::http {
namespace {

using Kind = LiveOverride::Kind;

std::string fault(std::string_view body) {
  const auto change = parse_live_change(body);
  return change ? "none" : change.error();
}

bool contains(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_SUITE("http.live_json") {
  TEST_CASE("limits of one principal, for an hour") {
    const auto change =
        parse_live_change(R"({"kind":"limits","rule":"r","match":{"principal":"alice","area":"eu-*"},
        "limits":[{"requests":2000,"per":"10s"},{"requests":0,"per":"1d"}],"expires":"1h","set_by":"bob@desk"})");
    REQUIRE(change.has_value());
    CHECK(change->what.kind == Kind::limits);
    CHECK(change->what.rule == "r");
    const std::vector<Matcher> match{{.key = "area", .kind = Matcher::Kind::prefix, .text = "eu-"},
                                     {.key = "principal", .kind = Matcher::Kind::equal, .text = "alice"}};
    CHECK(change->what.match == match);
    const std::vector<Limit> limits{{.requests = 2000, .window_s = 10}, {.requests = 0, .window_s = 86'400}};
    CHECK(change->what.limits == limits);
    CHECK(change->expires_in == std::chrono::hours(1));
    CHECK(change->set_by == "bob@desk");
  }

  TEST_CASE("every kind can be set") {
    CHECK(parse_live_change(R"({"kind":"limits","rule":"r","unlimited":true})")->what.unlimited);
    CHECK(parse_live_change(R"({"kind":"learning","learning":true})")->what.learning);
    CHECK_FALSE(parse_live_change(R"({"kind":"learning","rule":"r","learning":false})")->what.learning);
    CHECK(parse_live_change(R"({"kind":"enforcing","principal":"alice"})")->what.principal == "alice");
    const auto ignoring = parse_live_change(R"({"kind":"ignoring","rule":"r","match":{"tier":"*"}})");
    CHECK(ignoring->what.kind == Kind::ignoring);
    CHECK(ignoring->what.match.at(0).kind == Matcher::Kind::any);
  }

  TEST_CASE("an empty member is as good as none, so an entry of the list can be sent back") {
    const auto change = parse_live_change(
        R"({"kind":"limits","rule":"r","match":{},"principal":"","limits":[{"requests":1,"per":"1s"}],
            "unlimited":false,"learning":false,"set_by":""})");
    REQUIRE(change.has_value());
    CHECK(change->what.match.empty());
    CHECK(parse_live_change(
              R"({"kind":"enforcing","rule":"","match":{},"principal":"p","limits":[],"learning":false})")
              .has_value());
  }

  TEST_CASE("a subject needs no value, and the value does not matter") {
    CHECK(parse_live_subject(R"({"kind":"limits","rule":"r"})").has_value());
    CHECK(parse_live_subject(R"({"kind":"learning"})").has_value());
    CHECK(parse_live_subject(R"({"kind":"limits","rule":"r","limits":[{"requests":1,"per":"1s"}]})")
              .has_value());
    CHECK_FALSE(parse_live_subject(R"({"kind":"limits"})").has_value());
    CHECK_FALSE(parse_live_subject(R"({"kind":"enforcing"})").has_value());
  }

  TEST_CASE(
      "what cannot be meant is refused in one line that names it, what was expected and what was found") {
    struct Case {
      std::string body;
      std::vector<std::string> says;
    };
    const std::string set = R"({"kind":"limits","rule":"r",)";
    const std::string one = R"("limits":[{"requests":1,"per":"1s"}])";
    const std::vector<Case> cases{
        {"", {"JSON object", "no body"}},
        {"{", {"JSON", "byte"}},
        {"[]", {"JSON object", "an array"}},
        {"\"\xff\"", {"JSON"}},
        {"{} {}", {"JSON"}},
        {"{}", {"kind", "limits, learning, enforcing, ignoring", "none"}},
        {R"({"kind":"Limits"})", {"kind", "\"Limits\""}},
        {R"({"kind":5})", {"kind", "5"}},
        {R"({"kind":"learning","kind":"limits"})", {"duplicate key \"kind\""}},
        {set + R"("limits":[{"requests":1,"requests":2,"per":"1s"}]})", {"duplicate key \"requests\""}},
        {set + one + R"(,"colour":"red"})", {"unknown key \"colour\"", "expires"}},
        {R"({"kind":"limits",)" + one + "}", {"rule", "none"}},
        {R"({"kind":"limits","rule":null,)" + one + "}", {"rule", "null"}},
        {R"({"kind":"limits","rule":")" + std::string(300, 'r') + "\"," + one + "}", {"rule", "256", "300"}},
        {R"({"kind":"limits","rule":"r"})", {"limits", "unlimited", "neither"}},
        {set + one + R"(,"unlimited":true})", {"limits", "unlimited", "both"}},
        {set + one + R"(,"unlimited":"yes"})", {"unlimited", "true or false", "\"yes\""}},
        {set + one + R"(,"principal":"alice"})", {"principal", "none", "limits"}},
        {set + one + R"(,"learning":true})", {"learning", "none", "limits"}},
        {set + R"("limits":{}})", {"limits", "an array", "an object"}},
        {set + R"("limits":[5]})", {"limits", "an object", "5"}},
        {set + R"("limits":[{"per":"1s"}]})", {"`requests`", "none"}},
        {set + R"("limits":[{"requests":1}]})", {"`per`", "none"}},
        {set + R"("limits":[{"requests":1,"per":"1s","burst":2}]})", {"unknown key \"burst\""}},
        {set + R"("limits":[{"requests":-1,"per":"1s"}]})", {"requests", "whole number", "-1"}},
        {set + R"("limits":[{"requests":1.5,"per":"1s"}]})", {"requests", "1.5"}},
        {set + R"("limits":[{"requests":1000000000001,"per":"1s"}]})", {"requests", "1000000000001"}},
        {set + R"("limits":[{"requests":99999999999999999999999,"per":"1s"}]})", {"requests"}},
        {set + R"("limits":[{"requests":"1","per":"1s"}]})", {"requests", "\"1\""}},
        {set + R"("limits":[{"requests":1,"per":"0s"}]})", {"per", "1s to 366d", "\"0s\""}},
        {set + R"("limits":[{"requests":1,"per":"1500ms"}]})", {"per", "\"1500ms\""}},
        {set + R"("limits":[{"requests":1,"per":"367d"}]})", {"per", "\"367d\""}},
        {set + R"("limits":[{"requests":1,"per":10}]})", {"per", "10"}},
        {set + R"("limits":[{"requests":1,"per":"60s"},{"requests":2,"per":"1m"}]})",
         {"limits", "`per`", "same"}},
        {set + one + R"(,"match":[]})", {"match", "an object", "an array"}},
        {set + one + R"(,"match":{"k":5}})", {"match: k", "a text", "5"}},
        {set + one + R"(,"match":{"k":"a*b"}})", {"match: k", "`*`", "\"a*b\""}},
        {set + one + R"(,"match":{"":"a"}})", {"match", "a key"}},
        {set + one + R"(,"match":{"k\n":"a"}})", {"match", "a key", "control"}},
        {set + one + R"(,"match":{"k":"a\u007f"}})", {"match: k", "control characters"}},
        {set + one + R"(,"set_by":"a\u0000"})", {"set_by", "control characters"}},
        {set + one + R"(,"expires":"0s"})", {"expires", "1s to 366d", "\"0s\""}},
        {set + one + R"(,"expires":"999ms"})", {"expires", "\"999ms\""}},
        {set + one + R"(,"expires":"53w"})", {"expires", "\"53w\""}},
        {set + one + R"(,"expires":3600})", {"expires", "3600"}},
        {R"({"kind":"learning"})", {"learning", "none"}},
        {R"({"kind":"learning","learning":1})", {"learning", "true or false", "1"}},
        {R"({"kind":"learning","learning":true,"match":{"k":"v"}})", {"match", "none"}},
        {R"({"kind":"learning","learning":true,"principal":"p"})", {"principal", "none"}},
        {R"({"kind":"learning","learning":true,)" + one + "}", {"limits", "none"}},
        {R"({"kind":"enforcing"})", {"principal", "match", "neither"}},
        {R"({"kind":"enforcing","principal":"p","match":{"k":"v"}})", {"principal", "match", "both"}},
        {R"({"kind":"ignoring","principal":"p","unlimited":true})", {"unlimited", "none"}},
        {R"({"kind":"ignoring","principal":"p","learning":true})", {"learning", "none"}},
    };
    for (const Case& each : cases) {
      CAPTURE(each.body);
      const std::string found = fault(each.body);
      CAPTURE(found);
      CHECK(found.find('\n') == std::string::npos);
      for (const std::string& part : each.says) CHECK(contains(found, part));
    }
  }

  TEST_CASE("bounds: limits, keys of a match, texts, depth") {
    std::string limits;
    std::string match;
    for (int i = 1; i <= 9; ++i)
      limits += (i == 1 ? "" : ",") + std::string(R"({"requests":1,"per":")") + std::to_string(i) + "s\"}";
    for (int i = 1; i <= 17; ++i) match += (i == 1 ? "\"k" : ",\"k") + std::to_string(i) + "\":\"v\"";
    CHECK(contains(fault(R"({"kind":"limits","rule":"r","limits":[)" + limits + "]}"),
                   "at most 8 limits, found 9"));
    CHECK(contains(fault(R"({"kind":"ignoring","match":{)" + match + "}}"), "at most 16 keys, found 17"));
    CHECK(
        contains(fault(R"({"kind":"ignoring","principal":")" + std::string(257, 'p') + "\"}"), "257 bytes"));
    CHECK(fault(R"({"kind":"ignoring","principal":")" + std::string(256, 'p') + "\"}") == "none");
    CHECK(contains(fault(std::string(live_body_bytes_max, '[')), "no JSON"));
    const std::string deep(live_body_bytes_max / 2, '[');
    CHECK(contains(fault(deep + std::string(deep.size(), ']')), "an array"));
  }

  TEST_CASE("what a terminal would obey does not come back in an error") {
    const std::string found = fault("{\"kind\":\"\\u001b[2J\\n\"}");
    for (const char c : found) CHECK(c >= ' ');
  }
}

}  // namespace starling::http
