// Who is asked for live overrides, how an answer is put together, and who is left alone.
#include "live/live_exchange.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <set>

#include "exchange_world.hpp"

namespace starling {
namespace {

using World = ExchangeWorld;
using Node = ExchangeWorld::Node;

LiveOverride numbered(int number) {
  return limit_of("rule-" + std::to_string(number), 5);
}

void fill(Node& node, int first, int count) {
  for (int i = first; i < first + count; ++i) node.set(numbered(i));
}

/// All of them hold the same `count`.
void fill_all(World& world, int count) {
  fill(*world.nodes[0], 0, count);
  for (std::size_t i = 1; i < world.nodes.size(); ++i)
    for (const LiveEntry& entry : all_of(world.nodes[0]->table))
      REQUIRE(world.nodes[i]->table.join(entry, world.wall()) == true);
}

/// How often `asker` asks while `said` tells it of `digest` every 100 ms, and nobody answers.
std::size_t asked_within(World& world, Node& asker, Node& said, std::uint64_t digest, Duration duration) {
  std::size_t asked = 0;
  const Instant end = world.now + duration;
  for (Instant at = world.now; at < end; at += milliseconds(10)) {
    world.tick_at(std::max(at, world.now));
    if ((at - (end - duration)) % milliseconds(100) == Duration::zero())
      world.beat(said, asker, true, digest);
    asked += world.count(wire::Kind::overrides_query);
    world.wire.clear();
  }
  return asked;
}

}  // namespace

TEST_SUITE("live.exchange") {
  TEST_CASE("news go to every live peer once, and digests that agree make nobody ask") {
    World world;
    Node& one = world.add();
    for (int i = 0; i < 3; ++i) world.add();
    world.meet();
    one.exchange.push(one.set(numbered(1)), world.now, one);
    CHECK(world.wire.size() == 3);
    world.deliver();
    for (const auto& node : world.nodes) CHECK(node->table.digest() == one.table.digest());
    for (const auto& node : world.nodes)
      if (node.get() != &one) world.beat(one, *node);
    CHECK(world.wire.empty());
    one.exchange.push(4711, world.now, one);  // no such entry
    CHECK(world.wire.empty());
  }

  TEST_CASE("news that were lost are asked for at the next heartbeat, of one peer at a time") {
    World world;
    Node& late = world.add();
    Node& one = world.add();
    Node& other = world.add();
    world.meet();
    fill(one, 1, 1);
    fill(other, 2, 1);
    world.beat(one, late);
    world.beat(other, late);
    REQUIRE(world.wire.size() == 1);
    CHECK(world.query(world.wire.front()).recipient == one.origin);
    world.deliver();
    CHECK(late.table.digest() == one.table.digest());
    world.beat(other, late);
    world.deliver();
    CHECK(late.table.size() == 2);
  }

  TEST_CASE("a long answer comes in bursts, every entry once, and goes on where the last one ended") {
    World world;
    Node& late = world.add();
    Node& one = world.add();
    world.meet();
    fill(one, 0, 1500);
    world.beat(one, late);
    std::size_t told = 0;
    LiveTable::Place reached = 0;
    std::size_t rounds = 0;
    while (!world.wire.empty()) {
      REQUIRE(world.wire.size() == 1);
      const wire::OverridesQuery query = world.query(world.wire.front());
      CHECK(query.after == reached);
      world.deliver_once();
      CHECK(world.wire.size() <= LiveExchange::packets_per_answer_max);
      for (const auto& datagram : world.wire) {
        CHECK(datagram.bytes.size() <= wire::datagram_bytes_max);
        const wire::Overrides page = world.answer(datagram);
        CHECK(page.from == reached);
        CHECK(page.question == query.question);
        CHECK(page.last == (&datagram == &world.wire.back()));
        reached = page.to;
        told += page.entries.size();
      }
      world.deliver_once();
      ++rounds;
    }
    CHECK(reached == ~LiveTable::Place{0});
    CHECK(told == 1500);
    CHECK(rounds > 1);
    CHECK(late.table.digest() == one.table.digest());
    CHECK(late.exchange.next_deadline() == never);
  }

  TEST_CASE("only what stands in buckets that differ is told") {
    World world;
    Node& late = world.add();
    Node& one = world.add();
    world.meet();
    fill_all(world, 1000);
    const std::size_t bucket = LiveTable::bucket(one.set(numbered(5000)));
    world.beat(one, late);
    world.deliver_once();
    std::size_t told = 0;
    for (const auto& datagram : world.wire)
      for (const auto& entry : world.answer(datagram).entries) {
        CHECK(LiveTable::bucket(one.table.place(from_wire(entry).what)) == bucket);
        ++told;
      }
    CHECK(told < 50);
    world.deliver();
    CHECK(late.table.digest() == one.table.digest());
  }

  TEST_CASE("datagrams that overtake each other are not asked for again") {
    World world;
    Node& late = world.add();
    Node& one = world.add();
    world.meet();
    fill(one, 0, 100);
    world.beat(one, late);
    world.deliver_once();
    REQUIRE(world.wire.size() > 3);
    std::reverse(world.wire.begin(), world.wire.end());
    world.deliver();  // an answer to a question would show in the table of nobody, a question in the count
    CHECK(world.wire.empty());
    CHECK(late.table.digest() == one.table.digest());
    CHECK(late.exchange.joined());
  }

  TEST_CASE("after a datagram is lost the answer is asked for from the gap on, shortly after the others") {
    World world;
    Node& late = world.add();
    Node& one = world.add();
    world.meet();
    fill(one, 0, 100);
    world.beat(one, late);
    world.deliver_once();
    REQUIRE(world.wire.size() > 3);
    const LiveTable::Place gap = world.answer(world.wire[1]).from;
    world.wire.erase(world.wire.begin() + 1);
    world.deliver();
    const Instant asked_again = late.exchange.next_deadline();
    CHECK(asked_again > world.now);
    CHECK(asked_again <= world.now + milliseconds(10));
    world.tick_at(asked_again - std::chrono::nanoseconds(1));
    CHECK(world.wire.empty());
    world.tick_at(asked_again);
    REQUIRE(world.wire.size() == 1);
    CHECK(world.query(world.wire.front()).after == gap);
    world.deliver();
    CHECK(late.table.digest() == one.table.digest());
  }

  TEST_CASE("an answer counts only for the question that is open, and its entries always") {
    World world;
    Node& late = world.add();
    Node& one = world.add();
    Node& other = world.add();
    world.meet();
    fill(one, 0, 3);
    world.beat(one, late);
    const std::uint64_t question = world.query(world.wire.front()).question;
    world.wire.clear();
    wire::Overrides end{.sender = one.origin,
                        .recipient = late.origin,
                        .question = question + 1,
                        .from = 0,
                        .to = ~std::uint64_t{0},
                        .last = true};
    end.entries.push_back(to_wire(all_of(one.table).front()));
    CHECK(late.exchange.on_overrides(end, one.at.address, world.now, world.wall(), late));
    CHECK(late.table.size() == 1);
    CHECK(late.exchange.next_deadline() != never);
    end.question = question;
    end.sender = other.origin;
    CHECK(late.exchange.on_overrides(end, other.at.address, world.now, world.wall(), late));
    CHECK(late.exchange.next_deadline() != never);
    end.sender = one.origin;
    CHECK(late.exchange.on_overrides(end, one.at.address, world.now, world.wall(), late));
    CHECK(late.exchange.next_deadline() == never);
  }

  TEST_CASE("who does not answer is asked five times, and then rarely; others are asked meanwhile") {
    World world;
    Node& asker = world.add();
    Node& mute = world.add();
    Node& other = world.add();
    world.meet();
    world.beat(mute, asker, true, 12345);
    std::size_t asked = 0;
    while (asker.exchange.next_deadline() != never) {
      asked += world.count(wire::Kind::overrides_query);
      world.wire.clear();
      world.tick_at(asker.exchange.next_deadline());
    }
    CHECK(asked == 5);
    world.beat(mute, asker, true, 12345);
    CHECK(world.wire.empty());
    world.beat(other, asker, true, 12345);
    CHECK(world.wire.size() == 1);
    world.wire.clear();
    const std::size_t soon = asked_within(world, asker, mute, 12345, seconds(30));
    CHECK(soon >= 30);
    CHECK(soon <= 100);  // five asks in 0.2 s, then 2 s of rest; without it 500
  }

  TEST_CASE("a peer that knows less is asked once, then every second, ever more rarely, then every ten") {
    World world;
    Node& asker = world.add();
    Node& one = world.add();
    world.meet();
    fill(asker, 0, 3);
    fill(one, 7, 1);
    REQUIRE(asker.table.join(all_of(one.table).front(), world.wall()) == true);
    std::vector<Instant> asked_at;
    const Instant begun = world.now;
    while (world.now - begun < seconds(60)) {
      const Instant at = world.now;
      world.beat(one, asker);
      if (!world.wire.empty()) asked_at.push_back(at);
      world.deliver();
      world.now = at + milliseconds(100);
    }
    REQUIRE(asked_at.size() >= 6);
    CHECK(asked_at.size() <= 10);
    CHECK(asked_at[1] - asked_at[0] >= seconds(1));
    CHECK(asked_at[1] - asked_at[0] <= milliseconds(1200));
    CHECK(asked_at[2] - asked_at[1] >= seconds(2));
    CHECK(asked_at.back() - asked_at[asked_at.size() - 2] <= milliseconds(10'200));
    fill(one, 8, 1);  // another digest is another matter
    world.beat(one, asker);
    CHECK(world.wire.size() == 1);
  }

  TEST_CASE("joined: every live peer was equal once, has nothing, says nothing, or was heard to the end") {
    World world;
    Node& joiner = world.add();
    Node& one = world.add();
    Node& empty = world.add();
    Node& old = world.add();
    world.meet();
    fill(one, 0, 100);
    CHECK_FALSE(joiner.exchange.joined());
    world.beat(empty, joiner);
    world.beat(old, joiner, true, 0);
    CHECK(world.wire.empty());
    CHECK_FALSE(joiner.exchange.joined());
    world.beat(one, joiner);
    CHECK_FALSE(joiner.exchange.joined());
    world.deliver_once();
    REQUIRE(world.wire.size() > 2);
    while (world.wire.size() > 1) {
      world.hand_over(world.wire.front());
      world.wire.pop_front();
      CHECK_FALSE(joiner.exchange.joined());
    }
    world.deliver();
    CHECK(joiner.exchange.joined());
  }

  TEST_CASE("only a live peer that speaks from its own address, to us, is believed or answered") {
    World world;
    Node& one = world.add();
    Node& peer = world.add();
    world.meet();
    fill(one, 0, 1);
    const LiveEntry entry = stamped(limit_of("rule-0", 1), world.wall() + seconds(1), 2);
    const wire::Overrides news{.sender = peer.origin, .recipient = one.origin, .entries = {to_wire(entry)}};
    const wire::OverridesQuery query{.sender = peer.origin, .recipient = one.origin};
    const auto refused = [&](const auto& change, const Address& from) {
      wire::Overrides told = news;
      wire::OverridesQuery asked = query;
      change(told);
      change(asked);
      const auto taken = one.exchange.on_overrides(told, from, world.now, world.wall(), one);
      const auto answered = one.exchange.on_query(asked, from, world.now, one);
      return !taken && taken.error().code == ErrorCode::unknown_sender && !answered &&
             answered.error().code == ErrorCode::unknown_sender && world.wire.empty() &&
             all_of(one.table).front().what.limits[0].requests == 5;
    };
    const auto nothing = [](auto&) {};
    CHECK(refused(nothing, Address::v4(9, 9, 9, 9)));
    CHECK(refused([](auto& message) { message.sender = OriginId{77}; }, peer.at.address));
    CHECK(refused([](auto& message) { message.recipient = OriginId{77}; }, peer.at.address));
    CHECK(refused([](auto& message) { message.recipient = OriginId{}; }, peer.at.address));
    wire::Overrides own = news;
    own.sender = one.origin;
    CHECK(one.exchange.on_overrides(own, one.at.address, world.now, world.wall(), one).error().code ==
          ErrorCode::from_self);
    peer.state = wire::NodeState::left;
    world.beat(peer, one);
    REQUIRE_FALSE(one.membership.find(peer.origin)->live());
    CHECK(refused(nothing, peer.at.address));
  }

  TEST_CASE("everything is told once a peer that stays says that it holds the same") {
    World world;
    Node& one = world.add();
    Node& other = world.add();
    Node& third = world.add();
    world.meet();
    CHECK(one.exchange.everything_told());
    world.beat(other, one);
    world.beat(third, one);
    one.exchange.push(one.set(numbered(1)), world.now, one);
    world.wire.clear();  // lost
    CHECK_FALSE(one.exchange.everything_told());
    world.beat(other, one);
    CHECK_FALSE(one.exchange.everything_told());
    world.beat(one, other);
    world.deliver();
    CHECK_FALSE(one.exchange.everything_told());
    world.beat(other, one);
    CHECK(one.exchange.everything_told());
  }

  TEST_CASE("what was heard of is for its hearers to tell as well, and leavers are nobody to have told") {
    World world;
    Node& one = world.add();
    Node& hearer = world.add();
    Node& third = world.add();
    world.meet();
    for (Node* node : {&one, &hearer, &third})
      for (Node* other : {&one, &hearer, &third})
        if (node != other) world.beat(*node, *other);
    one.exchange.push(one.set(numbered(1)), world.now, one);
    std::erase_if(world.wire, [&](const auto& datagram) { return datagram.to == third.at.address; });
    world.deliver();
    REQUIRE(hearer.table.size() == 1);
    CHECK_FALSE(hearer.exchange.everything_told());
    one.state = wire::NodeState::leaving;
    hearer.state = wire::NodeState::leaving;
    world.beat(hearer, one);
    world.beat(one, hearer);
    CHECK_FALSE(one.exchange.everything_told());
    CHECK_FALSE(hearer.exchange.everything_told());
    world.beat(hearer, third);
    world.deliver();
    world.beat(third, hearer);
    CHECK(hearer.exchange.everything_told());
    CHECK_FALSE(one.exchange.everything_told());
    third.state = wire::NodeState::leaving;
    world.beat(third, one);
    CHECK(one.exchange.everything_told());  // nobody stays
  }

  TEST_CASE("joined: who holds what somebody else was heard of in vain is not asked, nor waited for") {
    World world;
    Node& joiner = world.add();
    Node& one = world.add();
    Node& other = world.add();
    world.meet();
    fill(one, 0, 3);
    for (const LiveEntry& entry : all_of(one.table)) (void)joiner.table.join(entry, world.wall());
    fill(joiner, 7, 1);
    world.beat(one, joiner);
    CHECK_FALSE(joiner.exchange.joined());
    world.deliver();
    CHECK_FALSE(joiner.exchange.joined());
    world.beat(other, joiner, true, one.table.digest());
    CHECK(world.wire.empty());
    CHECK(joiner.exchange.joined());
  }

  TEST_CASE("without egress news wait for a heartbeat, a question for the egress, and nobody is lost") {
    World world;
    Node& poor = world.add(10'000);
    Node& peer = world.add();
    world.meet();
    fill(peer, 0, 5);
    const auto exhaust = [&] {
      (void)poor.egress.may_send(Purpose::overrides, world.now);
      std::vector<std::byte> half_a_seconds(5000);
      half_a_seconds[5] = static_cast<std::byte>(wire::Kind::delta);
      poor.egress.on_sent(Purpose::urgent, half_a_seconds);
    };
    exhaust();
    const LiveTable::Place place = poor.set(numbered(9));
    poor.exchange.push(place, world.now, poor);
    CHECK(world.wire.empty());
    world.beat(peer, poor);
    CHECK(world.wire.empty());
    CHECK(poor.exchange.next_deadline() > world.now);
    CHECK(poor.exchange.next_deadline() <= world.now + seconds(1));
    world.tick_at(poor.exchange.next_deadline());
    CHECK(world.wire.size() == 1);
    world.deliver();
    CHECK(poor.table.size() == 6);
    // The other way: no answer, so it is asked again.
    exhaust();
    world.beat(poor, peer);
    CHECK(world.wire.size() == 1);
    world.deliver();
    CHECK(peer.table.size() == 5);
    for (int i = 0; i < 100; ++i) {
      world.tick_at(world.now + milliseconds(10));
      world.beat(poor, peer);
      world.deliver();
    }
    CHECK(peer.table.digest() == poor.table.digest());
  }

  TEST_CASE("a peer that comes back alive has to be heard again") {
    World world;
    Node& one = world.add();
    Node& other = world.add();
    world.meet();
    world.beat(other, one);
    REQUIRE(one.exchange.joined());
    other.state = wire::NodeState::left;
    world.beat(other, one);
    CHECK(one.exchange.joined());  // nobody is there to be heard
    fill(other, 0, 1);
    other.state = wire::NodeState::ready;
    world.now += seconds(11);  // a goodbye holds for a while, it may be forged
    for (int round = 0; round < 3; ++round) {
      world.beat(one, other, false);
      world.beat(other, one);
      CHECK_FALSE((one.membership.find(other.origin)->live() && one.exchange.joined()));
    }
    REQUIRE(one.membership.find(other.origin)->live());
    world.deliver();
    CHECK(one.exchange.joined());
    CHECK(one.table.size() == 1);
  }
}

}  // namespace starling
