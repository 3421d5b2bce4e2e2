#include "node/status.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

namespace starling {
namespace {

PeerView peer(std::string_view state, std::uint8_t last_byte = 2) {
  PeerView view;
  view.name = "n2";
  view.heartbeat = Endpoint{Address::v4(10, 0, 0, last_byte), 4291};
  view.state = state;
  return view;
}

/// A node of a cluster of two that lacks nothing.
NodeStatus well() {
  NodeStatus status;
  status.name = "n1";
  status.cluster = "blue";
  status.state = EngineState::ready;
  status.neighborhood.host = "peers.svc.";
  status.neighborhood.resolved_ms_ago = 100;
  status.listeners.sync = Endpoint{Address{}, 4290};
  status.listeners.heartbeat = Endpoint{Address{}, 4291};
  status.rules = RuleSet::built_in();  // windows of 10 s
  status.counts.counters_max = 1000;
  status.peers = {peer("alive")};
  return status;
}

/// The only piece of advice there is.
std::string only_advice(const NodeStatus& status) {
  const std::vector<std::string> all = advice(status);
  REQUIRE(all.size() == 1);
  CHECK(all[0].find('\n') == std::string::npos);
  return all[0];
}

bool contains(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

std::uint64_t& dropped(NodeStatus& status, ErrorCode code) {
  return status.counts.dropped[static_cast<std::size_t>(code)];
}

TEST_SUITE("node.status") {
  TEST_CASE("there is no advice when all is well") {
    CHECK(advice(well()).empty());
    NodeStatus alone = well();
    alone.neighborhood = {};
    alone.peers.clear();
    CHECK(advice(alone).empty());
    NodeStatus after_a_rollout = well();
    after_a_rollout.peers.push_back(peer("left", 3));
    after_a_rollout.peers.push_back(peer("suspect", 4));
    dropped(after_a_rollout, ErrorCode::from_self) = 5;
    CHECK(advice(after_a_rollout).empty());
  }

  TEST_CASE("overrides that were refused: for want of room, by the clock, or of a later version") {
    NodeStatus status = well();
    status.counts.live.refused_full = 3;
    status.counts.live.overrides = status.counts.live.overrides_max = 10'000;
    CHECK(contains(only_advice(status), "3 override(s) found no room (10000 of 10000 in use): delete"));
    status = well();
    status.counts.live.refused_clock = 2;
    CHECK(contains(only_advice(status),
                   "2 override(s) were refused because they were set more than 24 h ahead"));
    status = well();
    status.counts.live.refused_unknown = 1;
    CHECK(contains(only_advice(status), "finish the rolling upgrade"));
  }

  TEST_CASE("DNS errors are passed on, each with what to check") {
    NodeStatus status = well();
    status.neighborhood.errors = {"name peers.svc.: timed out; retrying every 5s"};
    const std::string text = only_advice(status);
    CHECK(contains(text, "DNS: name peers.svc.: timed out"));
    CHECK(contains(text, "publishNotReadyAddresses"));
    status.neighborhood.errors.push_back("another");
    CHECK(advice(status).size() == 2);
  }

  TEST_CASE("addresses that never answered are listed with the ports that may be closed") {
    NodeStatus status = well();
    status.peers.push_back(peer("candidate", 3));
    const std::string text = only_advice(status);
    CHECK(contains(text, "1 address(es) never answered a heartbeat (10.0.0.3): "));
    CHECK(contains(text, "UDP 4291 and 4290"));
    CHECK(contains(text, "--cluster"));
  }

  TEST_CASE("of many addresses five are listed, and how many more there are") {
    NodeStatus status = well();
    for (std::uint8_t i = 11; i <= 15; ++i) status.peers.push_back(peer("candidate", i));
    CHECK(contains(only_advice(status), "(10.0.0.11, 10.0.0.12, 10.0.0.13, 10.0.0.14, 10.0.0.15): "));
    status.peers.push_back(peer("candidate", 16));
    status.peers.push_back(peer("candidate", 17));
    CHECK(contains(only_advice(status), "7 address(es)"));
    CHECK(contains(only_advice(status), "10.0.0.15 and 2 more): "));
    CHECK_FALSE(contains(only_advice(status), "10.0.0.16"));
  }

  TEST_CASE("dead peers are listed, and what their silence means") {
    NodeStatus status = well();
    status.peers.push_back(peer("dead", 9));
    CHECK(contains(only_advice(status),
                   "1 peer(s) fell silent (10.0.0.9): this node enforces the limits with those"));
  }

  TEST_CASE("a peer's clock is worth a word from a tenth of the smallest window on, either way") {
    NodeStatus status = well();
    for (const std::int64_t skew_ms : {1000, -1000, 0}) {
      status.peers[0].clock_skew_ms = skew_ms;
      CHECK(advice(status).empty());
    }
    for (const std::int64_t skew_ms : {1001, -1001}) {
      status.peers[0].clock_skew_ms = skew_ms;
      const std::string text = only_advice(status);
      CHECK(contains(text, "the clock of n2 differs by " + std::to_string(skew_ms) + " ms"));
      CHECK(contains(text, "smallest window (10 s)"));
      CHECK(contains(text, "NTP"));
    }
    status.rules.rules[0].limits.push_back({1, 1});
    status.peers[0].clock_skew_ms = 101;
    CHECK(contains(only_advice(status), "smallest window (1 s)"));
    status.peers[0].state = "dead";
    CHECK_FALSE(contains(only_advice(status), "clock"));  // who is gone needs no clock
  }

  TEST_CASE("counts that have been missing for long point to the sync port") {
    NodeStatus status = well();
    status.peers[0].lag_ms = 2000;
    CHECK(advice(status).empty());
    status.peers[0].lag_ms = 2001;
    CHECK(contains(only_advice(status), "counts of n2 have been missing for 2001 ms: UDP 4290"));
  }

  TEST_CASE("a full table says what to raise") {
    NodeStatus status = well();
    status.counts.uncounted = 3;
    CHECK(contains(only_advice(status), "3 limit(s) went uncounted: raise --max-counters (now 1000)"));
  }

  TEST_CASE("decisions that failed point to the log") {
    NodeStatus status = well();
    status.decisions_failed = 2;
    CHECK(contains(
        only_advice(status),
        "2 request(s) could not be decided, and passed unless their gateway says otherwise: the log"));
  }

  TEST_CASE("a refused reload, another cluster and another protocol are each told") {
    NodeStatus status = well();
    status.reload_error = "rules.yaml:1:1: the file: unknown key";
    CHECK(contains(only_advice(status), "the old rules are in force: rules.yaml:1:1: the file: unknown key"));
    status = well();
    dropped(status, ErrorCode::wrong_cluster) = 4;
    CHECK(contains(only_advice(status), "4 datagram(s) came from a cluster of another name"));
    CHECK(contains(only_advice(status), "(here: blue)"));
    status = well();
    dropped(status, ErrorCode::wrong_protocol) = 5;
    CHECK(contains(only_advice(status), "5 datagram(s) were of a protocol version"));
    CHECK(contains(only_advice(status), "rolling upgrade"));
  }

  TEST_CASE("what keeps nodes apart comes before what only skews counts") {
    NodeStatus status = well();
    status.counts.uncounted = 1;
    status.peers[0].lag_ms = 9999;
    status.peers.push_back(peer("candidate", 3));
    status.neighborhood.errors = {"x"};
    const std::vector<std::string> all = advice(status);
    REQUIRE(all.size() == 4);
    CHECK(contains(all[0], "DNS"));
    CHECK(contains(all[1], "never answered"));
    CHECK(contains(all[2], "missing"));
    CHECK(contains(all[3], "uncounted"));
  }

  TEST_CASE("a ready node needs no reason, every other one has its own") {
    NodeStatus status = well();
    CHECK(not_ready_reason(status).empty());
    CHECK(status.ready());
    status.state = EngineState::leaving;
    CHECK(not_ready_reason(status).starts_with("leaving: "));
    CHECK_FALSE(status.ready());
    status.state = EngineState::left;
    CHECK(not_ready_reason(status).starts_with("left: "));
    status.state = EngineState::joining;
    status.peers = {peer("alive"), peer("alive"), peer("candidate"), peer("dead")};
    CHECK(not_ready_reason(status) ==
          "joining: waiting for the counts of 2 peer(s), 1 address(es) have not answered yet");
    status.neighborhood.resolved_ms_ago = std::nullopt;
    CHECK(not_ready_reason(status) == "joining: peers.svc. is not resolved yet");
  }
}

}  // namespace
}  // namespace starling
