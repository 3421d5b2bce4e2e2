#include "http/explanation.hpp"

#include <doctest/doctest.h>
#include <array>
#include <nlohmann/json.hpp>
#include <string>

using namespace starling;
using namespace starling::http;
using nlohmann::json;

TEST_SUITE("http.explanation") {
  TEST_CASE("it says all that is known of every limit") {
    const std::array limits{LimitStatus{.rule = "per-\"user\"",
                                        .source = LimitSource::live,
                                        .hits = 3,
                                        .limit = 100,
                                        .window_s = 10,
                                        .window_id = 170,
                                        .used = 104,
                                        .remaining = 0,
                                        .reset_ms = 4'001,
                                        .allowed = false,
                                        .denial = Denial::limit,
                                        .enforced = false,
                                        .contradiction = true},
                            LimitStatus{.source = LimitSource::request, .unlimited = true, .counted = false}};
    const std::array entries{Entry{.key = "principal", .value = "\"a\xFF"},
                             Entry{.key = "path", .value = ""}};
    std::string out;
    append_explanation(out, {.limits = limits, .truncated = true, .learned = true},
                       {.domain = "edge\n", .entries = entries, .node_name = "n1"});
    CHECK(json::parse(out) ==
          json::parse(
              R"({"allowed":true,"learned":true,"truncated":true,"failed":false,"domain":"edge\n",
        "entries":{"principal":"\"a\uFFFD","path":""},"node":"n1",
        "limits":[
        {"rule":"per-\"user\"","source":"live","hits":3,"unlimited":false,"limit":100,"window_s":10,"window_id":170,
         "used":104,"remaining":0,"reset_ms":4001,"allowed":false,"denial":"limit","enforced":false,
         "contradiction":true,"counted":true},
        {"rule":"","source":"request","hits":1,"unlimited":true,"limit":0,"window_s":0,"window_id":0,
         "used":0,"remaining":0,"reset_ms":0,"allowed":true,"denial":"none","enforced":true,
         "contradiction":false,"counted":false}]})"));
  }

  TEST_CASE("without limits and after a failure it is a document as well") {
    std::string out;
    append_explanation(out, {.limits = {}}, {.node_name = "n1", .failed = true});
    const json document = json::parse(out);
    CHECK(document.at("failed") == true);
    CHECK(document.at("limits").empty());
  }
}
