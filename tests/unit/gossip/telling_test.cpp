#include "gossip/telling.hpp"

#include <doctest/doctest.h>

#include "base/random.hpp"
#include "fake_store.hpp"

namespace starling {
namespace {

constexpr std::uint64_t tag = 7;
constexpr OriginId self{77};

FakeStore one_window() {
  FakeStore store;
  store.window_s = 10;
  return store;
}

struct Fixture {
  Random random{1};
  PublishLog log{3000};
  PublishQueue queue{PublishQueue::Options{.components_max = 3000}, random};
  FakeStore store = one_window();
  DeltaPager pager{log, queue, store};
  PublishLog::Ends ends;
  Telling telling{pager, self};
  wire::Encoder encoder{tag};
  wire::Decoder decoder{tag};

  void publish(std::uint32_t count) {
    for (std::uint32_t i = 0; i < count; ++i) {
      queue.add(ComponentIndex{i}, 100, false, Instant{});
      queue.set_published(ComponentIndex{i}, 5);
      log.stamp(ends, ComponentIndex{i}, Version{i + 1}, no_component);
    }
  }
  wire::Delta heard(std::span<const std::byte> bytes) {
    REQUIRE(decoder.open(bytes, Port::sync));
    const auto delta = decoder.delta();
    REQUIRE(delta);
    return **delta;
  }
};

}  // namespace

TEST_SUITE("gossip.telling") {
  TEST_CASE("what many are told is cut once, and says to each whom it is for") {
    Fixture f;
    f.publish(300);
    for (std::uint64_t peer = 1; peer <= 5; ++peer) {
      Version from{};
      ComponentIndex cursor = no_component;
      while (from < Version{300}) {
        Telling::Told& told = f.telling.page(f.ends, from, Version{300}, cursor);
        const wire::Delta delta =
            f.heard(f.telling.encode(told, f.encoder, OriginId{peer}, Version{peer * 3}, true));
        CHECK(delta.sender == self);
        CHECK(delta.origin == self);
        CHECK(delta.recipient == OriginId{peer});
        CHECK(delta.ack == Version{peer * 3});
        CHECK(delta.patient);
        CHECK(delta.from == from);
        CHECK(delta.entries.front().version == Version{from.value + 1});
        CHECK(delta.entries.back().version == delta.to);
        from = delta.to;
        cursor = told.last;
      }
      CHECK(from == Version{300});
    }
    CHECK(f.store.reads <= 310);  // each once, and the first that does not fit a page
  }

  TEST_CASE("as many packets as a peer that is behind is sent at once are cut once for all") {
    Fixture f;
    f.publish(2400);  // 32 packets and some: more than one round of them
    std::size_t first_reads = 0;
    for (int peer = 0; peer < 5; ++peer) {
      Version sent{};
      ComponentIndex cursor = no_component;
      // What Gossip asks: is one packet enough? The next page, then.
      for (int packets = 0; packets < 32; ++packets) {
        const DeltaPager::Range range{.from_min = Version{}, .sent = sent, .to = Version{2400}};
        REQUIRE_FALSE(f.telling.newest(f.ends, range).fits);
        const Telling::Told& told = f.telling.page(f.ends, sent, Version{2400}, cursor);
        sent = told.delta.to;
        cursor = told.last;
      }
      if (peer == 0) first_reads = f.store.reads;
    }
    CHECK(first_reads > 2000);
    CHECK(f.store.reads == first_reads);
  }

  TEST_CASE("with or without an ack, patient or not: each is as it would be alone") {
    Fixture f;
    f.publish(20);
    const DeltaPager::Range range{.from_min = Version{4}, .sent = Version{9}, .to = Version{20}};
    for (const bool patient : {false, true, false})
      for (const std::uint64_t ack : {0, 9, 0, 8}) {
        Telling::Told& told = f.telling.newest(f.ends, range);
        CHECK(told.fits);
        const wire::Delta delta =
            f.heard(f.telling.encode(told, f.encoder, OriginId{3}, Version{ack}, patient));
        CHECK(delta.ack == Version{ack});
        CHECK(delta.patient == patient);
        CHECK(delta.from == Version{4});
        CHECK(delta.entries.size() == 16);
      }
  }

  TEST_CASE("after a change everything is cut anew; what does not fit one packet is remembered as such") {
    Fixture f;
    f.publish(300);
    const DeltaPager::Range all{.from_min = {}, .sent = {}, .to = Version{300}};
    CHECK_FALSE(f.telling.newest(f.ends, all).fits);
    const std::size_t reads = f.store.reads;
    CHECK_FALSE(f.telling.newest(f.ends, all).fits);
    CHECK(f.store.reads == reads);
    f.log.stamp(f.ends, ComponentIndex{0}, Version{301}, no_component);
    f.telling.on_changed();
    const Telling::Told& told = f.telling.page(f.ends, {}, Version{301}, no_component);
    CHECK(told.delta.entries.front().version == Version{2});
  }

  TEST_CASE("more pages than are remembered are still told right") {
    Fixture f;
    f.publish(1000);
    for (int round = 0; round < 3; ++round)
      for (std::uint64_t from = 0; from < 1000; from += 10) {
        const Telling::Told& told = f.telling.page(f.ends, Version{from}, Version{from + 10}, no_component);
        REQUIRE(told.delta.entries.size() == 10);
        REQUIRE(told.delta.entries.front().version == Version{from + 1});
      }
  }
}

}  // namespace starling
