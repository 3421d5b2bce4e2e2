#include "cli/views.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "support.hpp"

namespace starling::cli {
namespace {

using testing::check_robust;
using testing::contains;
using testing::lines_of;

const Json peers_document = Json::parse(R"({"node": "n1", "peers": [
  {"name": "n2", "address": "10.0.0.2", "heartbeat_endpoint": "10.0.0.2:4291", "sync_endpoint": "10.0.0.2:4290",
   "origin": "00000000000000aa", "state": "alive", "age_ms": 200000, "heard_ms_ago": 120, "rtt_us": 850,
   "lag_ms": 1500, "missing_versions": 3, "unacked_versions": 4, "clock_skew_ms": -7, "version": "0.1.0"},
  {"name": "", "address": "10.0.0.3", "heartbeat_endpoint": "10.0.0.3:4291", "sync_endpoint": "", "origin": "",
   "state": "candidate", "age_ms": 0, "heard_ms_ago": 0, "rtt_us": null, "lag_ms": 0, "missing_versions": 0,
   "unacked_versions": 0, "clock_skew_ms": 0, "version": ""},
  {"name": "n4", "address": "10.0.0.4", "state": "dead", "age_ms": 90000, "lag_ms": 0, "rtt_us": 12345}]})");

const Json status_document = Json::parse(R"({
  "node": {"name": "n1", "origin": "00000000000000aa", "version": "0.1.0", "uptime_ms": 61000, "cluster": "blue"},
  "state": "ready", "ready": true, "reason": "", "advice": [], "cluster_size": 3,
  "listeners": {"http": "[::]:8080", "grpc": "[::]:8081", "admin": "[::]:9090", "sync": "[::]:4290", "heartbeat": "[::]:4291"},
  "neighborhood": {"host": "peers.svc.", "addresses": ["10.0.0.2:4291", "10.0.0.3:4291"],
                   "last_resolved_ms_ago": 2500, "error": null},
  "settings": [{"name": "sync-port", "value": "4290", "source": "default"},
               {"name": "node-name", "value": "", "source": "default"}],
  "domain": "gateway", "rules_from": "rules.yaml", "reload_error": null,
  "rules": [{"name": "login", "match": {"client_ip": "*", "path": "/login"},
             "limits": [{"requests": 5, "per": "1s"}, {"requests": 60, "per": "1m"}]}],
  "counters": {"used": 12, "max": 1000000}, "decisions": {"allowed": 7, "denied": 2, "uncounted": 0},
  "datagrams": {"received": 100, "accepted": 99, "sent": 50, "dropped": {"malformed": 1, "from_self": 9, "too_short": 0}}})");

TEST_SUITE("cli.views peers") {
  TEST_CASE("the columns a person asks for, and a line that sums up") {
    CHECK(render_peers(peers_document, false) ==
          "NAME  ADDRESS   STATE      AGE    RTT     LAG  VERSION\n"
          "n2    10.0.0.2  alive      3m20s  850us   1s   0.1.0\n"
          "-     10.0.0.3  candidate  -      -       -    -\n"
          "n4    10.0.0.4  dead       1m30s  12.3ms  0s   -\n"
          "1 alive, 1 dead, 1 candidate seen by n1; slowest counts 1s behind\n");
  }

  TEST_CASE("wide adds what a developer wants") {
    const auto lines = lines_of(render_peers(peers_document, true));
    CHECK(
        contains(lines[0], "VERSION  ORIGIN            HEARD  MISSING  UNACKED  SKEW  HEARTBEAT      SYNC"));
    CHECK(
        contains(lines[1], "00000000000000aa  120ms  3        4        -7ms  10.0.0.2:4291  10.0.0.2:4290"));
  }

  TEST_CASE("wide tells what each peer's last packet was sealed with; an older node does not know") {
    Json document = peers_document;
    CHECK(lines_of(render_peers(document, true))[1].ends_with("10.0.0.2:4290  -"));
    document["peers"][0]["key"] = "ab12cd34";
    document["peers"][1]["key"] = nullptr;
    document["peers"][2]["key"] = nullptr;
    const auto lines = lines_of(render_peers(document, true));
    CHECK(lines[0].ends_with("KEY"));
    CHECK(lines[1].ends_with("ab12cd34"));
    CHECK(lines[2].ends_with(" -"));  // nothing has come from a candidate
    CHECK(lines[3].ends_with("plain"));
  }

  TEST_CASE("a node alone says so") {
    CHECK(render_peers(Json::parse(R"({"node": "n1", "peers": []})"), false) ==
          "NAME  ADDRESS  STATE  AGE  RTT  LAG  VERSION\nno peers seen by n1; slowest counts 0s behind\n");
  }

  TEST_CASE("a name cannot forge a line or speak to the terminal") {
    Json document = peers_document;
    document["peers"][0]["name"] = "n2\nn9  10.0.0.9  alive\x1b[1A";
    document["node"] = "n1\x1b]0;title\x07\nx";
    const std::string text = render_peers(document, false);
    CHECK(lines_of(text).size() == 5);
    CHECK(contains(text, "n2\\nn9"));
    CHECK(contains(text, "seen by n1\\u001b]0;title\\u0007\\nx;"));
  }

  TEST_CASE("documents that lack or mistake anything are shown all the same") {
    check_robust(peers_document, [](const Json& document) { return render_peers(document, true); });
  }
}

TEST_SUITE("cli.views status") {
  TEST_CASE("the node in a screenful") {
    const auto lines = lines_of(render_status(status_document));
    const std::vector<std::string> expected{
        "healthy",
        "",
        "node          n1 (starling 0.1.0, cluster blue, origin 00000000000000aa), up 1m1s",
        "state         ready",
        "cluster       3 live node(s), this one included",
        "listening     http [::]:8080, grpc [::]:8081, admin [::]:9090, sync [::]:4290, heartbeat [::]:4291",
        "neighborhood  peers.svc.: 2 address(es), resolved 2s ago",
        "counters      12 of 1000000",
        "decisions     7 allowed, 2 denied, 0 uncounted",
        "datagrams     100 received, 50 sent; dropped: malformed 1",
        "rules         1 from rules.yaml, domain gateway",
        "  login {client_ip: *, path: /login} 5 per 1s, 60 per 1m",
        "",
        "SETTING    VALUE  FROM",
        "sync-port  4290   default",
        "node-name  -      default",
        "",
        "All is well: nothing to do.",
    };
    CHECK(lines == expected);
  }

  TEST_CASE("the key ring: none, in force, half way, refused since") {
    Json document = status_document;
    document["keys"] = Json::parse(R"({"file": "", "ids": [], "plain": "sent", "ring": "", "opened": 0,
      "reload_error": null, "reloads": {"ok": 0, "failed": 0, "last_ms_ago": null}})");
    const auto said = [&] {
      const std::string text = render_status(document);
      const std::size_t at = text.find("keys ");
      return at == std::string::npos ? "" : text.substr(at, text.find('\n', at) - at);
    };
    CHECK(said() == "keys          none: gossip is not encrypted");
    document["keys"].update(
        {{"file", "/etc/k"}, {"ids", {"ab12cd34"}}, {"plain", "refused"}, {"ring", "ab12cd34"}});
    CHECK(said() == "keys          ab12cd34 from /etc/k");
    document["keys"].update({{"plain", "accepted"}, {"ring", "ab12cd34,plain"}});
    CHECK(said() == "keys          ab12cd34,plain from /etc/k; plain packets are still taken");
    document["keys"].update({{"plain", "sent"}, {"ring", "plain,ab12cd34"}});
    CHECK(said() == "keys          plain,ab12cd34 from /etc/k; not encrypted yet");
    document["keys"].update(
        {{"plain", "refused"}, {"ring", "ab12cd34"}, {"reload_error", "/etc/k:1: expected a key"}});
    document["keys"]["reloads"] = {{"ok", 2}, {"failed", 1}, {"last_ms_ago", 61000}};
    CHECK(said() ==
          "keys          ab12cd34 from /etc/k; the file was refused since; 2 change(s), 1 refused, the last "
          "1m1s ago");
  }

  TEST_CASE("each front end tells where it listens and what came in") {
    Json document = status_document;
    document["front_ends"] = Json::parse(R"([
      {"name": "http", "listeners": ["[::]:8080", "unix:/run/s\u001b"], "requests": 12,
       "connections": {"open": 3, "accepted": 9, "refused": 2}, "errors": {"head_timeout": 4, "malformed_request": 1}},
      {"name": "admin", "listeners": ["[::]:9090"], "requests": 1,
       "connections": {"open": 1, "accepted": 1, "refused": 0}, "errors": {}}])");
    const std::string text = render_status(document);
    CHECK(contains(
        text,
        "listening     http [::]:8080 and unix:/run/s\\u001b, admin [::]:9090, sync [::]:4290, heartbeat "
        "[::]:4291\n"));
    CHECK(contains(
        text,
        "\nhttp          12 requests, 3 connection(s) open, 2 refused; 5 error(s), -o wide tells which\n"
        "admin         1 requests, 1 connection(s) open\n"));
    CHECK(
        contains(render_status(document, true), "2 refused; errors: head_timeout 4, malformed_request 1\n"));
    check_robust(document, [](const Json& each) { return render_status(each, true); });
  }

  TEST_CASE("overrides are counted, and what ended or was refused if anything was") {
    Json document = status_document;
    document["overrides"] =
        Json::parse(R"({"used": 3, "max": 10, "tombstones": 0, "refused": {"full": 0, "clock": 0}})");
    CHECK(contains(render_status(document), "overrides     3 of 10\n"));
    document["overrides"]["tombstones"] = 2;
    document["overrides"]["refused"]["clock"] = 4;
    CHECK(
        contains(render_status(document), "overrides     3 of 10; 2 ended within a day; refused: clock 4\n"));
    document["decisions"]["failed"] = 5;
    CHECK(contains(render_status(document), "2 denied, 0 uncounted, 5 failed and passed\n"));
  }

  TEST_CASE("reloads are told once there was one") {
    Json document = status_document;
    document["reloads"] = {{"ok", 0}, {"failed", 0}, {"last_ms_ago", nullptr}};
    CHECK_FALSE(contains(render_status(document), "reloads"));
    document["reloads"] = {{"ok", 2}, {"failed", 1}, {"last_ms_ago", 61'000}};
    CHECK(contains(render_status(document), "\nreloads       2 ok, 1 refused, the last 1m1s ago\n"));
  }

  TEST_CASE("why it is not ready, what to do, and what is not known yet") {
    Json document = status_document;
    document["state"] = "joining";
    document["reason"] = "joining: peers.svc. is not resolved yet";
    document["advice"] = {"first this", "then\nthat\x1b[0m"};
    document["neighborhood"]["last_resolved_ms_ago"] = nullptr;
    document["datagrams"]["dropped"] = Json::object();
    const std::string text = render_status(document);
    CHECK(contains(text, "state         joining: peers.svc. is not resolved yet\n"));
    CHECK(contains(text, "2 address(es), not resolved yet\n"));
    CHECK(contains(text, "dropped: none\n"));
    document["cluster_known"] = 5;
    document["rules"][0]["algorithm"] = "sliding_window";
    document["rules"][0]["admission"] = "optimistic";
    document["rules"][0]["when_isolated"] = "share";
    document["rules"][0]["when_full"] = "learning";
    const std::string divided = render_status(document);
    CHECK(contains(divided, "3 live node(s), this one included; 5 known\n"));
    CHECK(contains(divided, "5 per 1s, 60 per 1m; sliding_window, when_isolated: share\n"));
    document["rules"][0]["exact"] = true;
    document["rules"][0]["learning"] = true;
    document["rules"][0]["unlimited"] = true;
    document["rules"][0]["overrides_count"] = 2;
    CHECK(contains(render_status(document),
                   "} unlimited; sliding_window, when_isolated: share, exact, learning, 2 override(s)\n"));
    CHECK(contains(text, "\nWhat to do next:\n- first this\n- then\\nthat\\u001b[0m\n"));
    document["neighborhood"]["host"] = "";
    CHECK(contains(render_status(document), "neighborhood  none: a cluster of one\n"));
  }

  TEST_CASE("the first line is a verdict, and notes are no things to do") {
    Json document = status_document;
    CHECK(lines_of(render_status(document))[0] == "healthy");
    document["reason"] = "joining: peers.svc. is not resolved yet";
    CHECK(lines_of(render_status(document))[0] == "not ready: joining: peers.svc. is not resolved yet");
    document["verdict"] = "1 thing to do";
    document["advice"] = {"this", "by the way"};
    document["advice_items"] = {{{"code", "a"}, {"kind", "to_do"}, {"text", "this"}},
                                {{"code", "b"}, {"kind", "note"}, {"text", "by the\nway"}}};
    const std::string text = render_status(document);
    CHECK(lines_of(text)[0] == "1 thing to do; not ready: joining: peers.svc. is not resolved yet");
    CHECK(text.ends_with("What to do next:\n- this\nWorth knowing:\n- by the\\nway\n"));
  }

  TEST_CASE("colours say how it is, and take nothing away") {
    const Paint paint(true);
    const auto painted = [&](const Json& document) { return render_status(document, false, paint); };
    const auto plain = [](std::string text) {
      for (std::size_t at = 0; (at = text.find('\x1b')) != std::string::npos;)
        text.erase(at, text.find('m', at) + 1 - at);
      return text;
    };
    Json document = status_document;
    CHECK(lines_of(painted(document))[0] == "\x1b[32mhealthy\x1b[0m");
    CHECK(contains(painted(document), "state         \x1b[32mready\x1b[0m\n"));
    document["verdict"] = "1 thing to do";
    document["decisions"]["failed"] = 5;
    CHECK(lines_of(painted(document))[0] == "\x1b[33m1 thing to do\x1b[0m");
    CHECK(contains(painted(document), "0 uncounted, \x1b[31m5 failed and passed\x1b[0m\n"));
    document["reason"] = "isolated\x1b[32m";
    CHECK(lines_of(painted(document))[0] == "\x1b[31m1 thing to do; not ready: isolated\\u001b[32m\x1b[0m");
    CHECK(contains(painted(document), "state         \x1b[31misolated\\u001b[32m\x1b[0m\n"));
    for (const Json& each : {status_document, document}) {
      CHECK(plain(painted(each)) == render_status(each));
      CHECK_FALSE(contains(render_status(each), "\x1b"));
    }
  }

  TEST_CASE("a document without advice does not claim that all is well") {
    Json document = status_document;
    document.erase("advice");
    CHECK_FALSE(contains(render_status(document), "All is well"));
  }

  TEST_CASE("rules cannot forge a line or speak to the terminal") {
    Json document = status_document;
    document["rules"][0]["match"] = {{"k\n\x1b", "v\n\x1b"}};
    document["rules"][0]["name"] = "r\n";
    CHECK(contains(render_status(document), "\n  r\\n {k\\n\\u001b: v\\n\\u001b} 5 per 1s"));
  }

  TEST_CASE("documents that lack or mistake anything are shown all the same") {
    check_robust(status_document, [](const Json& document) { return render_status(document); });
  }
}

}  // namespace
}  // namespace starling::cli
