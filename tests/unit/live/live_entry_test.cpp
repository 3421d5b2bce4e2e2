#include "live/live_entry.hpp"

#include <doctest/doctest.h>

#include <set>

#include "support.hpp"

namespace starling {
namespace {

LiveFlaw with(const LiveOverride& sound, void (*change)(LiveOverride&)) {
  LiveEntry entry = entry_of(sound);
  change(entry.what);
  return flaw_of(entry);
}

}  // namespace

TEST_SUITE("live.live_entry") {
  TEST_CASE("overrides as they must be") {
    CHECK(flaw_of(entry_of(limit_of("login", 5))) == LiveFlaw::none);
    CHECK(flaw_of(entry_of(learning_of("", true))) == LiveFlaw::none);
    CHECK(flaw_of(entry_of(ignoring("alice"))) == LiveFlaw::none);
    CHECK(with(limit_of("login", limit_requests_max), [](LiveOverride& what) {
            what.match = {{"a", Matcher::Kind::equal, "\u20ac"}, {"b", Matcher::Kind::any, ""}};
            what.limits.push_back({0, 31'622'400});
          }) == LiveFlaw::none);
  }

  TEST_CASE("each flaw has its name") {
    const LiveOverride limits = limit_of("login", 5);
    CHECK(with(limits, [](LiveOverride& what) { what.rule.clear(); }) == LiveFlaw::rule_missing);
    CHECK(with(limits, [](LiveOverride& what) { what.limits.clear(); }) == LiveFlaw::limits_missing);
    CHECK(with(limits, [](LiveOverride& what) { what.unlimited = true; }) == LiveFlaw::both_limits);
    CHECK(with(limits, [](LiveOverride& what) { what.limits[0].window_s = 0; }) == LiveFlaw::window);
    CHECK(with(limits, [](LiveOverride& what) { what.limits[0].window_s = 31'622'401; }) == LiveFlaw::window);
    CHECK(with(limits, [](LiveOverride& what) { ++(what.limits[0].requests = limit_requests_max); }) ==
          LiveFlaw::requests);
    CHECK(with(limits, [](LiveOverride& what) { what.limits.push_back({9, 10}); }) == LiveFlaw::window_twice);
    CHECK(with(limits, [](LiveOverride& what) {
            for (std::uint32_t i = 0; i < limits_per_rule_max; ++i) what.limits.push_back({9, 100 + i});
          }) == LiveFlaw::limits_count);
    CHECK(with(limits, [](LiveOverride& what) { what.principal = "alice"; }) == LiveFlaw::limits_principal);
    CHECK(with(learning_of("login", true), [](LiveOverride& what) { what.principal = "alice"; }) ==
          LiveFlaw::unwanted_caller);
    CHECK(with(learning_of("login", true), [](LiveOverride& what) { what.unlimited = true; }) ==
          LiveFlaw::unwanted_limits);
    CHECK(with(ignoring("alice"), [](LiveOverride& what) { what.principal.clear(); }) ==
          LiveFlaw::caller_missing);
    CHECK(with(ignoring("alice"), [](LiveOverride& what) {
            what.match = {{"a", Matcher::Kind::any, ""}};
          }) == LiveFlaw::two_callers);
    CHECK(with(limits, [](LiveOverride& what) {
            what.match = {{"b", Matcher::Kind::any, ""}, {"a", Matcher::Kind::any, ""}};
          }) == LiveFlaw::match_order);
    CHECK(with(limits, [](LiveOverride& what) { what.rule = std::string(257, 'r'); }) ==
          LiveFlaw::text_length);
    CHECK(with(limits, [](LiveOverride& what) { what.rule = "a\x1b[2J"; }) == LiveFlaw::text_characters);
    CHECK(with(limits, [](LiveOverride& what) { what.rule = "\xc0\xaf"; }) == LiveFlaw::text_characters);
    CHECK(with(limits, [](LiveOverride& what) {
            for (char key = 'a'; key <= 'c'; ++key)
              what.match.push_back({std::string(1, key), Matcher::Kind::equal, std::string(400, 'v')});
          }) == LiveFlaw::size);
  }

  TEST_CASE("the wire carries everything, there and back") {
    LiveEntry entry = stamped(limit_of("login", 5), noon, 77);
    entry.what.match = {{"a", Matcher::Kind::prefix, "x"}, {"b", Matcher::Kind::any, ""}};
    entry.stamp.logical = 3;
    entry.expires_at = noon + hours(1);
    CHECK(from_wire(to_wire(entry)) == entry);
    LiveEntry tombstone = stamped(ignoring("bob"), noon);
    tombstone.deleted = true;
    CHECK(from_wire(to_wire(tombstone)) == tombstone);
  }

  TEST_CASE("the place is that of the subject; the digest is of everything") {
    const LiveEntry entry = stamped(limit_of("login", 5), noon);
    std::set<std::uint64_t> digests{digest_of(entry, hash)};
    const auto differs = [&](const auto& change) {
      LiveEntry other = entry;
      change(other);
      CHECK(place_of(other.what, hash) == place_of(entry.what, hash));
      CHECK(digests.insert(digest_of(other, hash)).second);
    };
    differs([](LiveEntry& other) { other.what.limits[0].requests = 6; });
    differs([](LiveEntry& other) { other.what.limits[0].window_s = 6; });
    differs([](LiveEntry& other) { other.what.unlimited = true; });
    differs([](LiveEntry& other) { other.deleted = true; });
    differs([](LiveEntry& other) { ++other.stamp.wall_ms; });
    differs([](LiveEntry& other) { ++other.stamp.logical; });
    differs([](LiveEntry& other) { ++other.stamp.origin.value; });
    differs([](LiveEntry& other) { other.expires_at = noon; });
    differs([](LiveEntry& other) { other.set_by = "bob"; });
    LiveOverride other = entry.what;
    other.rule = "logi";
    other.principal = "n";
    CHECK(place_of(other, hash) != place_of(entry.what, hash));
  }

  TEST_CASE("an entry ends a day after it was taken back or has expired") {
    LiveEntry entry = stamped(limit_of("login", 5), noon);
    CHECK_FALSE(entry.gone_ms());
    entry.expires_at = noon + hours(1);
    CHECK(entry.holds_at(noon + hours(1) - milliseconds(1)));
    CHECK_FALSE(entry.holds_at(noon + hours(1)));
    CHECK(entry.gone_ms() == ms_since_epoch(noon + hours(25)));
    entry.deleted = true;
    CHECK_FALSE(entry.holds_at(noon));
    CHECK(entry.gone_ms() == ms_since_epoch(noon + hours(24)));
  }
}

}  // namespace starling
