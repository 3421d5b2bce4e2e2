#include "wire/opener.hpp"

#include <doctest/doctest.h>

#include "sealed.hpp"
#include "wire/seal.hpp"

namespace starling::wire {
namespace {

using std::chrono::milliseconds;

Error error_of(Ear& ear, std::span<const std::byte> packet) {
  const auto opened = ear.open(packet);
  REQUIRE_FALSE(opened);
  return opened.error();
}

TEST_SUITE("wire.opener") {
  TEST_CASE("what was sealed opens: sender, key and body") {
    Voice voice(OriginId{0xABCD});
    Ear ear;
    for (const std::size_t bytes : {std::size_t{0}, std::size_t{1}, std::size_t{500}, std::size_t{1176}}) {
      const auto opened = ear.open(voice.seal(Kind::delta, bytes));
      REQUIRE(opened);
      CHECK(opened->sender == OriginId{0xABCD});
      CHECK(opened->key == master_key(0).id());
      CHECK(opened->body_bytes == bytes);
      CHECK_FALSE(opened->is_repeated);
      CHECK(std::all_of(ear.body.begin(), ear.body.begin() + static_cast<std::ptrdiff_t>(bytes),
                        [](std::byte byte) { return byte == std::byte{7}; }));
    }
    CHECK(ear.opener.counts().opened == 4);
    CHECK(ear.opener.counts().derived == 1);
  }

  TEST_CASE("with any bit turned over it is refused, and nothing is remembered of it") {
    Voice voice(OriginId{1});
    Ear ear;
    REQUIRE(ear.open(voice.seal(Kind::heartbeat)));
    const Packet packet = voice.seal(Kind::heartbeat);
    // The reserved byte, too: it is ignored, but sealed with the rest.
    for (std::size_t bit = 0; bit < 8 * packet.size(); ++bit) {
      CAPTURE(bit);
      Packet flipped = packet;
      flipped[bit / 8] ^= std::byte{1} << (bit % 8);
      REQUIRE_FALSE(ear.open(flipped));
    }
    CHECK(ear.opener.counts().opened == 1);
    CHECK(ear.opener.senders_count() == 1);
    CHECK_FALSE(ear.is_repeated(packet));
  }

  TEST_CASE("cut or lengthened it is refused") {
    Voice voice(OriginId{1});
    Ear ear;
    const Packet packet = voice.seal(Kind::delta);
    for (std::size_t bytes = header_bytes; bytes < packet.size(); ++bytes) {
      CAPTURE(bytes);
      const Error error = error_of(ear, std::span(packet).first(bytes));
      const bool has_seal = bytes >= header_bytes + seal_bytes;
      CHECK(error == Error{has_seal ? ErrorCode::bad_seal : ErrorCode::too_short});
    }
    Packet longer = packet;
    longer.push_back(std::byte{0});
    CHECK(error_of(ear, longer) == Error{ErrorCode::bad_seal});
    CHECK_FALSE(ear.is_repeated(packet));
  }

  TEST_CASE("no key at all, another key, another cluster's name") {
    Voice voice(OriginId{1});
    const Packet packet = voice.seal(Kind::delta);
    Ear without(KeyRing{});
    CHECK(error_of(without, packet) == Error{ErrorCode::sealed});
    Ear other(ring_of({40}));
    CHECK(error_of(other, packet) == Error{ErrorCode::unknown_key, master_key(0).id().value});
    Ear elsewhere(ring_of({0}), "another");
    CHECK(error_of(elsewhere, packet) == Error{ErrorCode::bad_seal});
    CHECK(elsewhere.opener.counts().derived == 0);
  }

  TEST_CASE("the cluster's name is in the seal, not only in the mark") {
    // As somebody with the key could make it: marked for us, sealed for another cluster.
    Voice voice(OriginId{1}, ring_of({0}), "another");
    Packet packet = voice.seal(Kind::delta);
    SealedHeader header = SealedHeader::read(packet);
    header.mark = mark_of(packet, derive_mark_key(master_key(0), our_cluster));
    header.write(packet);
    Ear ear;
    CHECK(error_of(ear, packet) == Error{ErrorCode::bad_seal});
    CHECK(ear.opener.counts().derived == 1);
    CHECK(ear.opener.counts().opened == 0);
  }

  TEST_CASE("a packet of one port is none of the other, though its mark be right") {
    Voice voice(OriginId{1});
    Packet packet = voice.seal(Kind::delta);
    packet[5] = static_cast<std::byte>(Kind::heartbeat);
    SealedHeader header = SealedHeader::read(packet);
    header.mark = mark_of(packet, derive_mark_key(master_key(0), our_cluster));
    header.write(packet);
    Ear ear;
    CHECK(error_of(ear, packet) == Error{ErrorCode::bad_seal});
  }

  TEST_CASE("a flood of forged senders costs no derivation and fills nothing") {
    Voice voice(OriginId{1});
    Ear ear;
    Packet packet = voice.seal(Kind::heartbeat);
    Random random(1);
    for (int i = 0; i < 100'000; ++i) {
      SealedHeader header = SealedHeader::read(packet);
      header.sender = OriginId{random.next()};
      header.mark = static_cast<std::uint32_t>(random.next());
      header.write(packet);
      REQUIRE_FALSE(ear.open(packet));
    }
    CHECK(ear.opener.counts().derived == 0);
    CHECK(ear.opener.senders_count() == 0);
    CHECK(ear.open(voice.seal(Kind::heartbeat)));
  }

  TEST_CASE(
      "headers that were overheard, with other bodies, cost one derivation for each sender, within the "
      "budget") {
    Ear ear;
    Packet one = Voice(OriginId{1}).seal(Kind::heartbeat);
    one.back() ^= std::byte{1};
    for (int i = 0; i < 1'000; ++i) REQUIRE_FALSE(ear.open(one));
    CHECK(ear.opener.counts().derived == 1);
    std::vector<Packet> overheard;
    for (std::uint64_t origin = 1; origin <= 2000; ++origin) {
      overheard.push_back(Voice(OriginId{origin}).seal(Kind::heartbeat));
      overheard.back().back() ^= std::byte{1};
    }
    for (int i = 0; i < 100'000; ++i) REQUIRE_FALSE(ear.open(overheard[static_cast<std::size_t>(i) % 2000]));
    CHECK(ear.opener.counts().derived == derivations_burst);
    CHECK(ear.opener.senders_count() == derivations_burst);
  }

  TEST_CASE("of more true senders at once than the budget allows, the rest is taken in a moment") {
    Ear ear;
    const std::uint64_t senders = derivations_burst + 200;
    std::vector<Packet> refused;
    for (std::uint64_t origin = 1; origin <= senders; ++origin) {
      const Packet packet = Voice(OriginId{origin}).seal(Kind::heartbeat);
      const auto opened = ear.open(packet);
      if (opened) continue;
      REQUIRE(opened.error() == Error{ErrorCode::too_many_senders});
      refused.push_back(packet);
    }
    CHECK(refused.size() == 200);
    // Those that are known are heard all the same.
    Voice known(OriginId{1});
    known.seal(Kind::heartbeat);
    CHECK(ear.open(known.seal(Kind::heartbeat)));
    const Instant later = Instant{} + milliseconds(100);  // 204 at 2,048 a second
    for (const Packet& packet : refused) {
      const auto opened = ear.open(packet, later);
      REQUIRE(opened);
      CHECK_FALSE(opened->is_repeated);
    }
  }

  TEST_CASE("ten thousand senders with the key: the most recent are known, and no more than the bound") {
    Ear ear;
    Voice faithful(OriginId{1'000'000});
    Instant now;
    for (std::uint64_t origin = 1; origin <= 10'000; ++origin) {
      now += milliseconds(1);
      REQUIRE(ear.open(Voice(OriginId{origin}).seal(Kind::heartbeat), now));
      REQUIRE(ear.opener.senders_count() <= senders_max);
      if (origin % 1000 == 0) REQUIRE(ear.open(faithful.seal(Kind::heartbeat), now));
    }
    CHECK(ear.opener.senders_count() > senders_max / 2);
    CHECK(ear.opener.counts().derived == 10'001);  // who goes on being heard is not forgotten
    CHECK(ear.open(Voice(OriginId{9'999}).seal(Kind::heartbeat), now)->is_repeated);
    CHECK(ear.opener.counts().derived == 10'001);
  }
}

TEST_SUITE("wire.opener replay") {
  TEST_CASE("in order, each once") {
    Voice voice(OriginId{1});
    Ear ear;
    for (std::size_t i = 0; i < 3 * replay_window_packets; ++i) {
      const Packet packet = voice.seal(Kind::delta);
      REQUIRE_FALSE(ear.is_repeated(packet));
      REQUIRE(ear.is_repeated(packet));
    }
  }

  TEST_CASE("in any order within the window, some of them many times: each is new once") {
    for (std::uint64_t seed = 1; seed <= 10; ++seed) {
      CAPTURE(seed);
      Random random(seed);
      Voice voice(OriginId{1});
      Ear ear;
      std::vector<std::pair<Packet, bool>> sent;  // and whether it came
      std::size_t oldest = 0;
      for (int step = 0; step < 30'000; ++step) {
        if (sent.empty() || random.chance(0.4)) sent.emplace_back(voice.seal(Kind::delta, 0), false);
        oldest = sent.size() > replay_window_packets ? sent.size() - replay_window_packets : 0;
        auto& [packet, came] = sent[oldest + random.below(sent.size() - oldest)];
        REQUIRE(ear.is_repeated(packet) == came);
        came = true;
      }
      CHECK(oldest > replay_window_packets / 4);
    }
  }

  TEST_CASE("what is older than the window counts as repeated; the last within it does not") {
    Voice voice(OriginId{1});
    Ear ear;
    const Packet too_old = voice.seal(Kind::delta);
    const Packet just_in = voice.seal(Kind::delta);
    for (std::size_t i = 0; i < replay_window_packets - 2; ++i) voice.seal(Kind::delta);
    CHECK_FALSE(ear.is_repeated(voice.seal(Kind::delta)));
    CHECK(ear.is_repeated(too_old));
    CHECK_FALSE(ear.is_repeated(just_in));
    CHECK(ear.is_repeated(just_in));
  }

  TEST_CASE("after a leap beyond the window nothing of before is taken for something new") {
    Voice voice(OriginId{1});
    Ear ear;
    std::vector<Packet> before;
    for (int i = 0; i < 10; ++i) before.push_back(voice.seal(Kind::delta));
    for (const Packet& packet : before) CHECK_FALSE(ear.is_repeated(packet));
    for (std::size_t i = 0; i < 5 * replay_window_packets; ++i) voice.seal(Kind::delta);
    CHECK_FALSE(ear.is_repeated(voice.seal(Kind::delta)));
    for (const Packet& packet : before) CHECK(ear.is_repeated(packet));
    // What was lost on the way, and is in the window, is still new: no mark is left of the counters before.
    for (int i = 0; i < 1000; ++i) CHECK_FALSE(ear.is_repeated(voice.seal(Kind::delta)));
  }

  TEST_CASE("ports and senders are told apart") {
    Voice voice(OriginId{1});
    Voice other(OriginId{2});
    Ear ear;
    for (int i = 0; i < 100; ++i) REQUIRE_FALSE(ear.is_repeated(voice.seal(Kind::delta)));
    CHECK_FALSE(ear.is_repeated(voice.seal(Kind::heartbeat)));
    CHECK_FALSE(ear.is_repeated(other.seal(Kind::delta)));
    CHECK_FALSE(ear.is_repeated(voice.seal(Kind::pull)));  // the port's, not the kind's
  }

  TEST_CASE("a change of rings opens no window: what was taken stays taken") {
    Voice voice(OriginId{1});
    Ear ear;
    const Packet packet = voice.seal(Kind::delta);
    CHECK_FALSE(ear.is_repeated(packet));
    ear.opener.replace(ring_of({0, 40}));
    CHECK(ear.is_repeated(packet));
    ear.opener.replace(ring_of({40}));
    CHECK_FALSE(ear.open(packet));
    ear.opener.replace(ring_of({40, 0}));
    CHECK(ear.is_repeated(packet));
  }
}

TEST_SUITE("wire.opener rings") {
  TEST_CASE("all keys of a ring open, and none that has gone") {
    Voice old_key(OriginId{1}, ring_of({0}));
    Voice new_key(OriginId{2}, ring_of({40}));
    Ear ear(ring_of({0, 40}));
    CHECK(ear.open(old_key.seal(Kind::delta))->key == master_key(0).id());
    CHECK(ear.open(new_key.seal(Kind::delta))->key == master_key(40).id());
    ear.opener.replace(ring_of({40}));
    CHECK(error_of(ear, old_key.seal(Kind::delta)) ==
          Error{ErrorCode::unknown_key, master_key(0).id().value});
    CHECK(ear.open(new_key.seal(Kind::delta)));
    CHECK(ear.opener.counts().derived == 2);  // the one that stayed kept its subkeys
    CHECK(ear.opener.senders_count() == 2);
  }

  TEST_CASE("a sender that changes its key is derived once more and goes on counting") {
    Voice voice(OriginId{1}, ring_of({0, 40}));
    Ear ear(ring_of({0, 40}));
    const Packet before = voice.seal(Kind::delta);
    const Packet late = voice.seal(Kind::delta);
    REQUIRE_FALSE(ear.is_repeated(before));
    voice.sealer.replace(ring_of({40, 0}));
    for (int i = 0; i < 10; ++i) REQUIRE_FALSE(ear.is_repeated(voice.seal(Kind::delta)));
    CHECK_FALSE(ear.is_repeated(late));
    CHECK(ear.is_repeated(before));
    CHECK(ear.opener.counts().derived == 2);
    CHECK(ear.opener.senders_count() == 1);
  }

  TEST_CASE("the same ring again changes nothing") {
    Voice voice(OriginId{1});
    Ear ear;
    const Packet packet = voice.seal(Kind::delta);
    REQUIRE(ear.open(packet));
    for (int i = 0; i < 10; ++i) ear.opener.replace(ring_of({0}));
    CHECK(ear.is_repeated(packet));
    CHECK(ear.opener.counts().derived == 1);
  }

  TEST_CASE("no keys any more: what is sealed is told so, and plain packets are as the ring says") {
    Ear ear;
    CHECK(ear.opener.plain() == PlainPackets::refused);
    ear.opener.replace(KeyRing{});
    CHECK(ear.opener.plain() == PlainPackets::sent);
    CHECK(error_of(ear, Voice(OriginId{1}).seal(Kind::delta)) == Error{ErrorCode::sealed});
  }
}

}  // namespace
}  // namespace starling::wire
