/// Views inside against those of the public API, field by field.
#include "embed/public_view.hpp"

#include <doctest/doctest.h>

#include "node/advice.hpp"

#include <vector>

namespace starling::embed {

TEST_SUITE("embed.public_view") {
  TEST_CASE("every state has its name, the same inside and outside") {
    for (const EngineState state :
         {EngineState::joining, EngineState::ready, EngineState::leaving, EngineState::left})
      CHECK(embed::name(state_of(state)) == starling::name(state));
    CHECK(embed::name(State::idle) == "idle");
  }

  TEST_CASE("a peer arrives whole") {
    const std::vector<Peer> peers =
        peers_of({PeerView{.name = "b",
                           .heartbeat = {.address = Address::v4(10, 0, 0, 2), .port = 4291},
                           .sync = {},
                           .origin = OriginId{7},
                           .state = "alive",
                           .heard_ms_ago = 1,
                           .rtt_us = 2,
                           .lag_ms = 3,
                           .clock_skew_ms = -4,
                           .software = "0.1.0"},
                  PeerView{.state = "candidate"}});
    REQUIRE(peers.size() == 2);
    CHECK(peers[0].name == "b");
    CHECK(peers[0].address == "10.0.0.2:4291");
    CHECK(peers[0].origin == 7);
    CHECK(peers[0].state == "alive");
    CHECK(peers[0].version == "0.1.0");
    CHECK(peers[0].heard_ms_ago == 1);
    CHECK(peers[0].rtt_us == 2);
    CHECK(peers[0].lag_ms == 3);
    CHECK(peers[0].clock_skew_ms == -4);
    CHECK(peers[1].state == "candidate");
    CHECK_FALSE(peers[1].rtt_us.has_value());
  }

  TEST_CASE("counts and status arrive whole, with advice") {
    NodeStatus inside;
    inside.name = "a";
    inside.cluster = "c";
    inside.origin = OriginId{5};
    inside.state = EngineState::ready;
    inside.uptime_ms = 6;
    inside.neighborhood.host = "n";
    inside.neighborhood.addresses = {{.address = Address::v4(10, 0, 0, 2), .port = 4291}};
    inside.listeners.sync = {.address = Address::v4(10, 0, 0, 1), .port = 4290};
    inside.listeners.heartbeat = {.address = Address::v4(10, 0, 0, 1), .port = 4291};
    inside.rules = std::make_shared<RuleSet>(RuleSet::built_in());
    inside.counts.allowed = 11;
    inside.counts.denied = 12;
    inside.counts.uncounted = 13;
    inside.counts.counters_used = 14;
    inside.counts.counters_max = 15;
    inside.counts.nodes_count = 16;
    inside.counts.isolated = true;
    inside.decisions_failed = 17;
    inside[Trouble::decisions_failed] = {.total = 17, .recent = 1};
    inside[Trouble::uncounted] = {.total = 13, .recent = 13};
    inside.rules_from = "built-in";  // a note, and no advice
    const Status status = status_of(inside);
    CHECK(status.name == "a");
    CHECK(status.cluster == "c");
    CHECK(status.origin == 5);
    CHECK(status.state == State::ready);
    CHECK(status.uptime_ms == 6);
    CHECK(status.neighborhood == std::vector<std::string>{"10.0.0.2:4291"});
    CHECK(status.sync_address == "10.0.0.1:4290");
    CHECK(status.heartbeat_address == "10.0.0.1:4291");
    CHECK(status.counts.allowed == 11);
    CHECK(status.counts.denied == 12);
    CHECK(status.counts.uncounted == 13);
    CHECK(status.counts.counters == 14);
    CHECK(status.counts.counters_max == 15);
    CHECK(status.counts.cluster_size == 16);
    CHECK(status.counts.isolated);
    CHECK(status.counts.failed == 17);
    CHECK(status.counts.rules == 1);
    REQUIRE(status.advice.size() == 3);  // decisions that failed, nobody to reach, a full table
    CHECK(status.advice[0] == advice_of(inside)[0].text);
  }
}

}  // namespace starling::embed
