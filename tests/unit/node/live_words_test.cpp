#include "node/live_words.hpp"

#include <doctest/doctest.h>

#include <set>

namespace starling {
namespace {

LiveOverride limits() {
  LiveOverride what;
  what.rule = "login";
  what.limits = {Limit{.requests = 5, .window_s = 60}};
  return what;
}

}  // namespace

TEST_SUITE("node.live_words") {
  TEST_CASE("an override in one line") {
    LiveOverride what = limits();
    CHECK(describe(what) == "limits rule=login: 5 per 1m");
    what.match = {Matcher{.key = "user", .kind = Matcher::Kind::prefix, .text = "al\nice"}};
    what.limits.push_back(Limit{.requests = 9, .window_s = 3600});
    CHECK(describe(what) == "limits rule=login user=al?ice*: 5 per 1m, 9 per 1h");
    LiveOverride learning;
    learning.kind = LiveOverride::Kind::learning;
    learning.learning = true;
    CHECK(describe(learning) == "learning rule=all: on");
    LiveOverride ignoring;
    ignoring.kind = LiveOverride::Kind::ignoring;
    ignoring.principal = "bob";
    CHECK(describe(ignoring) == "ignoring rule=all principal=bob");
  }

  TEST_CASE("its story: who, where, until when") {
    const WallTime now{std::chrono::hours(500'000)};
    LiveView view{.what = limits(), .set_by = "", .set_on = "n1", .set_at = now, .expires_at = std::nullopt};
    CHECK(story_of(view, now) == "by=? on=n1");
    view.set_by = "alice";
    view.expires_at = now + std::chrono::minutes(5);
    CHECK(story_of(view, now) == "by=alice on=n1 expires_in=5m");
    CHECK(story_of(view, now + std::chrono::hours(1)) == "by=alice on=n1");
  }

  TEST_CASE("every flaw is told in a line of its own that says what was expected") {
    std::set<std::string> lines;
    for (std::uint32_t flaw = 1; flaw < live_flaws_count; ++flaw) {
      const std::string line = explain(Error{ErrorCode::bad_field, flaw}, limits(), 10'000);
      CHECK(line.find("expected") != std::string::npos);
      CHECK(line.find('\n') == std::string::npos);
      CHECK(lines.insert(line).second);
    }
    CHECK(explain(Error{ErrorCode::table_full}, limits(), 10'000).find("all 10000 in use; delete some") !=
          std::string::npos);
  }
}

}  // namespace starling
