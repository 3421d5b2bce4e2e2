/// The page as a whole; what a real node says on it is in tests/integration/test_metrics.py.
#include "metrics/page.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>

namespace starling::metrics {
namespace {

bool has_line(const std::string& page, const std::string& line) {
  return ("\n" + page).find("\n" + line + "\n") != std::string::npos;
}

std::size_t lines_with(const std::string& page, const std::string& start) {
  std::size_t count = 0;
  for (std::size_t at = page.find("\n" + start); at != std::string::npos;
       at = page.find("\n" + start, at + 1))
    ++count;
  return count;
}

PeerView peer(const std::string& name, std::uint8_t host, std::string_view state = "alive") {
  PeerView view;
  view.name = name;
  view.heartbeat = {Address::v4(127, 0, 0, host), 4291};
  view.state = state;
  view.rtt_us = 500;
  view.lag_ms = 20;
  view.clock_skew_ms = -40;
  return view;
}

}  // namespace

TEST_SUITE("metrics.page") {
  TEST_CASE("a node that has counted nothing has a whole page, with at most one TYPE for each name") {
    const std::string text = page({});
    CHECK(has_line(text, "# TYPE starling_verdicts_total counter"));
    CHECK(has_line(text, "starling_verdicts_total{result=\"denied\"} 0"));
    CHECK(has_line(text, "starling_gossip_dropped_total{reason=\"window_out_of_range\"} 0"));
    CHECK(text.back() == '\n');
    std::size_t families = 0;
    for (std::size_t at = text.find("# TYPE "); at != std::string::npos; at = text.find("# TYPE ", at + 1)) {
      ++families;
      const std::string line = text.substr(at, text.find(' ', at + 7) - at + 1);
      CHECK(text.find(line) == text.rfind(line));
    }
    CHECK(families > 40);
  }

  TEST_CASE("counters above a million are written whole") {
    Snapshot snapshot;
    snapshot.node.engine.allowed = 1'234'567'890'123;
    CHECK(has_line(page(snapshot), "starling_verdicts_total{result=\"allowed\"} 1234567890123"));
  }

  TEST_CASE("rules whose names differ only in what is no text are one") {
    Snapshot snapshot;
    snapshot.node.rules = {{.domain = "d", .rule = "a\xFF", .requests = {1, 2, 3}},
                           {.domain = "d", .rule = "a\xFE", .requests = {10, 20, 30}},
                           {.domain = "d", .rule = "b\"\\\n", .requests = {4, 0, 0}}};
    const std::string text = page(snapshot);
    CHECK(
        has_line(text, "starling_decisions_total{domain=\"d\",rule=\"a\xEF\xBF\xBD\",result=\"denied\"} 33"));
    CHECK(has_line(text, R"(starling_decisions_total{domain="d",rule="b\"\\\n",result="allowed"} 4)"));
    CHECK(lines_with(text, "starling_decisions_total{") == 6);
  }

  TEST_CASE("peers: states, the live ones by name, the largest of all") {
    Snapshot snapshot;
    snapshot.node.peers = {peer("n1", 1), peer("n2", 2, "suspect"), peer("n3", 3, "dead"),
                           peer("", 4, "candidate")};
    snapshot.node.peers[1].lag_ms = 3000;
    snapshot.node.peers[1].rtt_us.reset();
    snapshot.node.peers[2].lag_ms = 99'000;
    const std::string text = page(snapshot);
    for (const char* state : {"candidate", "alive", "suspect", "dead"})
      CHECK(has_line(text, "starling_peers{state=\"" + std::string(state) + "\"} 1"));
    CHECK(has_line(text, "starling_peers{state=\"left\"} 0"));
    CHECK(lines_with(text, "starling_peer_lag_seconds{") == 2);
    CHECK(lines_with(text, "starling_peer_rtt_seconds{") == 1);  // the other one is not known
    CHECK(has_line(text, "starling_peer_lag_seconds{peer=\"n2\",address=\"127.0.0.2\"} 3"));
    CHECK(has_line(text, "starling_peer_lag_seconds_max 3"));
    CHECK(has_line(
        text, "starling_peer_clock_skew_seconds{peer=\"n1\",address=\"127.0.0.1\"} -0.04"));
    CHECK(has_line(text, "starling_peer_clock_skew_seconds_max 0.04"));
  }

  TEST_CASE("of two lives of one node at one place the one that is alive is shown, once") {
    Snapshot snapshot;
    snapshot.node.peers = {peer("n1", 1, "suspect"), peer("n1", 1, "suspect"), peer("n1", 1), peer("n1", 2)};
    snapshot.node.peers[2].lag_ms = 7000;
    const std::string text = page(snapshot);
    CHECK(has_line(text, "starling_peer_lag_seconds{peer=\"n1\",address=\"127.0.0.1\"} 7"));
    CHECK(lines_with(text, "starling_peer_lag_seconds{peer=\"n1\",address=\"127.0.0.2\"}") == 1);
    CHECK(lines_with(text, "starling_peer_lag_seconds{peer=\"n1\",address=\"127.0.0.1:4291\"}") == 1);
    CHECK(lines_with(text, "starling_peer_lag_seconds{") == 3);
  }

  TEST_CASE("a peer's name is what it says it is: no text breaks the page") {
    Snapshot snapshot;
    snapshot.node.peers = {peer("x\"} 1\nstarling_ready 7\xFF", 1)};
    const std::string text = page(snapshot);
    CHECK(has_line(text, "starling_ready 0"));
    CHECK(lines_with(text, "starling_ready ") == 1);
    CHECK(text.find("peer=\"x\\\"} 1\\nstarling_ready 7\xEF\xBF\xBD\"") != std::string::npos);
  }

  TEST_CASE("a thousand rules with the longest names and three hundred peers make a page of bounded size") {
    Snapshot snapshot;
    std::vector<std::string> names;
    for (int i = 0; i < 1'001; ++i) names.push_back(std::to_string(i) + std::string(252, '"'));
    for (const std::string& name : names)
      snapshot.node.rules.push_back({.domain = names[0], .rule = name, .requests = {1, 1, 1}});
    for (int i = 0; i < 300; ++i)
      snapshot.node.peers.push_back(
          peer(std::string(60, 'p') + std::to_string(i), static_cast<std::uint8_t>(i % 250)));
    const std::string text = page(snapshot);
    CHECK(lines_with(text, "starling_peer_lag_seconds{") == 100);
    CHECK(text.size() < 4'000'000);
  }

  TEST_CASE("a histogram is cumulative and ends with everything") {
    constexpr std::array<Duration, 2> bounds{std::chrono::microseconds(10), std::chrono::milliseconds(1)};
    Snapshot snapshot;
    snapshot.loop_busy = DurationHistogram(bounds);
    for (const int us : {5, 7, 500, 2000}) snapshot.loop_busy.observe(std::chrono::microseconds(us));
    const std::string text = page(snapshot);
    CHECK(has_line(text, "starling_loop_busy_seconds_count 4"));
    CHECK(has_line(text, "starling_loop_busy_seconds_bucket{le=\"0.001\"} 3"));
    CHECK(has_line(text, "starling_loop_busy_seconds_bucket{le=\"+Inf\"} 4"));
  }
}

}  // namespace starling::metrics
