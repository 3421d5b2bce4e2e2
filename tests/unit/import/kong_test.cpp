#include "import/kong.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>

#include "imported_rules.hpp"
#include "small_limiter.hpp"

namespace starling {
namespace {

/// A plugin at the top, with this configuration and what it is attached to.
std::string plugin(const std::string& config, const std::string& attached = "") {
  return "- {name: rate-limiting, config: {" + config + "}" + attached + "}\n";
}

std::string plugins(const std::string& list) {
  return "_format_version: \"3.0\"\nplugins:\n" + list;
}

/// The limits that apply to one descriptor, in ascending order.
std::vector<Hits> applied(const Imported& imported, const SmallDescriptor& descriptor) {
  std::vector<Hits> limits;
  const auto verdicts = SmallLimiter(imported.rules).verdicts({descriptor});
  for (const SmallVerdict& verdict : verdicts.front()) limits.push_back(verdict.limit.requests);
  std::sort(limits.begin(), limits.end());
  return limits;
}

}  // namespace

TEST_SUITE("import.kong") {
  TEST_CASE("all periods become limits of one rule") {
    const Imported imported = import_good(
        ImportFrom::kong,
        plugins(plugin("second: 1, minute: 2, hour: 3, day: 4, month: 5, year: 6, limit_by: ip")));
    REQUIRE(imported.rules.rules.size() == 1);
    const std::vector<Limit> expected{{1, 1},      {2, 60},          {3, 3600},
                                      {4, 86'400}, {5, 30 * 86'400}, {6, 365 * 86'400}};
    CHECK(imported.rules.rules[0].limits == expected);
    check_lines(notes_of(imported), {"3:73 note: month: Kong goes by the calendar", "3:83 note: year: Kong"});
  }

  TEST_CASE("without what it counts by, a request is counted by its address, as there") {
    const Imported imported = import_good(ImportFrom::kong, plugins(plugin("minute: 5")));
    const SmallLimiter limiter(imported.rules);
    const auto known = limiter.verdicts({{{"client_ip", "192.0.2.1"}, {"consumer", "bob"}}}).front();
    const auto same = limiter.verdicts({{{"client_ip", "192.0.2.2"}, {"consumer", "bob"}}}).front();
    const auto unknown = limiter.verdicts({{{"client_ip", "192.0.2.1"}}}).front();
    REQUIRE(known.size() == 1);
    REQUIRE(unknown.size() == 1);
    CHECK(known[0].counter == same.at(0).counter);
    CHECK(known[0].counter != unknown[0].counter);
  }

  TEST_CASE("the instance that is attached most narrowly is the only one, in all of Kong's twelve ranks") {
    const std::string c = ", consumer: bob", g = ", consumer_group: gold", r = ", route: cart",
                      s = ", service: shop";
    const std::vector<std::string> ranked{c + r + s, g + r + s, c + r, c + s, g + r, g + s,
                                          r + s,     c,         g,     r,     s,     ""};
    std::string list;
    for (std::size_t i = ranked.size(); i-- > 0;)
      list += plugin(fmt::format("minute: {}, limit_by: ip", i + 1), ranked[i]);
    const Imported imported = import_good(ImportFrom::kong, plugins(list));
    CHECK(imported.notes.empty());
    for (unsigned bits = 0; bits < 16; ++bits) {
      SmallDescriptor descriptor{{"client_ip", "192.0.2.1"}};
      const auto has = [&](unsigned bit) { return (bits & bit) != 0; };
      descriptor.emplace_back("consumer", has(8) ? "bob" : "eve");
      descriptor.emplace_back("consumer_group", has(4) ? "gold" : "tin");
      descriptor.emplace_back("route", has(2) ? "cart" : "x");
      descriptor.emplace_back("service", has(1) ? "shop" : "y");
      Hits expected = 0;
      for (std::size_t i = ranked.size(); i-- > 0;) {
        const auto needs = [&](const std::string& part, unsigned bit) {
          return ranked[i].find(part + ":") == std::string::npos || has(bit);
        };
        if (needs("consumer", 8) && needs("consumer_group", 4) && needs("route", 2) && needs("service", 1))
          expected = i + 1;
      }
      CAPTURE(bits);
      CHECK(applied(imported, descriptor) == std::vector<Hits>{expected});
    }
  }

  TEST_CASE("the two plugins are apart: both apply") {
    const Imported imported = import_good(
        ImportFrom::kong, plugins(plugin("minute: 5, limit_by: ip") +
                                  "- {name: rate-limiting-advanced, service: shop, config: {limit: [7], "
                                  "window_size: [60], identifier: ip}}\n"));
    CHECK(applied(imported, {{"client_ip", "192.0.2.1"}, {"service", "shop"}}) == std::vector<Hits>{5, 7});
    CHECK(imported.rules.rules[1].algorithm == Algorithm::sliding_window);
  }

  TEST_CASE("every limit_by has its key") {
    const auto match_of = [](const std::string& config) {
      return import_good(ImportFrom::kong, plugins(plugin("minute: 5, " + config)))
          .rules.rules.front()
          .match.front();
    };
    CHECK(match_of("limit_by: consumer") == Matcher{"consumer", Matcher::Kind::any, ""});
    CHECK(match_of("limit_by: credential") == Matcher{"credential", Matcher::Kind::any, ""});
    CHECK(match_of("limit_by: ip") == Matcher{"client_ip", Matcher::Kind::any, ""});
    CHECK(match_of("limit_by: service") == Matcher{"service", Matcher::Kind::any, ""});
    CHECK(match_of("limit_by: header, header_name: X-Key") ==
          Matcher{"header.x-key", Matcher::Kind::any, ""});
    CHECK(match_of("limit_by: path, path: /login") == Matcher{"path", Matcher::Kind::equal, "/login"});
  }

  TEST_CASE("part of a request lets a whole one pass, so limits are rounded up") {
    const Imported imported = import_good(ImportFrom::kong, plugins(plugin("minute: 0.5, limit_by: ip")));
    CHECK(imported.rules.rules[0].limits[0].requests == 1);
    check_lines(notes_of(imported), {"3:42 note: minute: 0.5 lets as many pass as 1 would"});
  }

  TEST_CASE("a resource that nothing is attached to only learns") {
    const Imported imported =
        import_good(ImportFrom::kong,
                    "apiVersion: configuration.konghq.com/v1\nkind: KongPlugin\n"
                    "metadata: {name: p}\nplugin: rate-limiting\nconfig: {minute: 5, limit_by: ip}\n");
    REQUIRE(imported.rules.rules.size() == 1);
    CHECK(imported.rules.rules[0].learning == true);
    CHECK(loses_something(imported));
  }

  TEST_CASE("what cannot be carried over is told where it stands") {
    const Imported imported = import_good(
        ImportFrom::kong,
        plugins("- {name: rate-limiting, enabled: false, config: {minute: 5}}\n"
                "- {name: response-ratelimiting, config: {limits: {a: {minute: 1}}}}\n"
                "- {name: rate-limiting, service: \"a*\", config: {minute: 5}}\n"
                "- {name: rate-limiting, consumer: a, consumer_group: b, config: {minute: 5}}\n"
                "- {name: rate-limiting, _config: shared, config: {minute: 5, limit_by: ip, x: 1, "
                "day: null, redis_host: h, error_code: 430}}\n"
                "- {name: key-auth}\n"));
    check_lines(
        notes_of(imported),
        {"3:3 note: the plugin is disabled", "4:3 not carried over: the plugin \"response-ratelimiting\"",
         "5:3 not carried over: the plugin: a `*`",
         "6:3 not carried over: the plugin: attached to a consumer and",
         "7:25 not carried over: plugin: _config", "7:50 note: redis_host: not needed",
         "7:50 note: error_code: how a denial looks", "7:76 not carried over: config: \"x\""});
    CHECK(imported.rules.rules.size() == 1);
  }

  TEST_CASE("what Kong would refuse is an error where it stands") {
    check_lines(import_errors(ImportFrom::kong, "a: 1\n"), {"1:1 expected Kong's declarative"});
    check_lines(import_errors(ImportFrom::kong, "plugins: 5\n"), {"1:10 plugins: expected a list"});
    check_lines(
        import_errors(
            ImportFrom::kong,
            plugins(plugin("limit_by: ip") + plugin("minute: x") + plugin("minute: 5, limit_by: moon") +
                    plugin("minute: 5, limit_by: header") + plugin("minute: 5, limit_by: path") +
                    "- {name: rate-limiting}\n- 5\n"
                    "- {name: rate-limiting-advanced, config: {limit: [1, 2], window_size: [60]}}\n"
                    "- {name: rate-limiting-advanced, config: {limit: [1], window_size: [0]}}\n")),
        {"3:33 config: expected at least one limit", "4:42 minute: expected a number",
         "5:55 config: limit_by: expected one of", "6:33 config: expected a `header_name`",
         "7:33 config: expected a `path`", "8:3 plugin \"rate-limiting\": expected a `config`",
         "9:3 plugins: expected a map", "10:42 config: expected as many `limit` as `window_size`",
         "11:69 config: window_size: expected at least 1 second"});
  }
}

}  // namespace starling
