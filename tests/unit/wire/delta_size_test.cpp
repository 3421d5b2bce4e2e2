/// DeltaSize promises that what it lets in fits a datagram; `encode` would abort otherwise. And it should not
/// be so careful that packets go out half empty.
#include <doctest/doctest.h>

#include "packets.hpp"

namespace starling::wire {
namespace {

/// What is left for entries and all else: the seal's room stays free in plain packets too.
constexpr std::size_t plain_bytes_max = datagram_bytes_max - seal_bytes;

/// What its upper bounds may cost: some bytes once, some for each window.
constexpr std::size_t wasted_bytes_max(std::size_t windows_count) {
  return 50 + 40 * windows_count;
}

TEST_SUITE("wire.delta_size") {
  TEST_CASE("filled until it says no, a delta fits, and little room is wasted") {
    Encoder encoder(tag);
    for (std::uint64_t seed = 1; seed <= 5000; ++seed) {
      CAPTURE(seed);
      Random random(seed);
      const DeltaShape shape{.entries_max = 1000,
                             .windows_count = 1 + random.below(6),
                             .wide_share = random.chance(0.3) ? 0.0 : random.unit()};
      CAPTURE(shape.windows_count);
      const Delta delta = draw_delta(random, shape);
      REQUIRE(delta.entries.size() >= 20);
      const std::size_t bytes = encoder.encode(delta).size();
      REQUIRE(bytes <= plain_bytes_max);
      REQUIRE(plain_bytes_max - bytes <= wasted_bytes_max(shape.windows_count));
    }
  }

  TEST_CASE("with as many windows as there may be, and one entry in each, it still fits") {
    Encoder encoder(tag);
    std::size_t most = 0;
    for (std::uint64_t seed = 1; seed <= 2000; ++seed) {
      CAPTURE(seed);
      Random random(seed);
      const Delta delta = draw_delta(
          random, {.entries_max = 1000, .windows_count = 7 + random.below(40), .wide_share = random.unit()});
      REQUIRE_FALSE(delta.entries.empty());
      REQUIRE(encoder.encode(delta).size() <= plain_bytes_max);
      most = std::max(most, delta.entries.size());
    }
    CHECK(most > 16);
  }

  TEST_CASE("windows with the most varied members do not outgrow the bound") {
    // A member that is 0 is left out of a FlatBuffer and gives the table another shape, so another vtable.
    Encoder encoder(tag);
    for (std::uint64_t seed = 1; seed <= 2000; ++seed) {
      CAPTURE(seed);
      Random random(seed);
      Delta delta;
      delta.sender = delta.origin = delta.recipient = OriginId{hits_max};
      delta.ack = Version{hits_max};
      delta.from = Version{1};
      delta.partial = true;
      delta.patient = true;
      DeltaSize size(delta.from);
      for (std::uint64_t version = 2; version < 2000; ++version) {
        const DeltaEntry entry{.window_s = static_cast<std::uint32_t>(random.below(4)),
                               .window_id = WindowId{random.below(4)},
                               .key = CounterKey{random.below(2)},
                               .count = random.chance(0.5) ? hits_max : 0,
                               .version = Version{version}};
        if (!size.add(entry)) continue;  // a narrow one may still fit where a wide one does not
        delta.entries.push_back(entry);
        delta.to = entry.version;
      }
      REQUIRE(encoder.encode(delta).size() <= plain_bytes_max);
    }
  }

  TEST_CASE("a delta that starts later than promised, so that wide entries become narrow, fits as well") {
    Encoder encoder(tag);
    Decoder decoder(tag);
    for (std::uint64_t seed = 1; seed <= 500; ++seed) {
      CAPTURE(seed);
      Random random(seed);
      Delta delta = draw_delta(random, {.entries_max = 1000, .windows_count = 3, .wide_share = 0.3});
      delta.from = Version{delta.entries.front().version.value - 1};
      const auto bytes = encoder.encode(delta);
      REQUIRE(bytes.size() <= plain_bytes_max);
      REQUIRE(decoder.open(bytes, Port::sync));
      REQUIRE(decoder.delta());
    }
  }

  TEST_CASE("an entry that does not fit is not counted: a smaller one may still go in") {
    DeltaSize size(Version{0});
    const DeltaEntry narrow{
        .window_s = 1, .window_id = WindowId{1}, .key = CounterKey{1}, .count = 1, .version = Version{1}};
    DeltaEntry other_window = narrow;
    other_window.window_s = 2;
    std::size_t count = 0;
    bool refused_other = false;
    while (size.add(narrow)) {
      ++count;
      DeltaSize probe = size;
      refused_other = !probe.add(other_window);
    }
    CHECK(refused_other);  // one more window had no room before one more entry had none
    CHECK(count >= 60);
    CHECK(count <= datagram_bytes_max / 16);
  }
}

}  // namespace
}  // namespace starling::wire
