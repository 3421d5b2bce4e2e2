#include "membership/membership.hpp"

#include <doctest/doctest.h>

#include <map>

#include "support.hpp"

namespace starling {
TEST_SUITE("membership.membership") {
  TEST_CASE("an address from DNS is only a candidate until it echoes our clock") {
    Fixture f;
    const Endpoint listed[] = {at(2)};
    f.membership.on_resolved(listed, f.now, f.effects);
    CHECK(f.tick() == std::vector<Endpoint>{at(2)});
    CHECK(f.membership.peers().empty());
    const auto unproven = f.hear(at(2), f.from(other));
    REQUIRE(unproven.has_value());
    CHECK(unproven->peer == nullptr);
    CHECK(f.membership.nodes_count() == 1);
    const auto heard = f.meet(other, at(2));
    REQUIRE(heard.peer != nullptr);
    CHECK(heard.became_alive);
    CHECK(f.membership.nodes_count() == 2);
    CHECK(f.effects.count(Notice::Kind::peer_alive) == 1);
  }

  TEST_CASE("a stranger is answered so that it can know us, and not more often than every 50 ms") {
    Fixture f;
    CHECK(f.hear(at(2), f.from(other))->reply_wanted);
    f.compose(at(2));
    CHECK_FALSE(f.hear(at(2), f.from(other))->reply_wanted);
    f.now += milliseconds(50);
    CHECK(f.hear(at(2), f.from(other))->reply_wanted);
  }

  TEST_CASE("replies end: two that know each other only send their periodic heartbeats") {
    Fixture f;
    CHECK(f.meet(other, at(2)).reply_wanted);
    const wire::Heartbeat ours = f.compose(at(2));
    CHECK_FALSE(f.hear(at(2), f.from(other, &ours))->reply_wanted);
  }

  TEST_CASE("an echo of something we never sent there proves nothing") {
    Fixture f;
    f.hear(at(2), f.from(other));
    wire::Heartbeat forged = f.from(other);
    forged.recipient = self;
    forged.echo_ns = 12345;
    CHECK(f.hear(at(2), forged)->peer == nullptr);
    const wire::Heartbeat to_another = f.compose(at(3));
    forged.echo_ns = to_another.sent_ns;
    CHECK(f.hear(at(2), forged)->peer == nullptr);
  }

  TEST_CASE("heartbeats to an unproven address carry no peers") {
    Fixture f;
    f.meet(other, at(2));
    f.meet(OriginId{300}, at(3));
    f.hear(at(4), f.from(OriginId{400}));
    CHECK(f.compose(at(4)).peers.empty());
    CHECK(f.compose(at(3)).peers == std::vector<Endpoint>{at(2)});
  }

  TEST_CASE("our own heartbeat from where a peer is heard does not make its address ours") {
    Fixture f;
    f.meet(other, at(2));
    CHECK(f.hear(at(2), f.from(self)) == tl::unexpected(Error{ErrorCode::from_self}));
    CHECK_FALSE(f.membership.addresses().find(at(2))->is_self);
    f.now += seconds(1);  // it is not heard any more
    CHECK(f.hear(at(2), f.from(self)) == tl::unexpected(Error{ErrorCode::from_self}));
    CHECK(f.membership.addresses().find(at(2))->is_self);
  }

  TEST_CASE("an answer that is ten seconds late proves nothing, however rare our heartbeats are") {
    for (const auto& [case_late, is_alive] : {std::pair{seconds(9), true}, std::pair{seconds(11), false}}) {
      const seconds late = case_late;
      CAPTURE(late.count());
      Fixture f;
      f.hear(at(2), f.from(other));
      const wire::Heartbeat ours = f.compose(at(2));
      const wire::Heartbeat answer = f.from(other, &ours);
      f.now += late;
      REQUIRE(f.hear(at(2), answer));
      CHECK((f.membership.find(other) != nullptr) == is_alive);
    }
    Fixture f;  // who says that it has had our clock for so long has written just now
    f.hear(at(2), f.from(other));
    const wire::Heartbeat ours = f.compose(at(2));
    f.now += seconds(60);
    wire::Heartbeat answer = f.from(other, &ours);
    answer.echo_held_us = 60'000'000;
    REQUIRE(f.hear(at(2), answer));
    CHECK(f.membership.find(other) != nullptr);
  }

  TEST_CASE("our own heartbeat marks the address as ours and is refused") {
    Fixture f;
    const Endpoint listed[] = {at(1)};
    f.membership.on_resolved(listed, f.now, f.effects);
    CHECK_FALSE(f.membership.everybody_listed_is_here());
    const auto outcome = f.hear(at(1), f.from(self));
    REQUIRE_FALSE(outcome.has_value());
    CHECK(outcome.error().code == ErrorCode::from_self);
    CHECK(f.membership.peers().empty());
    CHECK(f.membership.everybody_listed_is_here());
  }

  TEST_CASE(
      "a silent peer becomes suspect after four intervals and dead two seconds later; then it is not in N") {
    Fixture f;
    f.meet(other, at(2));
    f.pass(milliseconds(790));
    CHECK(f.state_of(other) == PeerState::alive);
    f.pass(milliseconds(60));
    CHECK(f.state_of(other) == PeerState::suspect);
    CHECK(f.membership.nodes_count() == 2);
    f.pass(milliseconds(1900));
    CHECK(f.state_of(other) == PeerState::suspect);
    f.pass(milliseconds(150));
    CHECK(f.state_of(other) == PeerState::dead);
    CHECK(f.membership.nodes_count() == 1);
  }

  TEST_CASE("counts from a suspect are a sign of life, from another address they are not") {
    Fixture f;
    f.meet(other, at(2));
    f.pass(milliseconds(900));
    REQUIRE(f.membership.find(other)->state == PeerState::suspect);
    f.membership.on_sign_of_life(other, at(3).address, f.now, f.effects);
    CHECK(f.membership.find(other)->state == PeerState::suspect);
    f.membership.on_sign_of_life(other, at(2).address, f.now, f.effects);
    CHECK(f.membership.find(other)->state == PeerState::alive);
  }

  TEST_CASE("a peer speaks from the addresses that it has proven, anybody else from where it was heard") {
    Fixture f;
    const auto speaks = [&](OriginId origin, std::uint8_t last) {
      return f.membership.speaks_from(origin, at(last).address);
    };
    CHECK_FALSE(speaks(other, 2));
    f.hear(at(2), f.from(other));
    CHECK(speaks(other, 2));
    CHECK_FALSE(speaks(OriginId{300}, 2));
    f.meet(other, at(2));
    f.hear(at(3), f.from(other));  // somebody says that it is the peer
    CHECK(speaks(other, 2));
    CHECK_FALSE(speaks(other, 3));
    f.meet(other, at(3));  // it is: a second address
    CHECK(speaks(other, 2));
    CHECK(speaks(other, 3));
  }

  TEST_CASE("a dead peer that answers again is alive again, as the same origin") {
    Fixture f;
    f.meet(other, at(2));
    f.pass(seconds(5));
    REQUIRE(f.membership.find(other)->state == PeerState::dead);
    CHECK(f.meet(other, at(2)).became_alive);
    CHECK(f.membership.nodes_count() == 2);
  }

  TEST_CASE("another origin at the same address replaces the one that lived there") {
    Fixture f;
    f.meet(other, at(2));
    const auto heard = f.meet(OriginId{201}, at(2));
    CHECK(heard.became_alive);
    CHECK(heard.replaced == other);
    CHECK(f.membership.find(other)->state == PeerState::dead);
    CHECK(f.membership.nodes_count() == 2);
  }

  TEST_CASE("a goodbye takes a peer out at once, and a late heartbeat does not bring it back") {
    Fixture f;
    f.meet(other, at(2));
    const wire::Heartbeat ours = f.compose(at(2));
    wire::Heartbeat goodbye = f.from(other, &ours);
    goodbye.state = wire::NodeState::left;
    f.hear(at(2), goodbye);
    CHECK(f.membership.find(other)->state == PeerState::left);
    CHECK(f.membership.nodes_count() == 1);
    f.hear(at(2), f.from(other, &ours));
    CHECK(f.membership.find(other)->state == PeerState::left);
  }

  TEST_CASE("a goodbye that its sender never said is believed for ten seconds") {
    Fixture f;
    f.meet(other, at(2));
    wire::Heartbeat ours = f.compose(at(2));
    wire::Heartbeat forged = f.from(other, &ours);
    forged.state = wire::NodeState::left;
    f.hear(at(2), forged);
    for (int i = 0; i < 11; ++i) {
      CHECK(f.membership.nodes_count() == 1);
      f.now += seconds(1);
      ours = f.compose(at(2));
      f.hear(at(2), f.from(other, &ours));
    }
    CHECK(f.membership.find(other)->state == PeerState::alive);
    CHECK(f.membership.nodes_count() == 2);
  }

  TEST_CASE("a life that was never there does not keep an address for ever") {
    Fixture f;
    f.meet(other, at(2));
    const OriginId phantom{0xFA15E};
    wire::Heartbeat ours = f.compose(at(2));
    wire::Heartbeat forged = f.from(phantom, &ours);
    forged.interval_ms = 65'000;  // it may be silent for minutes
    f.hear(at(2), forged);
    CHECK_FALSE(f.membership.find(other)->live());
    for (int i = 0; i < 12; ++i) {
      f.now += seconds(1);
      ours = f.compose(at(2));
      f.hear(at(2), f.from(other, &ours));
    }
    CHECK(f.membership.find(other)->state == PeerState::alive);
    CHECK_FALSE(f.membership.find(phantom)->live());
    CHECK(f.membership.nodes_count() == 2);
  }

  TEST_CASE("a clock that a peer never had does not silence it for ever") {
    Fixture f;
    f.meet(other, at(2));
    wire::Heartbeat ours = f.compose(at(2));
    wire::Heartbeat forged = f.from(other, &ours);
    forged.sent_ns = ~std::uint64_t{0};
    f.hear(at(2), forged);
    for (int i = 0; i < 12; ++i) {
      f.now += seconds(1);
      ours = f.compose(at(2));
      f.hear(at(2), f.from(other, &ours));
    }
    CHECK(f.membership.find(other)->last_heard == f.now);
    CHECK(f.membership.nodes_count() == 2);
  }

  TEST_CASE("a version that a peer never published is gone with its next heartbeat") {
    Fixture f;
    f.meet(other, at(2));
    for (const std::uint64_t said : {~std::uint64_t{0}, std::uint64_t{7}}) {
      f.now += milliseconds(1);
      const wire::Heartbeat ours = f.compose(at(2));
      wire::Heartbeat heartbeat = f.from(other, &ours);
      heartbeat.version = Version{said};
      f.hear(at(2), heartbeat);
      CHECK(f.membership.find(other)->version == Version{said});
    }
  }

  TEST_CASE("the dead are forgotten after a minute, but not while DNS lists them") {
    Fixture f;
    const Endpoint listed[] = {at(2)};
    f.membership.on_resolved(listed, f.now, f.effects);
    f.meet(other, at(2));
    f.pass(seconds(10));
    f.now += seconds(120);
    f.tick();
    REQUIRE(f.membership.find(other) != nullptr);
    f.membership.on_resolved({}, f.now, f.effects);
    f.tick();
    CHECK(f.membership.find(other) == nullptr);
    CHECK(f.effects.count(Notice::Kind::peer_forgotten) == 1);
  }

  TEST_CASE("peers that others know of become candidates") {
    Fixture f;
    f.hear(at(2), f.from(other));
    const wire::Heartbeat ours = f.compose(at(2));
    wire::Heartbeat heartbeat = f.from(other, &ours);
    heartbeat.peers = {at(7), at(8)};
    f.hear(at(2), heartbeat);
    CHECK(f.membership.addresses().find(at(7)) != nullptr);
    CHECK(f.membership.addresses().find(at(8)) != nullptr);
  }

  TEST_CASE("an address that is only heard is answered, and never sent to of our own accord") {
    Fixture f;
    f.hear(at(2), f.from(other));
    for (int step = 0; step < 100; ++step) {
      CHECK(f.tick().empty());
      f.now += milliseconds(100);
    }
  }

  TEST_CASE("what a stranger says about peers is not believed") {
    Fixture f;
    wire::Heartbeat heartbeat = f.from(other);
    heartbeat.peers = {at(7)};
    f.hear(at(2), heartbeat);
    CHECK(f.membership.addresses().find(at(7)) == nullptr);
  }

  TEST_CASE("a silent candidate is tried ever more rarely, an answering one at every interval") {
    Fixture f;
    const Endpoint listed[] = {at(2)};
    f.membership.on_resolved(listed, f.now, f.effects);
    int sent = 0;
    for (int step = 0; step < 6000; ++step) {
      for (const Endpoint& endpoint : f.tick()) {
        f.compose(endpoint);
        ++sent;
      }
      f.now += milliseconds(10);
    }
    CHECK(sent >= 12);
    CHECK(sent <= 40);  // a minute at 200 ms would be 300
  }

  TEST_CASE("RTT and clock skew are measured from the echo") {
    Fixture f;
    f.meet(other, at(2), milliseconds(8));
    CHECK(f.membership.find(other)->rtt == Duration(milliseconds(8)));
    const wire::Heartbeat ours = f.compose(at(2));
    wire::Heartbeat skewed = f.from(other, &ours);
    skewed.wall = f.wall + milliseconds(5000);
    f.hear(at(2), skewed);
    CHECK(f.membership.find(other)->clock_skew_ms >= 5000);
    CHECK(f.effects.count(Notice::Kind::clock_skew) == 1);
  }

  TEST_CASE("held time above the time since sending is nonsense and moves no estimate") {
    Fixture f;
    f.meet(other, at(2), milliseconds(2));
    const auto before = f.membership.find(other)->rtt;
    const wire::Heartbeat ours = f.compose(at(2));
    wire::Heartbeat heartbeat = f.from(other, &ours);
    heartbeat.echo_held_us = 0xFFFF'FFFF;
    f.hear(at(2), heartbeat);
    CHECK(f.membership.find(other)->rtt == before);
  }

  TEST_CASE("a peer reached at two addresses stays one peer and is sent heartbeats at the one in use") {
    Fixture f;
    f.meet(other, at(2));
    f.meet(other, at(3));
    CHECK(f.membership.nodes_count() == 2);
    CHECK(f.membership.find(other)->heartbeat == at(2));
    f.now += seconds(1);
    f.meet(other, at(3));  // the first address has been silent
    CHECK(f.membership.find(other)->heartbeat == at(3));
  }

  TEST_CASE("the tables are bounded: one more peer is refused and nothing changes") {
    Fixture f;
    for (std::uint32_t i = 0; i < peers_max; ++i) {
      const Endpoint endpoint{
          Address::v4(10, 1, static_cast<std::uint8_t>(i >> 8), static_cast<std::uint8_t>(i)), 4291};
      f.meet(OriginId{1000 + i}, endpoint);
    }
    REQUIRE(f.membership.peers().size() == peers_max);
    const auto outcome = f.hear(at(9), f.from(OriginId{5}));
    REQUIRE_FALSE(outcome.has_value());
    CHECK(outcome.error().code == ErrorCode::table_full);
    CHECK(f.membership.peers().size() == peers_max);
    CHECK(f.membership.addresses().find(at(9)) == nullptr);
  }

  TEST_CASE("with fifty live nodes heartbeats slow down to one a second") {
    Fixture f;
    CHECK(f.membership.heartbeat_interval() == Duration(milliseconds(200)));
    for (std::uint8_t i = 0; i < 49; ++i) f.meet(OriginId{1000U + i}, at(static_cast<std::uint8_t>(100 + i)));
    CHECK(f.membership.heartbeat_interval() == Duration(seconds(1)));
  }
}

TEST_SUITE("membership.address_book") {
  TEST_CASE("the book is bounded, and DNS is told how many found no room") {
    AddressBook book;
    std::vector<Endpoint> listed;
    for (std::uint32_t i = 0; i < candidates_max + 5; ++i)
      listed.push_back(Endpoint{Address::v4(10, static_cast<std::uint8_t>(i >> 16),
                                            static_cast<std::uint8_t>(i >> 8), static_cast<std::uint8_t>(i)),
                                4291});
    CHECK(book.on_resolved(listed, Instant{}) == 5);
    CHECK(book.all().size() == candidates_max);
  }

  TEST_CASE("a peer that a false word placed where another lives comes back to its own address") {
    Fixture f;
    constexpr std::uint64_t neighbour = 300;
    f.meet(other, at(2));
    f.meet(OriginId{neighbour}, at(3));
    for (int i = 0; i < 6; ++i) {  // only the neighbour is heard
      f.pass(milliseconds(200));
      f.hear_from(neighbour, at(3));
    }
    REQUIRE(f.membership.find(other)->live());
    f.hear_from(other.value, at(3));
    REQUIRE(f.membership.find(other)->heartbeat == at(3));
    for (int i = 0; i < 3; ++i) {
      f.pass(milliseconds(200));
      f.hear_from(neighbour, at(3));
      f.hear_from(other.value, at(2));
    }
    CHECK(f.membership.find(other)->heartbeat == at(2));
    CHECK(f.membership.find(OriginId{neighbour})->heartbeat == at(3));
  }

  TEST_CASE("addresses that are only heard make room for those that DNS lists") {
    AddressBook book;
    for (std::uint32_t i = 0; i < candidates_max; ++i)
      book.learn(
          Endpoint{Address::v4(9, 9, static_cast<std::uint8_t>(i >> 8), static_cast<std::uint8_t>(i)), 4291},
          Instant{});
    REQUIRE(book.learn(at(2), Instant{}) == nullptr);
    const Endpoint listed[] = {at(2)};
    CHECK(book.on_resolved(listed, Instant{}) == 0);
    CHECK(book.find(at(2)) != nullptr);
  }

  TEST_CASE("the last eight clocks sent are remembered, and zero never counts") {
    SentClocks clocks;
    CHECK_FALSE(clocks.contains(0));
    for (std::uint64_t ns = 1; ns <= 9; ++ns) clocks.remember(ns);
    CHECK_FALSE(clocks.contains(1));
    CHECK(clocks.contains(2));
    CHECK(clocks.contains(9));
  }

  TEST_CASE(
      "an address that stays silent makes room for one where somebody is, one that answered never does") {
    AddressBook book;
    std::vector<Endpoint> listed;
    for (std::uint32_t i = 0; i < candidates_max; ++i)
      listed.push_back(
          Endpoint{Address::v4(9, 9, static_cast<std::uint8_t>(i >> 8), static_cast<std::uint8_t>(i)), 4291});
    REQUIRE(book.on_resolved(listed, Instant{}) == 0);
    CHECK(book.learn_alive(at(2), Instant{}) == nullptr);  // all of them may still answer
    for (auto& [endpoint, candidate] : book.all()) {
      candidate.unanswered_count = Candidate::tries_before_backoff;
      candidate.proven = true;
    }
    CHECK(book.learn_alive(at(2), Instant{}) == nullptr);
    book.find(listed[3])->proven = false;
    Candidate* found = nullptr;  // a search looks at a part of the book
    for (int tries = 0; tries < 100 && found == nullptr; ++tries) found = book.learn_alive(at(2), Instant{});
    REQUIRE(found != nullptr);
    CHECK(book.find(listed[3]) == nullptr);
    CHECK(book.all().size() == candidates_max);
    CHECK(book.learn_alive(at(2), Instant{}) == found);
    CHECK(book.learn(at(3), Instant{}) == nullptr);
  }

  TEST_CASE(
      "four thousand addresses of nobody are greeted at a bounded pace, and a true one among them soon") {
    Fixture f;
    std::vector<Endpoint> listed;
    for (std::uint32_t i = 0; i < 4000; ++i)
      listed.push_back(
          Endpoint{Address::v4(9, 9, static_cast<std::uint8_t>(i >> 8), static_cast<std::uint8_t>(i)), 4291});
    const Endpoint last{Address::v4(250, 0, 0, 1), 4291};
    listed.push_back(last);
    std::map<Endpoint, int> greeted;
    std::size_t in_one_second_most = 0;
    std::size_t in_last_second = 0;
    bool met = false;
    for (int second = 0; second < 240; ++second) {
      in_last_second = 0;
      f.membership.on_resolved(listed, f.now, f.effects);  // to be listed again is no reason to begin anew
      for (int tick = 0; tick < 20; ++tick) {
        for (const Endpoint& endpoint : f.tick()) {
          const wire::Heartbeat ours = f.compose(endpoint);
          ++greeted[endpoint];
          if (endpoint != last) ++in_last_second;
          if (endpoint == last) f.hear(last, f.from(other, &ours));
        }
        f.now += milliseconds(50);
      }
      in_one_second_most = std::max(in_one_second_most, in_last_second);
      if (second == 1) met = f.membership.find(other) != nullptr;
    }
    CHECK(met);
    CHECK(greeted.size() == listed.size());
    CHECK(in_one_second_most <= 20 * 128);
    CHECK(in_last_second <= 200);  // 100 a second, with jitter
    CHECK(f.membership.find(other)->live());
    for (const auto& [endpoint, count] : greeted) CHECK((endpoint == last || count <= 25));
  }

  TEST_CASE("a book full of silent addresses from DNS does not keep out a node that speaks") {
    Fixture f;
    std::vector<Endpoint> listed;
    for (std::uint32_t i = 0; i < candidates_max; ++i)
      listed.push_back(
          Endpoint{Address::v4(9, 9, static_cast<std::uint8_t>(i >> 8), static_cast<std::uint8_t>(i)), 4291});
    f.membership.on_resolved(listed, f.now, f.effects);
    for (int tick = 0; tick < 400; ++tick) {
      for (const Endpoint& endpoint : f.tick()) f.compose(endpoint);
      f.now += milliseconds(50);
    }
    f.hear(at(2), f.from(other));
    REQUIRE(f.membership.addresses().find(at(2)) != nullptr);
    const wire::Heartbeat ours = f.compose(at(2));
    f.hear(at(2), f.from(other, &ours));
    REQUIRE(f.membership.find(other) != nullptr);
    f.membership.on_resolved(listed, f.now, f.effects);  // DNS goes on saying so
    CHECK(f.membership.addresses().find(at(2)) != nullptr);
    CHECK(f.membership.addresses().all().size() == candidates_max);
  }
}

}  // namespace starling
