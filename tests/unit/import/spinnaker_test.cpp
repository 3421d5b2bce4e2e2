#include "import/spinnaker.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>

#include "base/random.hpp"
#include "imported_rules.hpp"
#include "small_limiter.hpp"

namespace starling {
namespace {

/// Gate's own way to a principal's capacity, window and flag, as its static and Redis providers have it, with
/// nothing in Redis but the `app:` entries.
struct Gate {
  bool learning = true;
  std::map<std::string, Hits> capacity_by_principal;
  std::map<std::string, Hits> seconds_by_principal;
  std::map<std::string, Hits> capacity_by_app;
  std::set<std::string> enforcing;
  std::set<std::string> ignoring;

  std::string text() const {
    std::string out = fmt::format("rateLimit:\n  enabled: true\n  learning: {}\n  capacity: 100\n", learning);
    const auto map = [&](std::string_view name, std::string_view key,
                         const std::map<std::string, Hits>& values) {
      if (!values.empty()) out += fmt::format("  {}:\n", name);
      for (const auto& [who, value] : values)
        out += fmt::format("  - {{{}: \"{}\", override: {}}}\n", key, who, value);
    };
    const auto list = [&](std::string_view name, const std::set<std::string>& values) {
      if (!values.empty()) out += fmt::format("  {}:\n", name);
      for (const std::string& who : values) out += fmt::format("  - \"{}\"\n", who);
    };
    map("capacityByPrincipal", "principal", capacity_by_principal);
    map("rateSecondsByPrincipal", "principal", seconds_by_principal);
    map("capacityBySourceApp", "sourceApp", capacity_by_app);
    list("enforcing", enforcing);
    list("ignoring", ignoring);
    return out;
  }

  /// "capacity/seconds" or "exempt", and whether it learns.
  std::pair<std::string, bool> verdict(const std::string& principal, const std::string& app) const {
    if (app == "deck" && !enforcing.contains("app:deck")) return {"exempt", false};
    const std::string name = principal.starts_with("anonymous") ? "anonymous" : principal;
    Hits capacity = 100;
    if (capacity_by_app.contains(app)) capacity = capacity_by_app.at(app);
    if (capacity_by_principal.contains(name)) capacity = capacity_by_principal.at(name);
    const Hits seconds = seconds_by_principal.contains(name) ? seconds_by_principal.at(name) : 10;
    const std::string limit = fmt::format("{}/{}", capacity, seconds);
    if (capacity_by_app.contains(app)) return {limit, !enforcing.contains("app:" + app)};
    return {limit, !enforcing.contains(name) && (ignoring.contains(name) || learning)};
  }
};

std::pair<std::string, bool> imported_verdict(const SmallLimiter& limiter, const std::string& principal,
                                              const std::string& app) {
  SmallDescriptor descriptor{{"principal", principal}};
  if (!app.empty()) descriptor.emplace_back("source_app", app);
  const auto verdicts = limiter.verdicts({descriptor}).front();
  if (verdicts.empty()) return {"exempt", false};
  REQUIRE(verdicts.size() == 1);
  return {fmt::format("{}/{}", verdicts[0].limit.requests, verdicts[0].limit.window_s), verdicts[0].learning};
}

}  // namespace

TEST_SUITE("import.spinnaker") {
  TEST_CASE("an empty block has Gate's defaults, and limits nobody, for it is not enabled") {
    const Imported imported = import_good(ImportFrom::spinnaker, "rateLimit: {}");
    REQUIRE(imported.rules.rules.size() == 1);
    CHECK(imported.rules.rules[0].limits == std::vector<Limit>{Limit{.requests = 60, .window_s = 10}});
    CHECK(imported.rules.learning);
    check_lines(notes_of(imported), {"1:1 note: enabled: it is not true"});
  }

  TEST_CASE("a limiter that is off denies nobody, whoever is listed") {
    const Imported imported =
        import_good(ImportFrom::spinnaker,
                    "rateLimit:\n  learning: false\n  enforcing: [alice, \"app:orca\"]\n"
                    "  capacityBySourceApp: [{sourceApp: orca, override: 5}]\n");
    const SmallLimiter limiter(imported.rules);
    CHECK(imported_verdict(limiter, "alice", "").second);
    CHECK(imported_verdict(limiter, "bob", "orca").second);
    CHECK(loses_something(imported));
  }

  TEST_CASE("random blocks give each caller what Gate gives it, but where a note says otherwise") {
    Random random(5);
    const std::vector<std::string> principals{"alice", "bob", "anonymous", "carol@example.com"};
    const std::vector<std::string> apps{"orca", "deck", "echo"};
    int compared = 0;
    for (int round = 0; round < 400; ++round) {
      Gate gate;
      gate.learning = random.chance(0.5);
      for (const std::string& who : principals) {
        if (random.chance(0.4)) gate.capacity_by_principal[who] = 1 + random.below(50);
        if (random.chance(0.4)) gate.seconds_by_principal[who] = 1 + random.below(50);
        if (random.chance(0.3))
          gate.enforcing.insert(who);
        else if (random.chance(0.3))
          gate.ignoring.insert(who);
      }
      const bool has_apps = random.chance(0.6);
      for (const std::string& app : apps) {
        if (has_apps && random.chance(0.6)) gate.capacity_by_app[app] = 1000 + random.below(50);
        if (random.chance(0.4)) gate.enforcing.insert("app:" + app);
      }
      CAPTURE(gate.text());
      const Imported imported = import_good(ImportFrom::spinnaker, gate.text());
      const SmallLimiter limiter(imported.rules);
      for (const std::string who :
           {"alice", "bob", "anonymous", "anonymous-192.0.2.7", "carol@example.com", "dave"})
        for (const std::string app : {"", "orca", "deck", "echo", "other"}) {
          CAPTURE(who);
          CAPTURE(app);
          const auto expected = gate.verdict(who, app);
          const auto found = imported_verdict(limiter, who, app);
          CHECK(found.first == expected.first);
          const std::string name = who.starts_with("anonymous") ? "anonymous" : who;
          // Told by a note: with an application's capacity Gate does not look at the principal's flags.
          const bool listed = gate.enforcing.contains(name) || gate.ignoring.contains(name);
          if (gate.capacity_by_app.contains(app) && listed) continue;
          CHECK(found.second == expected.second);
          ++compared;
        }
    }
    CHECK(compared > 5000);
  }

  TEST_CASE("both spellings, dotted keys and lists in one text say the same") {
    const std::string camel =
        "rateLimit:\n  enabled: true\n  learning: false\n  rateSeconds: 7\n  capacity: 9\n  enforcing: [a, "
        "b]\n"
        "  capacityByPrincipal: [{principal: x, override: 3}]\n";
    const std::string kebab =
        "rate-limit:\n  enabled: yes\n  learning: no\n  rate-seconds: 7\n  capacity: 9\n  enforcing: \"a, "
        "b\"\n"
        "  capacity-by-principal: [{principal: x, override: 3}]\n";
    const std::string dotted =
        "rateLimit.enabled: true\nrateLimit.learning: false\nrateLimit.rateSeconds: 7\nrateLimit.capacity: "
        "9\n"
        "rateLimit.enforcing: a,b\nrateLimit.capacityByPrincipal: [{principal: x, override: 3}]\n";
    const std::string rules = shown(import_good(ImportFrom::spinnaker, camel).rules);
    CHECK(shown(import_good(ImportFrom::spinnaker, kebab).rules) == rules);
    CHECK(shown(import_good(ImportFrom::spinnaker, dotted).rules) == rules);
  }

  TEST_CASE("what cannot be carried over is told where it stands") {
    const Imported imported = import_good(ImportFrom::spinnaker,
                                          "rateLimit:\n"
                                          "  enabled: true\n"
                                          "  burst: 5\n"
                                          "  redis: {enabled: true}\n"
                                          "  filterOrder: -100\n"
                                          "  capacityByPrincipal:\n"
                                          "  - {principal: \"a*b\", override: 3}\n"
                                          "  - {principal: x, override: 3}\n"
                                          "  - {principal: x, override: 4}\n"
                                          "  enforcing: [x, \"app:orca\"]\n"
                                          "  ignoring: [x, \"y*\"]\n");
    check_read_back(native_file(imported, ImportFrom::spinnaker, "x"), imported.rules);
    check_lines(notes_of(imported),
                {"3:3 not carried over: rateLimit: unknown key \"burst\"", "4:3 note: redis: not needed",
                 "5:3 note: filterOrder: not needed", "7:5 not carried over: principal: a `*` within",
                 "9:5 note: capacityByPrincipal: \"x\" is there already",
                 "10:15 note: \"x\" is in both lists", "10:18 not carried over: \"app:orca\" says nothing",
                 "11:17 not carried over: ignoring: a `*` within"});
  }

  TEST_CASE("who is in a list twice is carried once") {
    const Imported imported = import_good(ImportFrom::spinnaker,
                                          "rateLimit:\n"
                                          "  enabled: true\n"
                                          "  enforcing: [x, anonymous, x, anonymous]\n"
                                          "  ignoring: \"y, z, y\"\n");
    check_read_back(native_file(imported, ImportFrom::spinnaker, "x"), imported.rules);
    const Rule& rule = imported.rules.rules.front();
    CHECK(rule.enforcing.size() == 2);
    CHECK(rule.ignoring.size() == 2);
    check_lines(notes_of(imported),
                {"3:29 note: \"x\" is in the list already", "3:32 note: \"anonymous\" is in the list already",
                 "4:13 note: \"y\" is in the list already"});
  }

  TEST_CASE("what Gate could not read is an error where it stands") {
    check_lines(import_errors(ImportFrom::spinnaker, "server: {port: 8084}\n"),
                {"1:1 expected a `rateLimit`"});
    check_lines(
        import_errors(ImportFrom::spinnaker,
                      "rateLimit:\n  enabled: ${X}\n  capacity: -1\n  rateSeconds: 0\n  enforcing: {a: b}\n"
                      "  ignoring: [[]]\n  capacityByPrincipal: [{principal: x}, 5]\n"
                      "  rateSecondsByPrincipal: [{principal: x, override: 99999999}]\n"),
        {"2:12 enabled: expected true or false, found \"${X}\"", "3:13 capacity: expected a whole number",
         "4:16 rateSeconds: expected at least 1 second, found \"0\"", "5:14 enforcing: expected a list",
         "6:14 ignoring: expected a name", "7:25 capacityByPrincipal: expected a map with",
         "7:41 capacityByPrincipal: expected a map with", "8:53 rateSecondsByPrincipal: expected a whole"});
    CHECK_FALSE(import_errors(ImportFrom::spinnaker, "rateLimit: 5\n").empty());
    CHECK_FALSE(import_errors(ImportFrom::spinnaker, "- rateLimit\n").empty());
  }
}

}  // namespace starling
