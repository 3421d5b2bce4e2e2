#include "limiter/config_file.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <string>
#include <vector>

#include "config_texts.hpp"

namespace starling {
namespace {

/// A rule that is good but for `limits`, which begin at line 4, column 13.
std::string with_limits(std::string_view limits) {
  return fmt::format("rules:\n  - name: r\n    match: {{p: \"*\"}}\n    limits: {}\n", limits);
}

/// A rule that is good but for `match`, which begins at line 3, column 12.
std::string with_match(std::string_view match) {
  return fmt::format("rules:\n  - name: r\n    limits: [{{requests: 1, per: 1s}}]\n    match: {}\n", match);
}

TEST_SUITE("limiter.config_file") {
  TEST_CASE("everything a file may say is read") {
    const auto config = parse_config(R"(
domain: gateway
settings:
  sync-port: 4300
  neighborhood.host: peers.default.svc.
rules:
  - name: login
    match: {path: /login, client_ip: "*", agent: curl*}
    algorithm: fixed_window
    limits:
      - {requests: 5, per: 1s}
      - {requests: 0, per: 1h}
  - name: api
    match: {path: /api}
    limits: [{requests: 1000000000000, per: 366d}]
)",
                                     "f");
    REQUIRE(config);
    CHECK(config->has_rules);
    CHECK(config->rules.domain == "gateway");
    REQUIRE(config->rules.rules.size() == 2);
    const Rule& login = config->rules.rules[0];
    CHECK(login.name == "login");
    REQUIRE(login.match.size() == 3);
    CHECK(login.match[0].key == "agent");  // sorted by key
    CHECK(login.match[0].to_string() == "curl*");
    CHECK(login.match[1].key == "client_ip");
    CHECK(login.match[1].to_string() == "*");
    CHECK(login.match[2].key == "path");
    CHECK(login.match[2].to_string() == "/login");
    REQUIRE(login.limits.size() == 2);
    CHECK(login.limits[0].requests == 5);
    CHECK(login.limits[0].window_s == 1);
    CHECK(login.limits[1].requests == 0);
    CHECK(login.limits[1].window_s == 3600);
    CHECK(config->rules.rules[1].limits[0].requests == limit_requests_max);
    CHECK(config->rules.rules[1].limits[0].window_s == 366 * 86'400);
    REQUIRE(config->settings.size() == 2);
    CHECK(config->settings[0].key == "sync-port");
    CHECK(config->settings[0].value == "4300");
    CHECK(config->settings[0].line == 4);
    CHECK(config->settings[0].column == 3);
    CHECK(config->settings[1].key == "neighborhood.host");
    CHECK(config->settings[1].line == 5);
  }

  TEST_CASE("a file without rules keeps the built-in one; an empty list of rules has none") {
    for (const char* text : {"domain: gateway\n", "settings: {}\n"}) {
      CAPTURE(text);
      const auto config = parse_config(text, "f");
      REQUIRE(config);
      CHECK_FALSE(config->has_rules);
      CHECK(config->rules.rules.size() == 1);
    }
    CHECK(parse_config("domain: gateway\n", "f")->rules.domain == "gateway");
    const auto none = parse_config("rules: []\n", "f");
    REQUIRE(none);
    CHECK(none->has_rules);
    CHECK(none->rules.rules.empty());
  }

  TEST_CASE("a file that says nothing is refused: it may have been cut off") {
    for (const char* text :
         {"", "\n", "# only a comment\n", "---\n", "---\n...\n", "\xef\xbb\xbf# byte order mark\n"})
      check_errors(text, {" expected `rules`, `settings` or `domain`, found nothing"});
  }

  TEST_CASE("settings may share their value by an alias, and be quoted") {
    const auto config = parse_config("settings:\n  node-name: &n \"a b\"\n  cluster: *n\n", "f");
    REQUIRE(config);
    CHECK(config->settings[1].value == "a b");
    CHECK(config->settings[1].line == 3);
  }

  TEST_CASE("what is no YAML is refused where it goes wrong") {
    check_errors("rules:\n  - name: [unclosed\n", {"3:1: expected YAML, found an error in it: "});
    check_errors("rules: {\n", {"2:1: expected YAML, found an error in it: "});
    check_errors("domain: a\n\trules: []\n", {"2:1: expected YAML, found an error in it: "});
    check_errors("domain: a\n  rules: []\n", {"2:8: expected YAML, found an error in it: "});
    check_errors("domain: *missing\n", {"1:9: expected YAML, found an error in it: "});
    check_errors("domain: \"\\q\"\n",
                 {"1:12: expected YAML, found an error in it: unknown escape character"});
  }

  TEST_CASE("wrong types are refused with what was expected and what was found") {
    check_errors("- a\n", {"1:1: the file: expected a map, found a list"});
    check_errors("just text\n", {"1:1: the file: expected a map, found \"just text\""});
    check_errors("domain: [a]\n", {"1:9: domain: expected a text of 1 to 256 bytes, found a list"});
    check_errors("domain:\n", {"1:1: the file: domain: expected a value, found nothing"});
    check_errors("domain: \"\"\n", {"1:9: domain: expected a text of 1 to 256 bytes, found \"\""});
    check_errors("rules: {a: b}\n", {"1:8: rules: expected a list of rules, found a map"});
    check_errors("rules: none\n", {"1:8: rules: expected a list of rules, found \"none\""});
    check_errors("rules:\n  - just text\n", {"2:5: rule: expected a map, found \"just text\""});
    check_errors("settings: [a]\n", {"1:11: settings: expected a map, found a list"});
    check_errors("settings:\n", {"1:1: the file: settings: expected a value, found nothing"});
    check_errors("settings: {sync-port: [1]}\n",
                 {"1:23: settings: sync-port: expected a single value, found a list"});
    check_errors("settings: {sync-port: }\n", {"1:12: settings: sync-port: expected a value, found nothing"});
    check_errors("rules:\n  # - all of them commented out\n",
                 {"1:1: the file: rules: expected a value, found nothing"});
    check_errors("rules: [~]\n", {"1:9: rule: expected a map, found nothing"});
    check_errors("? [a]\n: b\n", {"1:3: the file: expected a name as key, found a list"});
    check_errors("~: b\n", {"1:1: the file: expected a name as key, found nothing"});
  }

  TEST_CASE("unknown keys are refused with those that are known") {
    check_errors(
        "rulez: []\n",
        {"1:1: the file: unknown key \"rulez\"; expected one of: domain, learning, rules, settings"});
    check_errors("domain: a\nRules: []\n", {"2:1: the file: unknown key \"Rules\""});
    check_errors("rules:\n  - name: r\n    match: {p: a}\n    limit: []\n",
                 {"4:5: rule: unknown key \"limit\"; expected one of: name, match, exact, limits, unlimited, "
                  "algorithm, admission, when_isolated, when_full, learning, overrides, enforcing, ignoring, "
                  "replaces"});
    check_errors(with_limits("[{requests: 1, per: 1s, pro: 1}]"),
                 {"4:37: limit: unknown key \"pro\"; expected one of: requests, per"});
  }

  TEST_CASE("duplicate keys are refused at the second one") {
    check_errors("domain: a\nrules: []\ndomain: b\n",
                 {"3:1: the file: duplicate key \"domain\"; remove one of the two"});
    check_errors("settings:\n  sync-port: 1\n  sync-port: 2\n",
                 {"3:3: settings: duplicate key \"sync-port\""});
    check_errors(
        "rules:\n  - name: r\n    name: s\n    match: {p: a}\n    limits: [{requests: 1, per: 1s}]\n",
        {"3:5: rule: duplicate key \"name\""});
    check_errors(with_match("{p: a, \"p\": b}"), {"4:19: match: duplicate key \"p\""});
    check_errors(with_limits("[{requests: 1, requests: 2, per: 1s}]"),
                 {"4:28: limit: duplicate key \"requests\""});
  }

  TEST_CASE("what a rule lacks is said, all at once") {
    check_errors("rules:\n  - {}\n",
                 {"2:5: rule: expected a `name`, found none",
                  "2:5: rule: expected a `match`, found none; `match: {principal: \"*\"}` holds",
                  "2:5: rule: expected `limits`, found none; for example"});
    check_errors(with_limits("[{}]"), {"4:14: limit: expected `requests`, found none",
                                       "4:14: limit: expected `per`, found none; for example `per: 10s`"});
    check_errors("rules:\n  - name: ''\n    match: {p: a}\n    limits: [{requests: 1, per: 1s}]\n",
                 {"2:11: rule: name: expected a text of 1 to 256 bytes, found \"\""});
  }

  TEST_CASE("two rules of one name are refused") {
    check_errors(
        "rules:\n  - {name: r, match: {p: a}, limits: [{requests: 1, per: 1s}]}\n"
        "  - {name: r, match: {p: b}, limits: [{requests: 1, per: 1s}]}\n",
        {"3:5: rule: the name \"r\" is taken by an earlier rule"});
  }

  TEST_CASE("matches are held to their form and bounds") {
    check_errors(with_match("text"), {"4:12: match: expected a map, found \"text\""});
    check_errors(with_match("{}"), {"4:12: match: expected 1 to 16 keys, found 0"});
    check_errors(with_match("{p: }"), {"4:13: match: p: expected a value, found nothing"});
    check_errors(with_match("{p: [a]}"), {"4:16: match: p: expected a text, `*` or `prefix*`, found a list"});
    check_errors(with_match("{p: a*b}"),
                 {"4:16: match: p: expected a text with at most one `*`, at its end, found"});
    check_errors(with_match("{p: '**'}"),
                 {"4:16: match: p: expected a text with at most one `*`, at its end"});
    check_errors(with_match("{'': a}"),
                 {"4:13: match: a key: expected a text of 1 to 256 bytes, found \"\""});
    std::string keys;
    for (int i = 0; i < 16; ++i) keys += fmt::format("k{}: a, ", i);
    CHECK(errors_of(with_match("{" + keys + "}")).empty());
    check_errors(with_match("{" + keys + "one-more: a}"), {"4:12: match: expected 1 to 16 keys, found 17"});
  }

  TEST_CASE("limits are held to their form and bounds") {
    check_errors(with_limits("5"), {"4:13: limits: expected a list of 1 to 8 limits, such as"});
    check_errors(with_limits("[]"), {"4:13: limits: expected 1 to 8 limits, found 0"});
    check_errors(with_limits("[5]"), {"4:14: limit: expected a map, found \"5\""});
    check_errors(with_limits("[{requests: 1, per: 60s}, {requests: 2, per: 1m}]"),
                 {"4:39: limits: two limits with the same `per`; keep the smaller one"});
    std::string limits;
    for (int i = 1; i <= 8; ++i) limits += fmt::format("{{requests: 1, per: {}s}}, ", i);
    CHECK(errors_of(with_limits("[" + limits + "]")).empty());
    check_errors(with_limits("[" + limits + "{requests: 1, per: 9s}]"),
                 {"4:13: limits: expected 1 to 8 limits, found 9"});
  }

  TEST_CASE("requests are whole numbers up to their bound") {
    for (const char* good : {"0", "1", "1000000000000", "007", "\"5\""})
      CHECK(errors_of(with_limits(fmt::format("[{{requests: {}, per: 1s}}]", good))).empty());
    for (const char* bad : {"-1", "+1", "1.5", "1e3", "many", "1000000000001", "99999999999999999999999",
                            "0x10", "1 000", "''", "[1]", "1_000"})
      check_errors(with_limits(fmt::format("[{{requests: {}, per: 1s}}]", bad)),
                   {"4:25: limit: requests: expected a whole number from 0 to 1000000000000, found "});
  }

  TEST_CASE("windows are whole seconds within their bounds") {
    for (const char* good : {"1s", "1000ms", "366d", "52w", "10m"})
      CHECK(errors_of(with_limits(fmt::format("[{{requests: 1, per: {}}}]", good))).empty());
    for (const char* bad : {"0s", "999ms", "1500ms", "367d", "53w", "31622401s", "-1s", "10", "1.5s",
                            "second", "99999999999999999999s", "9223372036854775807w", "[1s]", "''"})
      check_errors(with_limits(fmt::format("[{{requests: 1, per: {}}}]", bad)),
                   {"4:33: limit: per: expected whole seconds from 1s to 366d, such as"});
  }

  TEST_CASE("an algorithm that is not there is refused") {
    check_errors(
        "rules:\n  - name: r\n    match: {p: a}\n    algorithm: token_bucket\n    limits: [{requests: 1, "
        "per: "
        "1s}]\n",
        {"4:16: rule: algorithm: expected fixed_window, sliding_window, found \"token_bucket\""});
  }

  TEST_CASE("algorithm, admission and the policies are read, and default to the plain ones") {
    const auto config = parse_config(R"(
rules:
  - {name: a, match: {p: "*"}, limits: [{requests: 1, per: 1s}]}
  - name: b
    match: {p: "*"}
    limits: [{requests: 1, per: 1s}]
    algorithm: sliding_window
    admission: guarded
    when_isolated: share
    when_full: deny
)",
                                     "f");
    REQUIRE(config);
    const Rule& plain = config->rules.rules[0];
    CHECK(plain.algorithm == Algorithm::fixed_window);
    CHECK(plain.admission == Admission::optimistic);
    CHECK(plain.when_isolated == WhenIsolated::local);
    CHECK(plain.when_full == WhenFull::learning);
    const Rule& all = config->rules.rules[1];
    CHECK(all.algorithm == Algorithm::sliding_window);
    CHECK(all.admission == Admission::guarded);
    CHECK(all.when_isolated == WhenIsolated::share);
    CHECK(all.when_full == WhenFull::deny);
  }

  TEST_CASE("a policy that is not there is refused with those that are") {
    const std::string rule = "rules:\n  - name: r\n    match: {p: a}\n    limits: [{requests: 1, per: 1s}]\n";
    check_errors(rule + "    admission: strict\n",
                 {"5:16: rule: admission: expected optimistic, guarded, found \"strict\""});
    check_errors(rule + "    when_isolated: [deny]\n",
                 {"5:20: rule: when_isolated: expected local, share, learning, deny, found a list"});
    check_errors(rule + "    when_full: allow\n",
                 {"5:16: rule: when_full: expected learning, deny, found \"allow\""});
  }

  TEST_CASE("all errors of a file are told at once, in its order") {
    check_errors(
        "domain: []\nrulez: []\nrules:\n  - name: a\n    match: {p: a*b, q: [x]}\n    limits: [{requests: "
        "-1, per: "
        "0s}, {requests: 1, per: 1s}]\n    x: y\n  - {}\nsettings: 5\n",
        {"1:9: domain", "2:1: the file: unknown key", "5:16: match: p", "5:24: match: q",
         "6:25: limit: requests", "6:34: limit: per", "7:5: rule: unknown key",
         "8:5: rule: expected a `name`", "8:5: rule: expected a `match`", "8:5: rule: expected `limits`",
         "9:11: settings"});
  }

  TEST_CASE("the name of a rule and of a domain are bounded") {
    CHECK(errors_of("domain: " + std::string(256, 'd')).empty());
    check_errors("domain: " + std::string(257, 'd'),
                 {"1:9: domain: expected a text of 1 to 256 bytes, found \"ddd"});
  }
}

}  // namespace
}  // namespace starling
