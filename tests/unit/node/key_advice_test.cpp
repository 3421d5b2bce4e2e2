#include "node/key_advice.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "node/key_standing.hpp"

namespace starling {
namespace {

constexpr wire::KeyId one{0x11111111};
constexpr wire::KeyId two{0x22222222};

PeerView peer(std::string name, std::optional<wire::KeyId> key) {
  PeerView view;
  view.name = std::move(name);
  view.state = "alive";
  view.key = key;
  return view;
}

/// A sealed cluster of three.
NodeStatus sealed() {
  NodeStatus status;
  status.cluster = "blue";
  status.keys.file = "/etc/keys";
  status.counts.keys.ids = {one};
  status.counts.keys.plain = wire::PlainPackets::refused;
  status.peers = {peer("n2", one), peer("n3", one)};
  status.listeners.sync.port = 4290;
  status.listeners.heartbeat.port = 4291;
  return status;
}

struct Said {
  std::vector<Advice> out;
  std::vector<Advice> notes;
};

Said said(const NodeStatus& status) {
  Said all;
  advise_on_keys(status, all.out, all.notes);
  return all;
}

Advice only(const NodeStatus& status) {
  const Said all = said(status);
  REQUIRE(all.out.size() == 1);
  CHECK(all.notes.empty());
  CHECK(all.out[0].text.find('\n') == std::string::npos);
  return all.out[0];
}

bool contains(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

void happened(NodeStatus& status, Trouble trouble, std::uint64_t count) {
  status[trouble] = {.total = count + 100, .recent = count};
}

}  // namespace

TEST_SUITE("node.key_advice") {
  TEST_CASE("nothing to say of a cluster that is sealed, nor of one that knows no keys") {
    CHECK(said(sealed()).out.empty());
    CHECK(said(sealed()).notes.empty());
    NodeStatus open;
    open.peers = {peer("n2", std::nullopt)};
    CHECK(said(open).out.empty());
    CHECK(said(open).notes.empty());
  }

  TEST_CASE("each kind of datagram that does not fit the ring says where it came from and what to do") {
    NodeStatus status = sealed();
    happened(status, Trouble::not_sealed, 4);
    status.keys.not_sealed_from = {"10.0.0.7"};
    CHECK(only(status).code == "not_sealed");
    CHECK(contains(only(status).text, "4 datagram(s) were not sealed in the last 10 minutes"));
    CHECK(contains(only(status).text, "last from 10.0.0.7"));
    CHECK(contains(only(status).text, "(11111111)"));
    status = sealed();
    happened(status, Trouble::unknown_key, 5);
    status.keys.unknown = {"22222222 from 10.0.0.7"};
    CHECK(only(status).code == "unknown_key");
    CHECK(contains(only(status).text, "last 22222222 from 10.0.0.7"));
    status = sealed();
    happened(status, Trouble::bad_seal, 6);
    CHECK(only(status).code == "bad_seal");
    CHECK(contains(only(status).text, "(here: blue)"));
    CHECK(contains(only(status).text, "UDP 4291 and 4290"));
    status = NodeStatus{};
    happened(status, Trouble::sealed, 7);
    status.keys.sealed_from = {"10.0.0.7"};
    CHECK(only(status).code == "sealed");
    CHECK(contains(only(status).text, "--key-file"));
  }

  TEST_CASE("a refused file says what holds meanwhile") {
    NodeStatus status = sealed();
    status.keys.error = "/etc/keys:3: expected a key";
    CHECK(only(status).code == "key_file_refused");
    CHECK(contains(only(status).text, "in force (11111111): /etc/keys:3: expected a key; mend it"));
  }

  TEST_CASE("a change from plain to sealed is told until it is finished, and who has to go on") {
    NodeStatus status = sealed();
    status.counts.keys.plain = wire::PlainPackets::sent;
    CHECK(only(status).code == "plain_sent");
    status.counts.keys.plain = wire::PlainPackets::accepted;
    status.peers[1].key.reset();
    CHECK(only(status).code == "plain_accepted");
    CHECK(contains(only(status).text, "1 peer(s) send such (n3)"));
    status.peers[1].state = "dead";  // it sends nothing any more
    CHECK(contains(only(status).text, "no peer sends such"));
  }

  TEST_CASE("an old key that nobody seals with is a note; one that is used is not, nor is the first") {
    NodeStatus status = sealed();
    status.counts.keys.ids = {two, one};
    CHECK(said(status).notes.empty());  // both peers still seal with the old one
    status.peers = {peer("n2", two), peer("n3", two)};
    const Said all = said(status);
    CHECK(all.out.empty());
    REQUIRE(all.notes.size() == 1);
    CHECK(all.notes[0].code == "keys_unused");
    CHECK(all.notes[0].is_note);
    CHECK(contains(all.notes[0].text, "no peer seals with key 11111111"));
    CHECK(contains(all.notes[0].text, "if it is an old one, remove it"));
    CHECK(contains(all.notes[0].text, "if it is a new one"));  // who has done the first step must not undo it
    status.peers = {peer("n2", one), peer("n3", two)};
    CHECK(said(status).notes.empty());
  }

  TEST_CASE("what is kept of dropped datagrams: the last few senders by reason, unknown keys by their id") {
    KeyStanding standing;
    const Instant now{std::chrono::hours(1)};
    const Address from = Address::v4(10, 0, 0, 7);
    standing.on_dropped({ErrorCode::unknown_key, two.value}, from, now);
    standing.on_dropped({ErrorCode::unknown_key, one.value}, from, now + std::chrono::seconds(1));
    standing.on_dropped({ErrorCode::not_sealed, 0}, from, now);
    standing.on_dropped({ErrorCode::malformed, 0}, from, now);
    const NodeStatus::Keys keys = standing.status("keys", now + std::chrono::seconds(2));
    CHECK(keys.unknown == std::vector<std::string>{"11111111 from 10.0.0.7", "22222222 from 10.0.0.7"});
    CHECK(keys.not_sealed_from == std::vector<std::string>{"10.0.0.7"});
    CHECK(keys.sealed_from.empty());
    CHECK(keys.bad_seal_from.empty());
    CHECK(standing.status("keys", now + std::chrono::minutes(11)).unknown.empty());
  }

  TEST_CASE("a refused reload stands until one that is good") {
    KeyStanding standing;
    const Instant now{std::chrono::hours(1)};
    CHECK(standing.last_reload_ok());
    CHECK_FALSE(standing.status("keys", now).reloads.last_ms_ago);
    standing.on_refused("keys: bad", now);
    CHECK_FALSE(standing.last_reload_ok());
    CHECK(standing.status("keys", now + std::chrono::milliseconds(5)).error == "keys: bad");
    CHECK(standing.status("keys", now + std::chrono::milliseconds(5)).reloads.last_ms_ago == 5);
    standing.on_replaced(now);
    CHECK(standing.last_reload_ok());
    CHECK(standing.reloads().ok == 1);
    CHECK(standing.reloads().failed == 1);
  }
}

}  // namespace starling
