#include "gossip/publish_log.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <vector>

#include "base/random.hpp"

namespace starling {
namespace {

ComponentIndex c(std::uint32_t value) {
  return ComponentIndex{value};
}
Version v(std::uint64_t value) {
  return Version{value};
}

std::vector<std::uint64_t> versions(const PublishLog& log, const PublishLog::Ends& ends) {
  std::vector<std::uint64_t> out;
  for (ComponentIndex at = ends.oldest; at != no_component; at = log.newer(at))
    out.push_back(log.version(at).value);
  return out;
}

}  // namespace

TEST_SUITE("gossip.publish_log") {
  TEST_CASE("a component stands once, at its newest version") {
    PublishLog log(10);
    PublishLog::Ends ends;
    log.stamp(ends, c(0), v(1), no_component);
    log.stamp(ends, c(1), v(2), no_component);
    log.stamp(ends, c(0), v(3), no_component);
    CHECK(versions(log, ends) == std::vector<std::uint64_t>{2, 3});
    CHECK(ends.size == 2);
  }

  TEST_CASE("an older version changes nothing") {
    PublishLog log(10);
    PublishLog::Ends ends;
    log.stamp(ends, c(0), v(5), no_component);
    log.stamp(ends, c(0), v(4), no_component);
    CHECK(log.version(c(0)) == v(5));
  }

  TEST_CASE("versions out of order, with any hint, are put in order") {
    for (std::uint64_t seed = 1; seed <= 200; ++seed) {
      Random random(seed);
      PublishLog log(100);
      PublishLog::Ends ends;
      std::map<std::uint32_t, std::uint64_t> model;
      for (int step = 0; step < 200; ++step) {
        const auto component = static_cast<std::uint32_t>(random.below(40));
        const auto near = static_cast<std::uint32_t>(random.below(40));
        if (random.chance(0.1)) {
          log.remove(ends, c(component));
          model.erase(component);
          continue;
        }
        // A version belongs to one component: that is what makes it a version.
        const std::uint64_t version = 1 + random.below(50) * 40 + component;
        log.stamp(ends, c(component), v(version), log.contains(ends, c(near)) ? c(near) : no_component);
        model[component] = std::max(model[component], version);
      }
      std::vector<std::uint64_t> expected;
      for (const auto& [component, version] : model) expected.push_back(version);
      std::sort(expected.begin(), expected.end());
      REQUIRE(versions(log, ends) == expected);
      CHECK(ends.size == expected.size());
      for (std::uint64_t version = 0; version < 2001; version += 37) {
        const auto above = std::upper_bound(expected.begin(), expected.end(), version);
        const ComponentIndex first =
            log.first_after(ends, v(version), c(static_cast<std::uint32_t>(random.below(40))));
        REQUIRE((first == no_component) == (above == expected.end()));
        if (first != no_component) CHECK(log.version(first).value == *above);
      }
    }
  }

  TEST_CASE("in a long list any place is found, whatever has moved or gone since it was noted") {
    constexpr std::uint32_t components = 10'000;
    PublishLog log(components);
    PublishLog::Ends ends;
    Random random(9);
    std::map<std::uint64_t, std::uint32_t> model;  // component by version
    std::vector<std::uint64_t> stands(components, 0);
    std::uint64_t version = 0;
    for (int step = 0; step < 60'000; ++step) {
      const auto component = static_cast<std::uint32_t>(random.below(step < 20'000 ? components : 300));
      if (random.chance(0.05)) {
        log.remove(ends, c(component));
        model.erase(stands[component]);
        stands[component] = 0;
      } else {
        // Now and then an earlier one comes late.
        version += 1 + random.below(3);
        const std::uint64_t at = random.chance(0.02) ? version - 1 : version;
        if (at <= stands[component] || model.contains(at)) continue;
        log.stamp(ends, c(component), v(at), no_component);
        model.erase(stands[component]);
        stands[component] = at;
        model[at] = component;
      }
      if (step % 50 != 0) continue;
      const std::uint64_t wanted = random.below(version + 10);
      const auto above = model.upper_bound(wanted);
      const ComponentIndex first = log.first_after(ends, v(wanted), no_component);
      REQUIRE(first == (above == model.end() ? no_component : c(above->second)));
    }
    CHECK(ends.size == model.size());
    CHECK(!ends.places.empty());
    CHECK(ends.places.size() <= 2 * (components / 1024) + 4);
  }

  TEST_CASE("a row reused by another origin's list is not taken for a place in this one") {
    PublishLog log(10);
    PublishLog::Ends mine{.list = 1};
    PublishLog::Ends theirs{.list = 2};
    log.stamp(mine, c(0), v(1), no_component);
    log.stamp(mine, c(1), v(2), no_component);
    log.remove(mine, c(0));
    log.stamp(theirs, c(0), v(9), no_component);
    CHECK(log.first_after(mine, v(1), c(0)) == c(1));
    log.remove(mine, c(0));  // not ours: nothing happens
    CHECK(theirs.size == 1);
  }

  TEST_CASE(
      "a noted place whose row another origin's list has now, at the same version, is not one of this") {
    PublishLog log(6000);
    PublishLog::Ends mine{.list = 1};
    PublishLog::Ends theirs{.list = 2};
    for (std::uint32_t i = 0; i < 3000; ++i) log.stamp(mine, c(i), v(i + 1), no_component);
    REQUIRE(mine.places.size() >= 2);
    const auto noted = mine.places;
    for (const auto& place : noted) {
      log.remove(mine, place.component);
      log.stamp(theirs, place.component, place.version, no_component);
      log.stamp(theirs, c(3000 + place.component.value), v(place.version.value + 1), no_component);
    }
    for (const auto& place : noted) {
      const ComponentIndex next = log.first_after(mine, place.version, no_component);
      CHECK(next == c(place.component.value + 1));
    }
  }

  TEST_CASE("the hash of what lies above depends on the set, not on the order it came in") {
    PublishLog log(30);
    PublishLog::Ends a{.list = 1};
    PublishLog::Ends b{.list = 2};
    for (const std::uint64_t version : {3U, 9U, 7U})
      log.stamp(a, c(static_cast<std::uint32_t>(version)), v(version), no_component);
    for (const std::uint64_t version : {7U, 9U, 3U})
      log.stamp(b, c(static_cast<std::uint32_t>(20 + version)), v(version), no_component);
    CHECK(log.hash_above(a, v(4)) == log.hash_above(b, v(4)));
    CHECK(log.hash_above(a, v(4)) != log.hash_above(a, v(2)));
    CHECK(log.hash_above(a, v(9)) == 0);
  }

  TEST_CASE("a hash that took a long walk is kept, and right whatever comes and goes") {
    PublishLog log(2000);
    PublishLog::Ends ends{.list = 1};
    const auto walked = [&](Version above) {  // one that has no hash kept
      PublishLog::Ends bare = ends;
      bare.kept = {};
      return log.hash_above(bare, above);
    };
    Random random(5);
    std::uint64_t version = 0;
    for (std::uint32_t i = 0; i < 1000; ++i) log.stamp(ends, c(i), v(++version), no_component);
    for (int step = 0; step < 3000; ++step) {
      const ComponentIndex some = c(static_cast<std::uint32_t>(random.below(2000)));
      if (random.below(3) == 0)
        log.remove(ends, some);
      else
        log.stamp(ends, some, v(++version), no_component);
      for (const std::uint64_t above : {0U, 100U, 500U})
        CHECK(log.hash_above(ends, v(above)) == walked(v(above)));
    }
    CHECK(ends.kept[0].above != Version{hits_max});
  }
}

}  // namespace starling
