#include "cli/check_view.hpp"

#include <doctest/doctest.h>

#include <string>

#include "support.hpp"

namespace starling::cli {
namespace {

using testing::check_robust;
using testing::contains;
using testing::lines_of;

const Json check_document = Json::parse(R"({"allowed": false, "node": "n1", "limits": [
  {"rule": "login", "source": "rule", "hits": 1, "limit": 60, "window_s": 60, "window_id": 1, "used": 9,
   "remaining": 51, "reset_ms": 12000, "allowed": true, "denial": "none", "enforced": true, "counted": true},
  {"rule": "login", "source": "live", "hits": 1, "limit": 5, "window_s": 1, "window_id": 17, "used": 5,
   "remaining": 0, "reset_ms": 400, "allowed": false, "denial": "limit", "enforced": true, "counted": true}]})");

const Json counters_document = Json::parse(R"({"origin": "00000000000000aa", "counters": [
  {"rule": "login", "limit": 5, "window_s": 1, "window_id": 17, "total": 5, "components": [
    {"origin": "00000000000000aa", "hits": 4}, {"origin": "00000000000000bb", "hits": 1},
    {"origin": "00000000000000cc", "hits": 0}]}]})");
const Json peers_document = Json::parse(
    R"({"node": "n1", "peers": [{"name": "n2", "origin": "00000000000000bb", "state": "alive"}]})");

std::string text_with(std::string_view key, const Json& value) {
  Json document = check_document;
  document["limits"][1][std::string(key)] = value;
  return render_check(document, false);
}

}  // namespace

TEST_SUITE("cli.check_view") {
  TEST_CASE("the verdict, each limit that applied, and which one decided") {
    CHECK(render_check(check_document, false) ==
          "denied by n1\n"
          "   RULE   LIMIT      USED  REMAINING  RESET  VERDICT\n"
          "   login  60 per 1m  9     51         12s    allows\n"
          ">  login  5 per 1s   5     0          400ms  denies\n"
          "> decides: of those that deny the one with the longest wait\n");
  }

  TEST_CASE("of an allowed request the limit with the least left is marked, but never one that is none") {
    Json document = check_document;
    document["allowed"] = true;
    document["limits"][1]["allowed"] = true;
    document["limits"][0]["unlimited"] = true;
    document["limits"][0]["remaining"] = 0;
    document["limits"][1]["remaining"] = 3;
    const auto lines = lines_of(render_check(document, false));
    CHECK(lines[2] == "   login  unlimited  -     -          -      allows");
    CHECK(lines[3].starts_with(">  login  5 per 1s"));
    CHECK(lines[4] == "> has the least left");
  }

  TEST_CASE("a limit that only learns does not decide a denial") {
    Json document = check_document;
    document["limits"][1]["enforced"] = false;
    CHECK_FALSE(contains(render_check(document, false), ">"));
  }

  TEST_CASE("why it denies, or why what denies lets pass") {
    CHECK(contains(text_with("denial", "share"), "denies: this part of a divided cluster"));
    CHECK(contains(text_with("denial", "held_back"), "denies: held back"));
    CHECK(contains(text_with("denial", "isolated"), "denies: no peer"));
    CHECK(contains(text_with("denial", "full"), "denies: no room"));
    CHECK(contains(text_with("enforced", false), "would deny, but only learns"));
    CHECK(contains(text_with("contradiction", true), "denies; the caller is in enforcing and in ignoring"));
    Json document = check_document;
    document["limits"][0]["counted"] = false;
    CHECK(contains(render_check(document, false), "allows, not counted: table full"));
    document["allowed"] = true;
    document["learned"] = true;
    CHECK(
        render_check(document, false).starts_with("allowed by n1, only because what would deny it learns\n"));
    document["failed"] = true;
    document["truncated"] = true;
    CHECK(render_check(document, false)
              .starts_with("allowed by n1, which could not decide; more limits apply"));
  }

  TEST_CASE("wide: where each limit comes from, and who counted what") {
    Json document = check_document;
    document["shares"] = shares_of(counters_document, peers_document);
    CHECK(render_check(document, true) ==
          "denied by n1\n"
          "   RULE   LIMIT      USED  REMAINING  RESET  HITS  FROM             VERDICT\n"
          "   login  60 per 1m  9     51         12s    1     the rule         allows\n"
          ">  login  5 per 1s   5     0          400ms  1     a live override  denies\n"
          "> decides: of those that deny the one with the longest wait\n"
          "\n"
          "RULE   LIMIT     COUNTED BY                            HITS  SHARE\n"
          "login  5 per 1s  n1                                    4     80.0 %\n"
          "login  5 per 1s  n2                                    1     20.0 %\n"
          "login  5 per 1s  a node gone, origin 00000000000000cc  0     0.0 %\n");
    document["shares"] = Json::array();
    CHECK(contains(render_check(document, true), "nobody has counted anything"));
    document["limits"][0]["source"] = "override";
    document["limits"][1]["source"] = "request";
    CHECK(contains(render_check(document, true), "an override in the file"));
    CHECK(contains(render_check(document, true), "the request"));
  }

  TEST_CASE("a request that no rule matches says so") {
    CHECK(render_check(Json::parse(R"({"allowed": true, "node": "n1", "limits": []})"), false) ==
          "allowed by n1\nno rule matches this request\n");
  }

  TEST_CASE("what does not say `true` has not been allowed") {
    for (const Json& allowed : {Json(), Json(1), Json("true"), Json(false)}) {
      Json document = check_document;
      document["allowed"] = allowed;
      CHECK(render_check(document, false).starts_with("denied by n1\n"));
    }
  }

  TEST_CASE("documents that lack or mistake anything are shown all the same") {
    Json document = check_document;
    document["shares"] = shares_of(counters_document, peers_document);
    check_robust(document, [](const Json& spoilt) { return render_check(spoilt, true); });
    check_robust(counters_document,
                 [](const Json& spoilt) { return shares_of(spoilt, peers_document).dump(); });
    check_robust(peers_document,
                 [](const Json& spoilt) { return shares_of(counters_document, spoilt).dump(); });
  }
}

}  // namespace starling::cli
