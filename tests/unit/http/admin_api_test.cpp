#include "http/admin_api.hpp"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

namespace starling::http {
namespace {

using nlohmann::json;

struct FakeNode final : AdminService, CheckService {
  NodeStatus now;
  std::vector<CounterView> found;
  std::string asked_for;

  FakeNode() {
    now.name = "n1";
    now.origin = OriginId{0xabc};
    now.cluster = "c";
    now.state = EngineState::ready;
    now.rules = RuleSet::built_in();
  }
  NodeStatus status() const override { return now; }
  std::vector<CounterView> counters(const starling::Request& request) override {
    for (const Entry& entry : request.descriptors[0].entries)
      asked_for += std::string(entry.key) + "=" + std::string(entry.value);
    return found;
  }
  std::vector<LiveView> live_overrides() const override { return {}; }
  tl::expected<LiveView, std::string> set_live(const LiveChange&) override {
    return tl::unexpected<std::string>("refused");
  }
  bool clear_live(const LiveOverride&, const std::string&) override { return false; }
  Decision decide(const starling::Request&) override { return {}; }
  WallTime decided_at() const override { return {}; }
  std::string_view node_name() const override { return now.name; }
};

struct Fixture {
  FakeNode node;
  CheckApi check{node};
  AdminApi admin{node, check};
  Response response;

  int get(std::string_view path, std::string_view query = {}, std::string_view method = "GET") {
    response.clear();
    admin.on_request(RequestView{.method = method, .path = path, .query = query, .headers = {}}, response);
    return response.status();
  }
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
