#include "node/advice.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "node/resolver.hpp"

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
  status.rules = std::make_shared<RuleSet>(RuleSet::built_in());  // windows of 10 s
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

/// The code of the only piece of advice there is.
std::string only_code(const NodeStatus& status) {
  const std::vector<Advice> all = advice_of(status);
  REQUIRE(all.size() == 1);
  return std::string(all[0].code);
}

/// It happened `count` times lately.
void happened(NodeStatus& status, Trouble trouble, std::uint64_t count) {
  status[trouble] = {.total = count + 100, .recent = count};
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
    CHECK(advice(after_a_rollout).empty());
  }

  TEST_CASE("overrides that were refused: for want of room, by the clock, or of a later version") {
    NodeStatus status = well();
    happened(status, Trouble::overrides_full, 3);
    status.counts.live.overrides = status.counts.live.overrides_max = 10'000;
    CHECK(contains(only_advice(status),
                   "3 override(s) found no room in the last 10 minutes (10000 of 10000 in use): delete"));
    status = well();
    happened(status, Trouble::overrides_clock, 2);
    CHECK(contains(
        only_advice(status),
        "2 override(s) were refused in the last 10 minutes because they were set more than 24 h ahead"));
    status = well();
    happened(status, Trouble::overrides_unknown, 1);
    CHECK(contains(only_advice(status), "finish the rolling upgrade"));
  }

  TEST_CASE("DNS errors are passed on, each with what to check") {
    NodeStatus status = well();
    const auto dns = [&](DnsFault fault, const std::string& code, std::string_view what) {
      status.neighborhood.errors = {"name peers.svc.: so it is; retrying every 5s"};
      status.neighborhood.faults = {fault};
      CHECK(contains(only_advice(status), "DNS: name peers.svc.: so it is; retrying every 5s. "));
      CHECK(contains(only_advice(status), what));
      CHECK(only_code(status) == code);
    };
    dns(DnsFault::not_found, "dns_not_found", "Check the name in --neighborhood-host");
    dns(DnsFault::no_addresses, "dns_no_addresses", "publishNotReadyAddresses");
    dns(DnsFault::timed_out, "dns_timed_out", "53");
    dns(DnsFault::refused, "dns_refused", "/etc/resolv.conf");
    dns(DnsFault::other, "dns_failed", "Check that the name is right");
    status.neighborhood.errors.push_back("another");
    CHECK(advice(status).size() == 2);
  }

  TEST_CASE("a DNS server that knows one family only is a note, for the addresses of the other are there") {
    NodeStatus status = well();
    status.neighborhood.errors = {"name peers.svc.: A: ok, AAAA: refused; retrying every 5s"};
    status.neighborhood.faults = {DnsFault::one_family};
    const std::vector<Advice> advices = advice_of(status);
    REQUIRE(advices.size() == 1);
    CHECK(advices[0].code == "dns_one_family");
    CHECK(advices[0].is_note);
    CHECK(verdict(advices) == "healthy");
    Resolution resolution;
    resolution.faults = {DnsFault::one_family};
    CHECK(resolution.found_all());
    resolution.faults.push_back(DnsFault::timed_out);
    CHECK_FALSE(resolution.found_all());
  }

  TEST_CASE("addresses that never answered are listed with the ports that may be closed") {
    NodeStatus status = well();
    status.peers.push_back(peer("candidate", 3));
    const std::string text = only_advice(status);
    CHECK(contains(text, "1 address(es) never answered a heartbeat (10.0.0.3): "));
    CHECK(contains(text, "UDP 4291 and 4290"));
    CHECK(contains(text, "--cluster"));
    CHECK(only_code(status) == "never_answered");
  }

  TEST_CASE("an address that is heard and does not hear us is blocked one way") {
    NodeStatus status = well();
    status.peers.push_back(peer("candidate", 3));
    status.peers.back().heard = true;
    CHECK(contains(only_advice(status), "1 address(es) send heartbeats and never hear ours (10.0.0.3): UDP"));
    CHECK(only_code(status) == "one_way");
  }

  TEST_CASE("a list of ourselves alone is worth knowing, and not wrong") {
    NodeStatus status = well();
    status.peers.clear();
    CHECK(only_code(status) == "only_ourselves");
    CHECK(contains(only_advice(status), "peers.svc. lists this node alone"));
    CHECK(verdict(advice_of(status)) == "healthy");
  }

  TEST_CASE("isolated: what each rule does about it") {
    NodeStatus status = well();
    status.peers = {peer("dead", 9)};
    status.counts.isolated = true;
    status.counts.known_count = 3;
    RuleSet rules = *status.rules;
    Rule open = rules.rules[0];
    open.name = "open";
    open.when_isolated = WhenIsolated::learning;
    rules.rules.push_back(open);
    status.rules = std::make_shared<RuleSet>(std::move(rules));
    const std::vector<Advice> all = advice_of(status);
    REQUIRE(all.size() == 2);
    CHECK(all[0].code == "isolated");
    CHECK(contains(all[0].text, "2 other node(s) are known and none can be reached"));
    CHECK(
        contains(all[0].text, "the full limit alone (" + status.rules->rules[0].name + "); open: learning"));
    CHECK(all[1].code == "peers_dead");
  }

  TEST_CASE("what happened long ago is not worth advice, whatever the totals") {
    NodeStatus status = well();
    for (Troubles::View& each : status.troubles) each.total = 1000;
    status.counts.uncounted = status.decisions_failed = 1000;
    status.counts.dropped.fill(1000);
    status.counts.live.refused_full = 1000;
    CHECK(advice(status).empty());
    CHECK(verdict(advice_of(status)) == "healthy");
  }

  TEST_CASE("each trouble of the last minutes has a code of its own and says when") {
    const std::vector<std::pair<Trouble, std::string>> codes{
        {Trouble::decisions_failed, "decisions_failed"},
        {Trouble::uncounted, "uncounted"},
        {Trouble::truncated, "truncated"},
        {Trouble::accept_failed, "accept_failed"},
        {Trouble::connections_refused, "connections_refused"},
        {Trouble::send_failed, "send_failed"},
        {Trouble::send_dropped, "send_dropped"},
        {Trouble::wrong_cluster, "wrong_cluster"},
        {Trouble::wrong_protocol, "wrong_protocol"},
        {Trouble::peer_table_full, "peer_table_full"},
        {Trouble::own_origin_from_afar, "own_origin_from_afar"},
        {Trouble::overrides_full, "overrides_full"},
        {Trouble::overrides_clock, "overrides_clock"},
        {Trouble::overrides_flawed, "overrides_flawed"},
        {Trouble::overrides_unknown, "overrides_unknown"},
        {Trouble::log_lost, "log_lost"},
        {Trouble::loop_busy, "loop_busy"}};
    for (const auto& [trouble, code] : codes) {
      NodeStatus status = well();
      happened(status, trouble, 7);
      CHECK(only_code(status) == code);
      CHECK(contains(only_advice(status), "the last 10 minutes"));
      CHECK(verdict(advice_of(status)) == "1 thing to do");
    }
  }

  TEST_CASE("ready without all counts: a note that says who is missing") {
    NodeStatus status = well();
    happened(status, Trouble::joined_incomplete, 1);
    CHECK(only_code(status) == "joined_incomplete");
    CHECK(contains(only_advice(status), "(in the last 10 minutes); all are here now"));
    CHECK(verdict(advice_of(status)) == "healthy");
    status.peers.push_back(peer("candidate", 9));
    const std::vector<Advice> all = advice_of(status);
    REQUIRE(all.size() == 2);
    CHECK(all[0].code == "never_answered");
    CHECK(all[1].is_note);
    CHECK(contains(all[1].text, "and 10.0.0.9 is still missing"));
    status.peers.clear();
    CHECK(only_code(status) == "only_ourselves");
  }

  TEST_CASE("a table that fills up is told before it is full") {
    NodeStatus status = well();
    status.counts.counters_used = 899;
    CHECK(advice(status).empty());
    status.counts.counters_used = 900;
    CHECK(only_code(status) == "table_nearly_full");
    CHECK(contains(only_advice(status), "(900 of 1000): raise --max-counters"));
    status.counts.counters_used = 1000;
    CHECK(only_code(status) == "table_full");
    happened(status, Trouble::uncounted, 1);
    CHECK(only_code(status) == "uncounted");
  }

  TEST_CASE("notes: an upgrade that goes on, a small buffer, the built-in rule, a node that leaves") {
    NodeStatus status = well();
    status.software = "1.1";
    status.peers[0].software = "1.0";
    CHECK(only_code(status) == "mixed_versions");
    CHECK(contains(only_advice(status), "1.1 here, n2 1.0; finish the rolling upgrade"));
    status.peers[0].software = "1.1";
    CHECK(advice(status).empty());
    status.receive_buffer_bytes = 212992;
    CHECK(only_code(status) == "receive_buffer");
    CHECK(contains(only_advice(status), "sysctl -w net.core.rmem_max=4194304"));
    status = well();
    status.rules_from = "built-in";
    CHECK(only_code(status) == "built_in_rule");
    status = well();
    status.state = EngineState::leaving;
    CHECK(only_code(status) == "leaving");
    CHECK(verdict(advice_of(status)) == "healthy");
  }

  TEST_CASE("the verdict counts what is to be done") {
    NodeStatus status = well();
    CHECK(verdict(advice_of(status)) == "healthy");
    happened(status, Trouble::send_failed, 1);
    status.rules_from = "built-in";
    CHECK(verdict(advice_of(status)) == "1 thing to do");
    happened(status, Trouble::truncated, 1);
    CHECK(verdict(advice_of(status)) == "2 things to do");
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
    RuleSet rules = *status.rules;
    rules.rules[0].limits.push_back({1, 1});
    status.rules = std::make_shared<RuleSet>(std::move(rules));
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
    happened(status, Trouble::uncounted, 3);
    CHECK(contains(only_advice(status),
                   "3 limit(s) went uncounted in the last 10 minutes: raise --max-counters (now 1000)"));
  }

  TEST_CASE("decisions that failed point to the log") {
    NodeStatus status = well();
    happened(status, Trouble::decisions_failed, 2);
    CHECK(contains(only_advice(status),
                   "2 request(s) could not be decided in the last 10 minutes, and passed unless"));
  }

  TEST_CASE("a refused reload, another cluster and another protocol are each told") {
    NodeStatus status = well();
    status.reload_error = "rules.yaml:1:1: the file: unknown key";
    CHECK(contains(only_advice(status), "the old rules are in force: rules.yaml:1:1: the file: unknown key"));
    CHECK(only_code(status) == "reload_refused");
    status.config_vanished = true;
    CHECK(only_code(status) == "config_vanished");
    CHECK(contains(only_advice(status), "put it back"));
    status = well();
    happened(status, Trouble::wrong_cluster, 4);
    status.wrong_cluster_from = {"10.0.0.7", "10.0.0.8"};
    CHECK(contains(only_advice(status),
                   "4 datagram(s) came from a cluster of another name in the last 10 minutes, last from "
                   "10.0.0.7, 10.0.0.8: "));
    CHECK(contains(only_advice(status), "(here: blue)"));
    status = well();
    happened(status, Trouble::wrong_protocol, 5);
    CHECK(contains(only_advice(status), "5 datagram(s) were of a protocol version"));
    CHECK(contains(only_advice(status), "rolling upgrade"));
  }

  TEST_CASE("what keeps nodes apart comes first, then what lets requests through, then what skews counts") {
    NodeStatus status = well();
    happened(status, Trouble::uncounted, 1);
    status.peers[0].lag_ms = 9999;
    status.peers.push_back(peer("candidate", 3));
    status.neighborhood.errors = {"x"};
    const std::vector<std::string> all = advice(status);
    REQUIRE(all.size() == 4);
    CHECK(contains(all[0], "DNS"));
    CHECK(contains(all[1], "never answered"));
    CHECK(contains(all[2], "uncounted"));
    CHECK(contains(all[3], "missing"));
  }

  TEST_CASE("a cause comes before what it causes") {
    NodeStatus status = well();
    status.peers.push_back(peer("candidate", 3));
    status.counts.isolated = true;
    happened(status, Trouble::wrong_cluster, 1);
    happened(status, Trouble::send_failed, 1);
    std::vector<std::string_view> codes;
    for (const Advice& each : advice_of(status))
      if (!each.is_note) codes.push_back(each.code);
    CHECK(codes ==
          std::vector<std::string_view>{"wrong_cluster", "send_failed", "isolated", "never_answered"});
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
