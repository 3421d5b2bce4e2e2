#include "gossip/delta_pager.hpp"

#include <doctest/doctest.h>

#include <map>
#include <set>

#include "base/random.hpp"
#include "fake_store.hpp"

namespace starling {
namespace {

struct Fixture {
  Random random{1};
  PublishLog log{1000};
  PublishQueue queue{PublishQueue::Options{.components_max = 1000}, random};
  FakeStore store;
  DeltaPager pager{log, queue, store};
  PublishLog::Ends ends{.list = 1};
  wire::Delta out;

  void publish(std::uint32_t count) {
    for (std::uint32_t i = 0; i < count; ++i)
      log.stamp(ends, ComponentIndex{i}, Version{i + 1}, no_component);
  }
};

}  // namespace

TEST_SUITE("gossip.delta_pager") {
  TEST_CASE("pages cover every version once, claim what they carry, and end at the newest") {
    Fixture f;
    f.publish(500);
    Version from{};
    ComponentIndex hint = no_component;
    std::set<std::uint64_t> seen;
    int pages = 0;
    while (from < Version{600}) {
      hint = f.pager.fill_page(f.ends, from, Version{600}, hint, f.out);
      REQUIRE(f.out.from == from);
      REQUIRE(f.out.to > from);
      for (const wire::DeltaEntry& entry : f.out.entries) {
        CHECK(entry.version > f.out.from);
        CHECK(entry.version <= f.out.to);
        CHECK(seen.insert(entry.version.value).second);
      }
      from = f.out.to;
      ++pages;
    }
    CHECK(seen.size() == 500);
    CHECK(pages <= 500 / 55 + 1);
    CHECK(f.out.to == Version{600});
  }

  TEST_CASE("a page never claims beyond its bound") {
    Fixture f;
    f.publish(50);
    f.pager.fill_page(f.ends, Version{10}, Version{20}, no_component, f.out);
    CHECK(f.out.entries.size() == 10);
    CHECK(f.out.to == Version{20});
  }

  TEST_CASE("newest: room left repeats what is not acked, and the claim reaches down to it") {
    Fixture f;
    f.publish(100);
    REQUIRE(f.pager.fill_newest(f.ends, {.from_min = Version{95}, .sent = Version{99}, .to = Version{100}},
                                f.out));
    CHECK(f.out.from == Version{95});
    CHECK(f.out.to == Version{100});
    CHECK(f.out.entries.size() == 5);
  }

  TEST_CASE("newest: repeats are bounded, and the claim stops where they do") {
    Fixture f;
    f.publish(100);
    REQUIRE(f.pager.fill_newest(f.ends, {.from_min = Version{0}, .sent = Version{99}, .to = Version{100}},
                                f.out));
    CHECK(f.out.entries.size() == 17);
    CHECK(f.out.from == Version{83});
    CHECK(f.out.entries.front().version == Version{84});
  }

  TEST_CASE("newest: more news than one packet holds is refused, to be paged") {
    Fixture f;
    f.publish(200);
    CHECK_FALSE(
        f.pager.fill_newest(f.ends, {.from_min = Version{0}, .sent = Version{0}, .to = Version{200}}, f.out));
  }

  TEST_CASE("when everything has expired, an empty delta still claims") {
    Fixture f;
    REQUIRE(
        f.pager.fill_newest(f.ends, {.from_min = Version{3}, .sent = Version{3}, .to = Version{9}}, f.out));
    CHECK(f.out.entries.empty());
    CHECK(f.out.from == Version{3});
    CHECK(f.out.to == Version{9});
  }

  TEST_CASE("our own components are sent as published, not as they have grown since") {
    Fixture f;
    PublishLog::Ends own{.list = own_origin.value};
    f.queue.add(ComponentIndex{1}, 100, true, Instant{});
    f.queue.set_published(ComponentIndex{1}, 3);
    f.log.stamp(own, ComponentIndex{1}, Version{1}, no_component);
    f.pager.fill_page(own, Version{0}, Version{1}, no_component, f.out);
    REQUIRE(f.out.entries.size() == 1);
    CHECK(f.out.entries[0].count == 3);
  }
}

}  // namespace starling
