#include "http/page_api.hpp"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "http/embedded_page.hpp"
#include "http/page_json.hpp"

namespace starling::http {
namespace {

using nlohmann::json;
using std::chrono::milliseconds;

struct FakeNode final : AdminService {
  NodeStatus now;
  TopView callers;
  TopView hottest;
  std::vector<TopQuery> asked;
  mutable int looks = 0;

  NodeStatus status() const override {
    ++looks;
    return now;
  }
  std::shared_ptr<const RuleSet> rules() const override { return now.rules; }
  std::string metrics() override { return ""; }
  std::vector<FrontEndStatus> front_ends() const override {
    return {{.name = "http", .listeners = {"127.0.0.1:8080"}, .requests = 7, .errors = {{"a", 1}, {"b", 2}}}};
  }
  std::vector<CounterView> counters(const Request&) override { return {}; }
  TopView top(const TopQuery& query) override {
    asked.push_back(query);
    return query.one_per_rule ? hottest : callers;
  }
  std::vector<LiveView> live_overrides() const override { return {}; }
  tl::expected<LiveView, std::string> set_live(const LiveChange&) override {
    return tl::unexpected(std::string("no"));
  }
  bool clear_live(const LiveOverride&, const std::string&) override { return false; }
};

struct Fixture {
  FakeNode node;
  Instant now{std::chrono::seconds(100)};
  PageApi api{node, [this] { return now; }};
  Response response;

  Fixture() { node.now.state = EngineState::ready; }

  int get(std::string_view path, std::string_view query = {}, std::vector<Header> headers = {}) {
    response.clear();
    api.on_request(RequestView{.method = "GET", .path = path, .query = query, .headers = headers}, response);
    return response.status();
  }
  json document() const { return json::parse(response.body()); }
  std::string sent() const {
    std::string out;
    response.append_to(out, {});
    return out;
  }
};

bool contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

std::size_t count(std::string_view text, std::string_view part) {
  std::size_t found = 0;
  for (std::size_t at = text.find(part); at != std::string_view::npos; at = text.find(part, at + 1)) ++found;
  return found;
}

}  // namespace

TEST_SUITE("http.page_api") {
  TEST_CASE("the page is one document: what it needs is in it, and its policy lets in nothing else") {
    Fixture f;
    REQUIRE(f.get("/") == 200);
    const std::string_view page = f.response.body();
    CHECK(page.starts_with("<!doctype html>"));
    CHECK(page.ends_with("</html>\n"));
    CHECK(count(page, "<script") == 1);
    CHECK(count(page, "<style") == 1);
    CHECK_FALSE(contains(page, "@@"));
    CHECK_FALSE(contains(page, " style="));
    CHECK_FALSE(contains(page, " src="));
    CHECK_FALSE(contains(page, "innerHTML"));
    CHECK_FALSE(contains(page, "https://"));
    const std::string sent = f.sent();
    CHECK(contains(sent, "Content-Type: text/html; charset=utf-8\r\n"));
    CHECK(contains(sent, "Content-Security-Policy: default-src 'none'; script-src 'sha256-"));
    CHECK(contains(sent, "frame-ancestors 'none'"));
    CHECK_FALSE(contains(sent, "unsafe"));
    CHECK(contains(sent, "X-Content-Type-Options: nosniff\r\n"));
    CHECK(contains(sent, "Referrer-Policy: no-referrer\r\n"));
  }

  TEST_CASE("who has the page already is told so, and who has another one gets it") {
    Fixture f;
    const std::string etag{embedded_page.etag};
    CHECK(f.get("/", {}, {{"If-None-Match", etag}}) == 304);
    CHECK(f.response.body().empty());
    CHECK(contains(f.sent(), "ETag: " + etag));
    CHECK(f.get("/", {}, {{"If-None-Match", R"("0123")"}}) == 200);
  }

  TEST_CASE("the document: what moves, the hottest callers, and the hottest of each rule") {
    Fixture f;
    f.node.now.name = "n1";
    f.node.now.counts.allowed = 9;
    f.node.now.counts.learned = 2;
    f.node.now.counts.dropped[0] = 3;
    f.node.now.counts.sent[0] = {.packets = 4, .bytes = 100};
    f.node.now.counts.sent[1] = {.packets = 1, .bytes = 10};
    f.node.callers.rows.push_back({.named = true, .rule = "r", .principal = "a", .limit = 10, .used = 5});
    f.node.callers.rows[0].shares.resize(page_shares_max + 3);
    f.node.callers.rows[0].nodes_count = page_shares_max + 3;
    f.node.hottest.rows.push_back({.named = true, .rule = "r", .principal = "b", .limit = 10, .used = 8});
    REQUIRE(f.get("/v1/page", "by=denied&rule=r") == 200);
    const json document = f.document();
    CHECK(document["node"]["name"] == "n1");
    CHECK(document["decisions"]["allowed"] == 9);
    CHECK(document["decisions"]["learned"] == 2);
    CHECK(document["datagrams"]["sent"] == 5);
    CHECK(document["datagrams"]["sent_bytes"] == 110);
    CHECK(document["datagrams"]["dropped"].size() == 1);
    CHECK(document["front_ends"][0]["errors"] == 3);
    CHECK(document["top"]["by"] == "denied");
    CHECK(document["top"]["rows"][0]["shares"].size() == page_shares_max);
    CHECK(document["top"]["rows"][0]["nodes"] == page_shares_max + 3);
    CHECK(document["hottest"] ==
          json::parse(R"([{"rule": "r", "principal": "b", "limit": 10, "window_s": 0, "used": 8}])"));
    REQUIRE(f.node.asked.size() == 2);
    CHECK(f.node.asked[0].rule == "r");
    CHECK(contains(f.sent(), "Cache-Control: no-store\r\n"));
  }

  TEST_CASE("the stamp changes with rules and overrides, and with nothing else") {
    Fixture f;
    const auto stamp = [&] {
      f.now += page_kept_for;
      f.get("/v1/page");
      return f.document()["stamp"].get<std::string>();
    };
    const std::string before = stamp();
    f.node.now.counts.allowed = 1;
    f.node.now.uptime_ms = 1000;
    CHECK(stamp() == before);
    f.node.now.counts.live.digest = 5;
    const std::string overridden = stamp();
    CHECK(overridden != before);
    f.node.now.reloads.ok = 1;
    CHECK(stamp() != overridden);
  }

  TEST_CASE("of many peers those come first of which something is to be said, and the rest is counted") {
    Fixture f;
    for (std::size_t i = 0; i < page_peers_max + 5; ++i) f.node.now.peers.push_back({.state = "alive"});
    f.node.now.peers.push_back({.name = "gone", .state = "dead"});
    f.get("/v1/page");
    const json document = f.document();
    CHECK(document["peers"].size() == page_peers_max);
    CHECK(document["peers"][0]["name"] == "gone");
    CHECK(document["more_peers"] == 6);
  }

  TEST_CASE("however many look, a document is made once in a while; too many questions are put off") {
    Fixture f;
    for (int i = 0; i < 1000; ++i) CHECK(f.get("/v1/page", "by=hits") == 200);
    CHECK(f.node.looks == 1);
    for (std::size_t i = 1; i < page_questions_max; ++i)
      CHECK(f.get("/v1/page", "rule=r" + std::to_string(i)) == 200);
    CHECK(f.get("/v1/page", "rule=another") == 503);
    CHECK(contains(f.sent(), "Retry-After: 1\r\n"));
    CHECK(f.get("/v1/page", "by=hits") == 200);
    CHECK(f.node.looks == static_cast<int>(page_questions_max));
    f.now += page_kept_for - milliseconds(1);
    CHECK(f.get("/v1/page", "rule=another") == 503);
    f.now += milliseconds(1);
    CHECK(f.get("/v1/page", "rule=another") == 200);
    CHECK(f.node.looks == static_cast<int>(page_questions_max) + 1);
  }

  TEST_CASE("a wrong question is told what was expected, and is no work") {
    Fixture f;
    for (const auto& [query, expected] : std::vector<std::pair<std::string, std::string>>{
             {"by=colour", "by: expected hits, denied or usage, found \"colour\""},
             {"n=101", "n: expected a number from 1 to 100, found 101"},
             {"x=1", "query: expected rule, by or n, found \"x\""}}) {
      CHECK(f.get("/v1/page", query) == 400);
      CHECK(f.document()["message"] == expected);
    }
    CHECK(f.node.looks == 0);
  }

  TEST_CASE("names that are no text make valid JSON all the same") {
    Fixture f;
    f.node.now.name = "\xff</script><img src=x>\"";
    CHECK(f.get("/v1/page") == 200);
    CHECK(f.document()["node"]["name"] == "\uFFFD</script><img src=x>\"");
  }
}

}  // namespace starling::http
