#include "http/admin_api.hpp"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

namespace starling::http {
namespace {

using nlohmann::json;

struct FakeNode final : AdminService, CheckService {
  NodeStatus now;
  std::vector<CounterView> found;
  std::string asked_for;
  std::vector<LiveView> live;
  std::optional<std::string> refuses;
  std::vector<std::string> cleared;
  TopView hottest;
  TopQuery asked_top;

  FakeNode() {
    now.name = "n1";
    now.origin = OriginId{0xabc};
    now.cluster = "c";
    now.state = EngineState::ready;
    now.rules = std::make_shared<RuleSet>(RuleSet::built_in());
  }
  NodeStatus status() const override {
    NodeStatus status = now;
    if (!live.empty()) status.counts.live.overrides = live.size();
    return status;
  }
  std::shared_ptr<const RuleSet> rules() const override { return now.rules; }
  void on_failure(std::string_view) override {
    ++now.decisions_failed;
    ++now[Trouble::decisions_failed].recent;
  }
  std::vector<FrontEndStatus> fronts;
  std::vector<FrontEndStatus> front_ends() const override { return fronts; }
  std::vector<CounterView> counters(const starling::Request& request) override {
    for (const Entry& entry : request.descriptors[0].entries)
      asked_for += std::string(entry.key) + "=" + std::string(entry.value);
    return found;
  }
  std::string page;
  int pages_made = 0;
  std::string metrics() override {
    ++pages_made;
    return page;
  }
  TopView top(const TopQuery& query) override {
    asked_top = query;
    return hottest;
  }
  std::vector<LiveView> live_overrides() const override { return live; }
  tl::expected<LiveView, std::string> set_live(const LiveChange& change) override {
    if (refuses) return tl::unexpected(*refuses);
    live.push_back(LiveView{.what = change.what, .set_by = change.set_by, .set_on = "n1"});
    if (change.expires_in) live.back().expires_at = live.back().set_at + *change.expires_in;
    return live.back();
  }
  bool clear_live(const LiveOverride& subject, const std::string& by) override {
    cleared.push_back(subject.rule + " by " + by);
    return std::erase_if(live, [&](const LiveView& each) { return same_subject(each.what, subject); }) > 0;
  }
  bool fails = false;
  Decision decide(const starling::Request&) override {
    if (fails) throw std::runtime_error("a bug");
    return {};
  }
  WallTime decided_at() const override { return {}; }
  bool ready() const override { return true; }
  std::string_view node_name() const override { return now.name; }
};

struct Fixture {
  FakeNode node;
  CheckApi check{node};
  Instant now{std::chrono::seconds(100)};
  AdminApi admin{node, check, WriteAccess(), [this] { return now; }};
  Response response;

  int get(std::string_view path, std::string_view query = {}, std::string_view method = "GET") {
    response.clear();
    admin.on_request(RequestView{.method = method, .path = path, .query = query, .headers = {}}, response);
    return response.status();
  }
  /// As a client on this machine would, unless `request` says otherwise.
  int write(std::string_view method, std::string_view body, RequestView request = {}) {
    static const std::vector<Header> usual{{"Host", "127.0.0.1:9090"}, {"Content-Type", "application/json"}};
    request.method = method;
    request.path = "/v1/overrides";
    request.body = body;
    if (request.headers.empty()) request.headers = usual;
    if (request.from == Endpoint{}) request.from = {.address = Address::v4(127, 0, 0, 1), .port = 5};
    response.clear();
    wanted_bytes = admin.body_bytes_max(request);
    admin.on_request(request, response);
    return response.status();
  }
  std::string message() const { return document()["message"].get<std::string>(); }
  std::size_t wanted_bytes = 0;
  json document() const { return json::parse(response.body()); }
};

}  // namespace

TEST_SUITE("http.admin_api") {
  TEST_CASE("livez is fine whatever the node is waiting for") {
    Fixture f;
    f.node.now.state = EngineState::joining;
    CHECK(f.get("/livez") == 200);
  }

  TEST_CASE("readyz is 503 with a reason while joining and from the moment of leaving") {
    Fixture f;
    CHECK(f.get("/readyz") == 200);
    CHECK(f.document()["ready"] == true);
    for (const EngineState state : {EngineState::joining, EngineState::leaving, EngineState::left}) {
      f.node.now.state = state;
      CHECK(f.get("/readyz") == 503);
      CHECK(f.document()["ready"] == false);
      CHECK(f.document()["state"] == std::string(name(state)));
      CHECK_FALSE(f.document()["reason"].get<std::string>().empty());
    }
  }

  TEST_CASE("front ends: their sockets, and errors by reason") {
    Fixture f;
    f.node.fronts.push_back({.name = "http",
                             .listeners = {"127.0.0.1:8080", "unix:/run/x"},
                             .requests = 7,
                             .connections_accepted = 3,
                             .connections_open = 2,
                             .connections_refused = 1,
                             .errors = {{"head_timeout", 4}}});
    f.node.fronts.push_back({.name = "admin"});
    CHECK(f.get("/v1/status") == 200);
    CHECK(f.document()["front_ends"] == json::parse(R"([
      {"name": "http", "listeners": ["127.0.0.1:8080", "unix:/run/x"], "requests": 7,
       "connections": {"open": 2, "accepted": 3, "refused": 1}, "errors": {"head_timeout": 4}},
      {"name": "admin", "listeners": [], "requests": 0,
       "connections": {"open": 0, "accepted": 0, "refused": 0}, "errors": {}}])"));
  }

  TEST_CASE("peers: what is unknown is null or empty, origins are 16 hexadecimal digits") {
    Fixture f;
    f.node.now.peers.push_back(PeerView{.name = "n2",
                                        .heartbeat = {Address::v4(10, 0, 0, 2), 4291},
                                        .sync = {Address::v4(10, 0, 0, 2), 4290},
                                        .origin = OriginId{7},
                                        .state = "alive",
                                        .rtt_us = 300});
    f.node.now.peers.push_back(PeerView{.heartbeat = {Address::v4(10, 0, 0, 3), 4291}, .state = "candidate"});
    REQUIRE(f.get("/v1/peers") == 200);
    const json document = f.document();
    CHECK(document["node"] == "n1");
    REQUIRE(document["peers"].size() == 2);
    CHECK(document["peers"][0]["origin"] == "0000000000000007");
    CHECK(document["peers"][0]["rtt_us"] == 300);
    CHECK(document["peers"][0]["sync_endpoint"] == "10.0.0.2:4290");
    CHECK(document["peers"][1]["origin"] == "");
    CHECK(document["peers"][1]["rtt_us"].is_null());
    CHECK(document["peers"][1]["sync_endpoint"] == "");
  }

  TEST_CASE("status has the members that people and scripts rely on") {
    Fixture f;
    f.node.now.counts.dropped[static_cast<std::size_t>(ErrorCode::bad_magic)] = 3;
    f.node.now.settings = {{"sync-port", "4290", SettingSource::flag}};
    REQUIRE(f.get("/v1/status") == 200);
    const json document = f.document();
    CHECK(document["node"]["origin"] == "0000000000000abc");
    CHECK(document["ready"] == true);
    CHECK(document["advice"].is_array());
    CHECK(document["cluster_size"] == 1);
    CHECK(document["settings"][0] == json{{"name", "sync-port"}, {"value", "4290"}, {"source", "flag"}});
    CHECK(document["rules"][0]["match"]["principal"] == "*");
    CHECK(document["rules"][0]["limits"][0] == json{{"requests", 100}, {"per", "10s"}});
    CHECK(document["datagrams"]["dropped"]["bad_magic"] == 3);
    CHECK(document["neighborhood"]["last_resolved_ms_ago"].is_null());
    CHECK(document["neighborhood"]["error"].is_null());
  }

  TEST_CASE("status counts the reloads of the rules") {
    Fixture f;
    REQUIRE(f.get("/v1/status") == 200);
    CHECK(f.document()["reloads"] == json{{"ok", 0}, {"failed", 0}, {"last_ms_ago", nullptr}});
    f.node.now.reloads = {.ok = 2, .failed = 1, .last_ms_ago = 7};
    REQUIRE(f.get("/v1/status") == 200);
    CHECK(f.document()["reloads"] == json{{"ok", 2}, {"failed", 1}, {"last_ms_ago", 7}});
  }

  TEST_CASE("status: rules are as they are now, whatever was kept of them") {
    Fixture f;
    const auto rule = [&] {
      REQUIRE(f.get("/v1/status") == 200);
      return f.document()["rules"][0];
    };
    const std::string name = f.node.now.rules->rules[0].name;
    CHECK(rule()["live_count"] == 0);
    CHECK(rule()["name"] == name);

    LiveView view{.what = {.kind = LiveOverride::Kind::limits, .rule = name, .limits = {{7, 60}}}};
    f.node.live = {view};  // one more
    f.node.now.counts.live.digest = 5;
    CHECK(rule()["live_limits"][0]["requests"] == 7);
    f.node.live[0].what.limits = {{8, 60}};  // another instead
    f.node.now.counts.live.digest = 6;
    CHECK(rule()["live_limits"][0]["requests"] == 8);
    f.node.live.clear();  // expired: the digest is as it was
    CHECK(rule()["live_limits"] == nullptr);

    RuleSet other = RuleSet::built_in();
    other.rules[0].name = "other";
    f.node.now.rules = std::make_shared<RuleSet>(std::move(other));
    CHECK(rule()["name"] == "other");
    f.node.now.rules = std::make_shared<RuleSet>();
    REQUIRE(f.get("/v1/status") == 200);
    CHECK(f.document()["rules"] == json::array());
  }

  TEST_CASE("status: what was prepared of the rules in force is what is told, until there are others") {
    Fixture f;
    RuleSet prepared = RuleSet::built_in();
    prepared.rules[0].name = "prepared";  // so that it can be told from what would be made here
    const auto name_told = [&] {
      REQUIRE(f.get("/v1/status") == 200);
      return f.document()["rules"][0]["name"];
    };
    f.admin.keep(ShortRules(prepared));
    CHECK(name_told() == "prepared");
    f.node.live = {LiveView{.what = {.kind = LiveOverride::Kind::learning, .learning = true}}};
    CHECK(name_told() == "prepared");
    CHECK(f.document()["rules"][0]["learning"] == true);
    f.node.now.rules = std::make_shared<RuleSet>(RuleSet::built_in());
    CHECK(name_told() == RuleSet::built_in().rules[0].name);
  }

  TEST_CASE("metrics: a page is made so seldom that it costs a fifth of the time at most") {
    Fixture f;
    f.node.page = std::string(1000, '1');
    REQUIRE(f.get("/metrics") == 200);
    CHECK(f.node.pages_made == 1);
    f.node.page = "2";
    f.now += metrics_kept_per_byte * 1000 - std::chrono::nanoseconds(1);
    REQUIRE(f.get("/metrics") == 200);
    CHECK(f.response.body() == std::string(1000, '1'));
    CHECK(f.node.pages_made == 1);
    f.now += std::chrono::nanoseconds(1);
    REQUIRE(f.get("/metrics") == 200);
    CHECK(f.response.body() == "2");
    CHECK(f.node.pages_made == 2);
  }

  TEST_CASE("status counts decisions that failed, whichever port was asked, and advises to look") {
    Fixture f;
    REQUIRE(f.get("/v1/status") == 200);
    CHECK(f.document()["decisions"]["failed"] == 0);
    CHECK(f.document()["advice"].empty());
    f.node.fails = true;
    REQUIRE(f.get("/v1/check", "principal=alice") == 200);
    f.response.clear();
    f.check.on_request(RequestView{.method = "GET", .path = "/v1/check", .query = "a=b", .headers = {}},
                       f.response);
    REQUIRE(f.get("/v1/status") == 200);
    CHECK(f.document()["decisions"]["failed"] == 2);
    REQUIRE(f.document()["advice"].size() == 1);
    CHECK(f.document()["advice"][0].get<std::string>().starts_with("2 request(s) could not be decided"));
  }

  TEST_CASE("status counts the live overrides, and those that were refused by reason") {
    Fixture f;
    f.node.now.counts.live = {.overrides = 3,
                              .tombstones = 2,
                              .overrides_max = 10,
                              .refused_full = 4,
                              .refused_clock = 5,
                              .refused_flawed = 6,
                              .refused_unknown = 7};
    REQUIRE(f.get("/v1/status") == 200);
    CHECK(f.document()["overrides"] ==
          json{{"used", 3},
               {"max", 10},
               {"tombstones", 2},
               {"refused", {{"full", 4}, {"clock", 5}, {"flawed", 6}, {"unknown", 7}}}});
  }

  TEST_CASE("whoever puts a caller into the second list is told that it is in both") {
    Fixture f;
    REQUIRE(f.write("PUT", R"({"kind":"enforcing","principal":"alice"})") == 200);
    CHECK(f.document()["note"] == "");
    REQUIRE(f.write("PUT", R"({"kind":"ignoring","principal":"alice"})") == 200);
    CHECK(f.document()["applies"] == true);
    CHECK(f.document()["note"] == "the same caller is in enforcing as well; in both it only learns");
  }

  TEST_CASE("names that are no UTF-8 still make valid JSON") {
    Fixture f;
    f.node.now.cluster = "bad \xff\xfe name";
    REQUIRE(f.get("/v1/status") == 200);
    CHECK_NOTHROW(f.document());
  }

  TEST_CASE("counters: asked with the query of a check, answered by origin") {
    Fixture f;
    f.node.found = {CounterView{
        .rule = "r", .limit = 5, .window_s = 10, .window_id = 2, .total = 4, .shares = {{OriginId{1}, 4}}}};
    REQUIRE(f.get("/v1/counters", "principal=alice") == 200);
    CHECK(f.node.asked_for == "principal=alice");
    CHECK(f.document()["origin"] == "0000000000000abc");
    CHECK(f.document()["counters"][0]["total"] == 4);
    CHECK(f.document()["counters"][0]["components"][0] == json{{"origin", "0000000000000001"}, {"hits", 4}});
    CHECK(f.get("/v1/counters", "principal=%zz") == 400);
    CHECK(f.document().contains("message"));
  }

  TEST_CASE("status says in short what rules do otherwise") {
    Fixture f;
    RuleSet rules = RuleSet::built_in();
    rules.rules[0].exact = true;
    rules.rules[0].overrides.resize(2);
    f.node.now.rules = std::make_shared<RuleSet>(std::move(rules));
    f.node.live.push_back(LiveView{.what = {.kind = LiveOverride::Kind::learning, .learning = true}});
    REQUIRE(f.get("/v1/status") == 200);
    const json rule = f.document()["rules"][0];
    CHECK(rule["exact"] == true);
    CHECK(rule["unlimited"] == false);
    CHECK(rule["learning"] == true);
    CHECK(rule["overrides_count"] == 2);
  }

  TEST_CASE("rules: all, or the one that is asked for") {
    Fixture f;
    REQUIRE(f.get("/v1/rules") == 200);
    CHECK(f.document()["rules"][0]["limits"]["from"] == "built-in");
    CHECK(f.get("/v1/rules", "rule=per-principal") == 200);
    CHECK(f.get("/v1/rules", "rule=other") == 404);
    CHECK(f.message() == "no rule here is named \"other\"");
    CHECK(f.get("/v1/rules", "colour=red") == 400);
    CHECK(f.get("/v1/rules", "rule=") == 400);
    CHECK(f.get("/v1/rules", "rule=per-principal&rule=other") == 400);
    CHECK(f.get("/v1/rules", {}, "PUT") == 405);
  }

  TEST_CASE("overrides: set, listed and taken away") {
    Fixture f;
    const std::string body =
        R"({"kind":"limits","rule":"per-principal","match":{"principal":"alice"},"limits":[{"requests":9,"per":"1s"}],)"
        R"("expires":"1h","set_by":"bob"})";
    REQUIRE(f.write("PUT", body) == 200);
    CHECK(f.wanted_bytes == 65'536);
    const json entry = f.document();
    CHECK(entry ==
          json::parse(R"({"kind":"limits","rule":"per-principal","match":{"principal":"alice"},"principal":"",
      "limits":[{"requests":9,"per":"1s"}],"unlimited":false,"learning":false,"set_by":"bob","set_on":"n1",
      "set_at":"1970-01-01T00:00:00Z","expires_at":"1970-01-01T01:00:00Z","applies":true,"note":""})"));
    REQUIRE(f.get("/v1/overrides") == 200);
    CHECK(f.document()["overrides"] == json::array({entry}));
    CHECK(f.get("/v1/overrides", {}, "HEAD") == 200);
    const std::string subject =
        R"({"kind":"limits","rule":"per-principal","match":{"principal":"alice"},"set_by":"carol"})";
    CHECK(f.write("DELETE", subject) == 200);
    CHECK(f.document() == json{{"deleted", true}});
    CHECK(f.node.cleared.back() == "per-principal by carol");
    CHECK(f.write("DELETE", subject) == 404);
    f.get("/v1/overrides");
    CHECK(f.document()["overrides"].empty());
  }

  TEST_CASE("overrides: a long list is told in parts, so that decisions need not wait for it") {
    Fixture f;
    for (std::size_t i = 0; i < overrides_listed_max + 2; ++i)
      f.node.live.push_back(LiveView{.what = {.rule = "r" + std::to_string(i), .unlimited = true}});
    REQUIRE(f.get("/v1/overrides") == 200);
    CHECK(f.document()["overrides"].size() == overrides_listed_max);
    CHECK(f.document()["more"] == 2);
    REQUIRE(f.get("/v1/overrides", "offset=1000") == 200);
    CHECK(f.document()["overrides"].size() == 2);
    CHECK(f.document()["overrides"][0]["rule"] == "r1000");
    CHECK_FALSE(f.document().contains("more"));
    CHECK(f.get("/v1/overrides", "offset=18446744073709551615") == 200);
    CHECK(f.document()["overrides"].empty());
    for (const std::string_view wrong : {"offset=", "offset=x", "offset=-1", "offset=1x", "offset=1&offset=2",
                                         "rule=r", "offset=18446744073709551616"})
      CHECK(f.get("/v1/overrides", wrong) == 400);
  }

  TEST_CASE("what does nothing here is set all the same, and says why it does nothing") {
    Fixture f;
    REQUIRE(f.write("PUT", R"({"kind":"limits","rule":"gone","unlimited":true})") == 200);
    CHECK(f.document()["applies"] == false);
    CHECK(f.document()["note"].get<std::string>().find("no rule here is named \"gone\"") == 0);
    CHECK(f.document()["expires_at"].is_null());
  }

  TEST_CASE("a write that is refused changes nothing and says why") {
    Fixture f;
    const std::string body = R"({"kind":"learning","learning":true})";
    const std::vector<Header> form{{"Host", "127.0.0.1"},
                                   {"Content-Type", "application/x-www-form-urlencoded"}};
    const std::vector<Header> untyped{{"Host", "127.0.0.1"}};
    const std::vector<Header> charset{{"Host", "127.0.0.1"},
                                      {"content-type", "Application/JSON ; charset=utf-8"}};
    const std::vector<Header> rebound{{"Host", "evil.example"}, {"Content-Type", "application/json"}};
    CHECK(f.write("POST", body) == 405);
    CHECK(f.write("OPTIONS", body) == 405);
    CHECK(f.write("PATCH", body) == 405);
    CHECK(f.wanted_bytes == 0);
    CHECK(f.write("PUT", body, {.headers = form}) == 415);
    CHECK(f.message() ==
          "expected Content-Type: application/json, found \"application/x-www-form-urlencoded\"");
    CHECK(f.write("DELETE", body, {.headers = untyped}) == 415);
    CHECK(f.wanted_bytes == 0);
    CHECK(f.write("PUT", body, {.headers = rebound}) == 403);
    CHECK(f.wanted_bytes == 0);
    CHECK(f.write("PUT", body, {.from = {.address = Address::v4(10, 0, 0, 7), .port = 5}}) == 403);
    CHECK(f.message().find("--admin-token-file") != std::string::npos);
    CHECK(f.write("PUT", std::string(65'537, ' ')) == 413);
    CHECK(f.write("PUT", R"({"kind":"learning"})") == 400);
    CHECK(f.message() == "learning: expected true or false, found none");
    CHECK(f.write("DELETE", "") == 400);
    f.node.refuses = "all 10000 places are taken";
    CHECK(f.write("PUT", body) == 400);
    CHECK(f.message() == "all 10000 places are taken");
    CHECK(f.node.live.empty());
    CHECK(f.node.cleared.empty());
    f.node.refuses.reset();
    CHECK(f.write("PUT", body, {.headers = charset}) == 200);
  }

  TEST_CASE("the token lets clients from elsewhere write") {
    FakeNode node;
    CheckApi check{node};
    AdminApi admin(node, check, WriteAccess("0123456789abcdef"));
    Response response;
    const std::vector<Header> headers{{"Host", "n1.example"},
                                      {"Content-Type", "application/json"},
                                      {"Authorization", "Bearer 0123456789abcdef"}};
    RequestView request{.method = "PUT",
                        .path = "/v1/overrides",
                        .headers = headers,
                        .body = R"({"kind":"learning","learning":true})",
                        .from = {.address = Address::v4(10, 0, 0, 7), .port = 5}};
    CHECK(admin.body_bytes_max(request) > 0);
    admin.on_request(request, response);
    CHECK(response.status() == 200);
    request.headers = std::span(headers).first(2);
    response.clear();
    admin.on_request(request, response);
    CHECK(response.status() == 403);
    CHECK(node.live.size() == 1);
  }

  TEST_CASE("top: the query goes to the node, the answer comes back with this node's name") {
    Fixture f;
    f.node.hottest.rows = {TopRow{.key = CounterKey{1}, .named = true, .principal = "user=alice"}};
    REQUIRE(f.get("/v1/top", "by=denied&n=7&rule=r%201") == 200);
    CHECK(f.node.asked_top == TopQuery{.rule = "r 1", .by = TopQuery::By::denied, .rows_max = 7});
    CHECK(f.document()["node"] == "n1");
    CHECK(f.document()["rows"][0]["principal"] == "user=alice");
    CHECK(f.get("/v1/top", "n=0") == 400);
    CHECK(f.document()["message"].get<std::string>().starts_with("n: expected"));
    CHECK(f.get("/v1/top", {}, "POST") == 405);
  }

  TEST_CASE("what is not there is 404, and only reading is allowed; checks are answered here too") {
    Fixture f;
    CHECK(f.get("/v1/nothing") == 404);
    CHECK(f.get("/v1/peers/") == 404);
    CHECK(f.get("/v1/status", {}, "POST") == 405);
    CHECK(f.get("/v1/status", {}, "HEAD") == 200);
    CHECK(f.get("/v1/check", "principal=a", "POST") == 200);
  }
}

}  // namespace starling::http
