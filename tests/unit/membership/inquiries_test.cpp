#include <doctest/doctest.h>

#include <set>

#include "membership/membership.hpp"
#include "support.hpp"

namespace starling {
namespace {

constexpr OriginId witness_a{300};

wire::Witness answer_to(const Membership::Due::Question& question, Duration heard_ago) {
  return wire::Witness{.sender = question.inquiry.recipient,
                       .recipient = self,
                       .origin = question.inquiry.origin,
                       .echo_ns = question.inquiry.sent_ns,
                       .heard_us = static_cast<std::uint32_t>(
                           std::chrono::duration_cast<std::chrono::microseconds>(heard_ago).count())};
}

/// Knows `other` at 10.0.0.2 and `count` witnesses, 300 and on, at 10.0.0.30 and on.
struct Inquiring : Fixture {
  explicit Inquiring(std::uint32_t count) {
    meet(other, at(2));
    for (std::uint32_t i = 0; i < count; ++i) meet(OriginId{300 + i}, at(static_cast<std::uint8_t>(30 + i)));
    witnesses_count = count;
  }
  std::uint32_t witnesses_count = 0;

  /// All witnesses are heard every 50 ms; `other` is not.
  void miss_other(Duration duration) {
    const Instant end = now + duration;
    while (now < end) {
      hear_witnesses();
      pass(milliseconds(50));
    }
    hear_witnesses();
  }
  void hear_witnesses() {
    for (std::uint32_t i = 0; i < witnesses_count; ++i)
      hear_from(300 + i, at(static_cast<std::uint8_t>(30 + i)));
  }
  /// Until questions go out.
  void until_asked() {
    for (int step = 0; step < 100 && inquiries.empty(); ++step) miss_other(milliseconds(50));
    REQUIRE_FALSE(inquiries.empty());
  }
};

}  // namespace

TEST_SUITE("membership.inquiries") {
  TEST_CASE("how long a peer may be silent follows from the interval that it says it keeps") {
    CHECK(patience_at(milliseconds(20)).suspect == Duration(milliseconds(800)));
    CHECK(patience_at(milliseconds(200)).suspect == Duration(milliseconds(800)));
    CHECK(patience_at(milliseconds(200)).dead == Duration(milliseconds(2800)));
    CHECK(patience_at(seconds(1)).suspect == Duration(seconds(3)));
    CHECK(patience_at(seconds(1)).dead == Duration(milliseconds(4300)));
    CHECK(patience_at(seconds(60)).dead == Duration(milliseconds(181'300)));
  }

  TEST_CASE("a suspect is asked to answer, and three others are asked about it, every 250 ms") {
    Inquiring f(10);
    f.miss_other(milliseconds(750));
    CHECK(f.inquiries.empty());
    f.until_asked();
    CHECK(f.state_of(other) == PeerState::suspect);
    CHECK(f.compose(at(2)).wants_answer);
    CHECK_FALSE(f.compose(at(30)).wants_answer);
    int rounds = 0;
    std::set<OriginId> asked;
    for (int step = 0; step < 20; ++step) {
      f.hear_witnesses();
      f.now += milliseconds(50);
      const auto due = f.tick();
      if (f.inquiries.empty()) continue;
      ++rounds;
      CHECK(std::count(due.begin(), due.end(), at(2)) == 1);
      REQUIRE(f.inquiries.size() == 3);
      std::set<OriginId> in_round;
      for (const auto& [to, inquiry] : f.inquiries) {
        CHECK(inquiry.origin == other);
        CHECK(inquiry.sender == self);
        CHECK(to == at(static_cast<std::uint8_t>(inquiry.recipient.value - 300 + 30)));
        in_round.insert(inquiry.recipient);
      }
      CHECK(in_round.size() == 3);
      asked.insert(in_round.begin(), in_round.end());
    }
    CHECK(rounds == 4);
    CHECK(asked.size() >= 5);  // not always the same ones
  }

  TEST_CASE("a fresh witness keeps a suspect alive, without end; when witnesses fall silent it is dead") {
    Inquiring f(3);
    for (int step = 0; step < 400; ++step) {
      f.miss_other(milliseconds(50));
      for (const auto& question : f.inquiries)
        CHECK(f.membership.on_witness(question.to, answer_to(question, milliseconds(100))).has_value());
    }
    CHECK(f.state_of(other) == PeerState::suspect);
    CHECK(f.membership.nodes_count() == 5);
    f.miss_other(milliseconds(2950));
    CHECK(f.state_of(other) == PeerState::dead);
    CHECK(f.membership.nodes_count() == 4);
  }

  TEST_CASE(
      "a witness that heard it long ago does not delay its death, nor does one that heard it in the future") {
    for (const Duration heard_ago : {Duration(milliseconds(2700)), Duration(seconds(4000))}) {
      Inquiring f(3);
      const Instant fell_silent = f.membership.find(other)->last_heard;
      while (f.now - fell_silent < milliseconds(2900)) {
        f.miss_other(milliseconds(50));
        // Never younger than our own last sign of it.
        const Duration ago = std::max(heard_ago, f.now - fell_silent);
        for (const auto& question : f.inquiries)
          (void)f.membership.on_witness(question.to, answer_to(question, ago));
      }
      CHECK(f.state_of(other) == PeerState::dead);
    }
  }

  TEST_CASE("the journey of an answer makes what it says older, never younger") {
    Inquiring f(3);
    f.until_asked();
    const auto question = f.inquiries.front();
    const Instant asked = f.now;
    f.now += milliseconds(400);
    CHECK(f.membership.on_witness(question.to, answer_to(question, milliseconds(10))).has_value());
    CHECK(f.membership.find(other)->last_sign() == asked - milliseconds(10));
  }

  TEST_CASE(
      "an answer to nothing that we asked, about somebody else, or from another address changes nothing") {
    Inquiring f(3);
    f.until_asked();
    const auto question = f.inquiries.front();
    const Instant before = f.membership.find(other)->last_sign();
    wire::Witness forged = answer_to(question, milliseconds(0));
    forged.echo_ns += 1;
    CHECK(f.membership.on_witness(question.to, forged).has_value());
    forged = answer_to(question, milliseconds(0));
    forged.origin = OriginId{999};
    CHECK(f.membership.on_witness(question.to, forged).has_value());
    forged = answer_to(question, milliseconds(0));
    CHECK(f.membership.on_witness(at(99), forged).error().code == ErrorCode::unknown_sender);
    forged.sender = OriginId{999};
    CHECK(f.membership.on_witness(question.to, forged).error().code == ErrorCode::unknown_sender);
    forged = answer_to(question, milliseconds(0));
    forged.recipient = OriginId{999};
    CHECK(f.membership.on_witness(question.to, forged).error().code == ErrorCode::unknown_sender);
    CHECK(f.membership.find(other)->last_sign() == before);
  }

  TEST_CASE("asked about a peer, a node tells when it heard it itself, or says nothing") {
    Fixture f;
    f.meet(other, at(2));
    f.meet(witness_a, at(3));
    const wire::Inquiry inquiry{.sender = witness_a, .recipient = self, .origin = other, .sent_ns = 4711};
    f.now += milliseconds(300);
    const auto answer = f.membership.on_inquiry(at(3), inquiry, f.now);
    REQUIRE(answer.has_value());
    REQUIRE(answer->has_value());
    CHECK(**answer ==
          wire::Witness{
              .sender = self, .recipient = witness_a, .origin = other, .echo_ns = 4711, .heard_us = 302'000});
    wire::Inquiry about_nobody = inquiry;
    about_nobody.origin = OriginId{999};
    CHECK_FALSE(f.membership.on_inquiry(at(3), about_nobody, f.now)->has_value());
    f.now += milliseconds(700);  // missed here too
    CHECK_FALSE(f.membership.on_inquiry(at(3), inquiry, f.now)->has_value());
  }

  TEST_CASE("what a node was only told it does not pass on") {
    Inquiring f(3);
    f.until_asked();
    for (const auto& question : f.inquiries)
      CHECK(f.membership.on_witness(question.to, answer_to(question, milliseconds(0))).has_value());
    const wire::Inquiry inquiry{.sender = witness_a, .recipient = self, .origin = other, .sent_ns = 1};
    CHECK_FALSE(f.membership.on_inquiry(at(30), inquiry, f.now)->has_value());
  }

  TEST_CASE("strangers, and peers from other addresses, are told nothing") {
    Fixture f;
    f.meet(other, at(2));
    f.meet(witness_a, at(3));
    wire::Inquiry inquiry{.sender = witness_a, .recipient = self, .origin = other, .sent_ns = 1};
    CHECK(f.membership.on_inquiry(at(4), inquiry, f.now).error().code == ErrorCode::unknown_sender);
    inquiry.recipient = OriginId{999};
    CHECK(f.membership.on_inquiry(at(3), inquiry, f.now).error().code == ErrorCode::unknown_sender);
    inquiry.recipient = self;
    inquiry.sender = OriginId{999};
    CHECK(f.membership.on_inquiry(at(3), inquiry, f.now).error().code == ErrorCode::unknown_sender);
    // At its second address a peer is no stranger.
    f.meet(witness_a, at(5));
    inquiry.sender = witness_a;
    CHECK(f.membership.on_inquiry(at(5), inquiry, f.now)->has_value());
  }

  TEST_CASE("a heartbeat that wants an answer gets one, at most every 50 ms") {
    Fixture f;
    f.meet(other, at(2));
    const wire::Heartbeat ours = f.compose(at(2));
    wire::Heartbeat asking = f.from(other, &ours);
    asking.wants_answer = true;
    CHECK_FALSE(f.hear(at(2), asking)->reply_wanted);
    f.now += milliseconds(50);
    ++asking.sent_ns;
    CHECK(f.hear(at(2), asking)->reply_wanted);
    // From one that has not heard us for long: its echo is too old to prove anything, and still it wants to
    // know.
    for (int i = 0; i < 8; ++i) f.compose(at(2));
    f.now += milliseconds(50);
    const auto heard = f.hear(at(2), asking);
    CHECK(heard->peer == nullptr);
    CHECK(heard->reply_wanted);
    asking.state = wire::NodeState::left;
    CHECK_FALSE(f.hear(at(2), asking)->reply_wanted);
  }

  TEST_CASE("a peer that we hear but that does not hear us is alive, and known not to hear us") {
    Fixture f;
    f.meet(other, at(2));
    const wire::Heartbeat ours = f.compose(at(2));
    for (int step = 0; step < 100; ++step) {
      f.pass(milliseconds(100));
      f.compose(at(2));
      f.hear(at(2), f.from(other, &ours));  // always the same old echo
      CHECK(f.state_of(other) == PeerState::alive);
    }
    CHECK_FALSE(f.membership.find(other)->hears_us);
    wire::Heartbeat goodbye = f.from(other, &ours);
    goodbye.state = wire::NodeState::left;
    f.hear(at(2), goodbye);  // proves nothing: it may be forged
    CHECK(f.state_of(other) == PeerState::alive);
  }

  TEST_CASE("heartbeats that come twice, late or from a recording keep nobody alive") {
    Fixture f;
    f.meet(other, at(2));
    f.now += milliseconds(100);
    const wire::Heartbeat ours = f.compose(at(2));
    const wire::Heartbeat proven = f.from(other, &ours);
    const wire::Heartbeat unproven = f.from(other);
    CHECK(f.hear(at(2), proven).has_value());
    const Instant last = f.now;
    while (f.now - last < milliseconds(2750)) {
      f.pass(milliseconds(50));
      f.hear(at(2), proven);
      f.hear(at(2), unproven);
      CHECK(f.membership.find(other)->last_sign() == last);
    }
    f.pass(milliseconds(150));
    CHECK(f.state_of(other) == PeerState::dead);
    f.hear(at(2), proven);
    f.hear(at(2), unproven);
    CHECK(f.state_of(other) == PeerState::dead);
  }

  TEST_CASE("fewer than three witnesses are asked more than once, for a packet may be lost") {
    for (const std::uint32_t count : {1U, 2U}) {
      Inquiring f(count);
      f.until_asked();
      CHECK(f.inquiries.size() == 3);
    }
    Inquiring alone(0);
    alone.pass(milliseconds(1500));
    CHECK(alone.state_of(other) == PeerState::suspect);
    CHECK(alone.inquiries.empty());
  }

  TEST_CASE("a live peer is sent heartbeats at every interval, however long it has not answered") {
    Inquiring f(1);
    int sent = 0;
    for (int step = 0; step < 200; ++step) {
      f.membership.on_sign_of_life(other, at(2).address, f.now, f.effects);
      f.hear_witnesses();
      for (const Endpoint& endpoint : f.tick()) {
        f.compose(endpoint);
        sent += endpoint == at(2) ? 1 : 0;
      }
      f.now += milliseconds(50);
    }
    CHECK(sent >= 40);
  }

  TEST_CASE("peers of 0.1.0, which know no questions, are not asked, and get the patience of 0.1.0") {
    Fixture f;
    wire::Heartbeat old = f.from(other);
    old.interval_ms = 0;
    f.hear(at(2), old);
    const wire::Heartbeat ours = f.compose(at(2));
    old = f.from(other, &ours);
    old.interval_ms = 0;
    f.hear(at(2), old);
    f.meet(witness_a, at(3));
    // The one that knows questions is missed: there is nobody to ask.
    for (int step = 0; step < 40; ++step) {
      f.membership.on_sign_of_life(other, at(2).address, f.now, f.effects);
      f.pass(milliseconds(50));
      CHECK(f.inquiries.empty());
    }
    CHECK(f.state_of(witness_a) == PeerState::suspect);
    // The old one is missed: the other can be asked all the same.
    f.meet(witness_a, at(3));
    bool asked = false;
    for (int step = 0; step < 54; ++step) {
      f.membership.on_sign_of_life(witness_a, at(3).address, f.now, f.effects);
      f.pass(milliseconds(50));
      asked = asked || !f.inquiries.empty();
    }
    CHECK(asked);
    CHECK(f.state_of(other) == PeerState::suspect);
  }

  TEST_CASE("after a pause of our own nobody is given up before there was time to ask") {
    Inquiring f(3);
    f.pass(milliseconds(100));
    f.now += seconds(60);
    f.tick();
    CHECK(f.membership.nodes_count() == 5);
    f.pass(milliseconds(1900));
    CHECK(f.membership.nodes_count() == 5);
    f.pass(milliseconds(200));
    CHECK(f.membership.nodes_count() == 1);
  }

  TEST_CASE(
      "when very many fall silent at once the questions of a tick are bounded, and each comes to its turn") {
    Fixture f;
    for (std::uint32_t i = 0; i < 120; ++i) f.meet(OriginId{1000 + i}, at(static_cast<std::uint8_t>(10 + i)));
    std::set<OriginId> asked;
    for (int step = 0; step < 100; ++step) {
      // The first twenty go on.
      for (std::uint32_t i = 0; i < 20; ++i) f.hear_from(1000 + i, at(static_cast<std::uint8_t>(10 + i)));
      f.pass(milliseconds(50));
      CHECK(f.inquiries.size() <= 96);
      for (const auto& question : f.inquiries) asked.insert(question.inquiry.origin);
    }
    CHECK(asked.size() == 100);
    CHECK(f.membership.nodes_count() == 21);
  }
}

}  // namespace starling
