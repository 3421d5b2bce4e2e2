#include "cli/top_view.hpp"

#include <doctest/doctest.h>

#include <sstream>
#include <string>
#include <vector>

namespace starling::cli {
namespace {

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

bool contains(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

const Json document = Json::parse(R"({"node": "n1", "by": "hits", "rule": null, "complete": true, "rows": [
  {"rule": "login", "principal": "user=alice", "key": "0000000000000abc", "limit": 50, "window_s": 10,
   "window_id": 180, "used": 25, "usage": 0.509, "denied_here": 3, "learned_here": 4, "nodes": 4, "shares": [
     {"origin": "000000000000000b", "node": "n2", "hits": 20},
     {"origin": "000000000000000a", "node": "n1", "hits": 4},
     {"origin": "000000000000dead", "node": null, "hits": 1}]},
  {"rule": null, "principal": null, "key": "00000000000000ff", "limit": null, "window_s": 3600, "window_id": 1,
   "used": 7, "usage": null, "denied_here": 0, "learned_here": 0, "nodes": 0, "shares": []},
  {"rule": "", "principal": "", "key": "0000000000000001", "limit": 0, "window_s": 60, "window_id": 1,
   "used": 6, "usage": null, "denied_here": 0, "learned_here": 0, "nodes": 0, "shares": []}],
  "unnamed": 1, "asking": 0, "scanned": 12})");

}  // namespace

TEST_SUITE("cli.top_view") {
  TEST_CASE("one line a caller, and what it all is of") {
    const auto lines = lines_of(render_top(document, false));
    REQUIRE(lines.size() == 6);
    CHECK(lines[0] == "PRINCIPAL          RULE       LIMIT   USED  USAGE  DENIED(HERE)");
    CHECK(lines[1] == "user=alice         login      50/10s  25    50%    3");
    CHECK(lines[2] == "#00000000000000ff  -          -/1h    7     -      0");
    CHECK(lines[3] == "(all)              (request)  0/1m    6     -      0");
    CHECK(lines[4] == "the hottest 3 of 12 by hits, as n1 sees the current windows");
    CHECK(contains(lines[5], "1 without a name"));
  }

  TEST_CASE("wide tells the shares of the nodes, of those that are gone by origin") {
    const std::string text = render_top(document, true);
    CHECK(contains(text, "n2 20, n1 4, 000000000000dead 1 and 1 more"));
    CHECK(contains(text, "LEARNED(HERE)"));
    CHECK(contains(text, "0000000000000abc"));
  }

  TEST_CASE("what is not read to the end says so, and what is complete does not") {
    Json partial = document;
    partial["complete"] = false;
    CHECK(contains(render_top(partial, false), "ask again"));
    CHECK_FALSE(contains(render_top(document, false), "ask again"));
    Json named = document;
    named["unnamed"] = 0;
    CHECK_FALSE(contains(render_top(named, false), "without a name"));
  }

  TEST_CASE("a long name is cut between two characters, and whole when wide") {
    Json longer = document;
    std::string name;
    for (int i = 0; i < 70; ++i) name += "\u00fc";
    longer["rows"][0]["principal"] = "u=" + name;
    const std::string text = render_top(longer, false);
    CHECK(contains(text, "\u00fc..."));
    CHECK_FALSE(contains(text, name));
    CHECK(contains(render_top(longer, true), name));
  }

  TEST_CASE("nothing that a caller calls itself reaches the terminal as an order") {
    Json hostile = document;
    for (const char* key : {"principal", "rule", "key"}) hostile["rows"][0][key] = "\x1b[2J\n\x07evil";
    hostile["rows"][0]["shares"][0]["node"] = "\x1b]0;title\x07";
    hostile["node"] = hostile["by"] = "\x1b[2J\n";
    for (const bool wide : {false, true})
      for (const char c : render_top(hostile, wide))
        REQUIRE((c == '\n' || (static_cast<unsigned char>(c) >= ' ' && c != '\x7f')));
  }

  TEST_CASE("a document that lacks or bends anything is shown with dashes, not a crash") {
    const std::vector<Json> values{
        Json(), Json(true), Json(-1), Json(1e300), Json("x"), Json::array({5}), Json::object({{"a", "b"}})};
    for (const Json& value : values) CHECK_FALSE(render_top(value, true).empty());
    const Json flat = document.flatten();
    for (const auto& [pointer, leaf] : flat.items()) {
      for (Json::json_pointer at(pointer); !at.empty(); at = at.parent_pointer()) {
        for (const Json& value : values) {
          Json bent = document;
          bent[at] = value;
          CHECK_FALSE(render_top(bent, true).empty());
          CHECK_FALSE(render_top(bent, false).empty());
        }
      }
    }
  }
}

}  // namespace starling::cli
