#include "http/top_json.hpp"

#include <doctest/doctest.h>

#include <string>

namespace starling::http {
namespace {

std::string refusal(std::string_view raw) {
  QueryScratch scratch;
  const auto query = parse_top_query(raw, scratch);
  return query ? "" : query.error();
}

TopQuery parsed(std::string_view raw) {
  QueryScratch scratch;
  const auto query = parse_top_query(raw, scratch);
  REQUIRE(query);
  return *query;
}

NodeStatus status() {
  NodeStatus status;
  status.name = "n1";
  status.origin = OriginId{0xa};
  status.peers = {PeerView{.name = "n2", .origin = OriginId{0xb}, .state = "alive"},
                  PeerView{.name = "", .origin = OriginId{}, .state = "candidate"}};
  return status;
}

TopRow row() {
  return TopRow{.key = CounterKey{0xabc},
                .named = true,
                .rule = "login",
                .principal = "user=alice",
                .limit = 50,
                .window_s = 10,
                .window_id = 180,
                .used = 25,
                .denied_here = 3,
                .learned_here = 4,
                .nodes_count = 3,
                .shares = {{OriginId{0xb}, 20}, {OriginId{0xa}, 4}, {OriginId{0xdead}, 1}}};
}

}  // namespace

TEST_SUITE("http.top_json") {
  TEST_CASE("a query says what it wants; what it does not say is usual") {
    CHECK(parsed("") == TopQuery{.rule = "", .by = TopQuery::By::hits, .rows_max = 20});
    CHECK(parsed("rule=per-principal&by=usage&n=1000") ==
          TopQuery{.rule = "per-principal", .by = TopQuery::By::usage, .rows_max = 1000});
    CHECK(parsed("by=denied&n=1").by == TopQuery::By::denied);
    CHECK(parsed("by=hits").by == TopQuery::By::hits);
  }

  TEST_CASE("what is wrong is named, with what was expected and found") {
    CHECK(refusal("by=heat") == "by: expected hits, denied or usage, found \"heat\"");
    CHECK(refusal("by=") == "by: expected hits, denied or usage, found \"\"");
    for (const std::string bad : {"0", "1001", "-1", "x", "", "5x", "99999999999999999999999"})
      CHECK(refusal("n=" + bad) == "n: expected a number from 1 to 1000, found \"" + bad + "\"");
    CHECK(refusal("rule=").starts_with("rule: expected the name of a rule"));
    CHECK(refusal("rule=" + std::string(257, 'r')).starts_with("rule: expected"));
    CHECK(refusal("hits=5") == "query: expected rule, by or n, found \"hits\"");
    CHECK(refusal("domain=x").starts_with("query: expected rule, by or n"));
    CHECK(refusal("n=5&n=6").starts_with("query: expected every key once"));
    CHECK(refusal("rule=%zz").starts_with("query: expected"));
  }

  TEST_CASE("a row tells who, how much, and by whom it was counted") {
    TopView view;
    view.rows = {row()};
    view.scanned = 9;
    const Json document = top_document(status(), {.rule = "login", .by = TopQuery::By::usage}, view);
    CHECK(document ==
          Json::parse(R"({"node": "n1", "by": "usage", "rule": "login", "complete": true, "rows": [
      {"rule": "login", "principal": "user=alice", "key": "0000000000000abc", "limit": 50, "window_s": 10,
       "window_id": 180, "used": 25, "usage": 0.5, "denied_here": 3, "learned_here": 4, "nodes": 3, "shares": [
         {"origin": "000000000000000b", "node": "n2", "hits": 20},
         {"origin": "000000000000000a", "node": "n1", "hits": 4},
         {"origin": "000000000000dead", "node": null, "hits": 1}]}],
      "unnamed": 0, "asking": 0, "scanned": 9})"));
  }

  TEST_CASE("what has no name has null where a name would tell; a limit of 0 has no usage") {
    TopView view;
    view.rows = {row(), row()};
    view.rows[0].named = false;
    view.rows[1].limit = 0;
    view.complete = false;
    view.unnamed = view.asking = 1;
    const Json document = top_document(status(), {}, view);
    CHECK(document["rule"].is_null());
    CHECK(document["complete"] == false);
    CHECK(document["unnamed"] == 1);
    CHECK(document["asking"] == 1);
    for (const char* key : {"rule", "principal", "limit", "usage"}) CHECK(document["rows"][0][key].is_null());
    CHECK(document["rows"][0]["key"] == "0000000000000abc");
    CHECK(document["rows"][0]["used"] == 25);
    CHECK(document["rows"][1]["limit"] == 0);
    CHECK(document["rows"][1]["usage"].is_null());
  }
}

}  // namespace starling::http
