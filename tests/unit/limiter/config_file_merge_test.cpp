/// Several files as one configuration.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <string>
#include <vector>

#include "limiter/config_file.hpp"

namespace starling {
namespace {

std::string rules(const std::vector<std::string>& names, std::string_view key = "p") {
  std::string text = "rules:\n";
  for (const std::string& name : names)
    text += fmt::format("  - {{name: {}, match: {{{}: {}}}, limits: [{{requests: 1, per: 1s}}]}}\n", name,
                        key, name);
  return text;
}

std::vector<ConfigText> files(const std::vector<std::string>& texts) {
  std::vector<ConfigText> out;
  for (std::size_t i = 0; i < texts.size(); ++i)
    out.push_back({std::string(1, static_cast<char>('a' + i)), texts[i]});
  return out;
}

ConfigFile good(const std::vector<std::string>& texts) {
  auto config = parse_configs(files(texts));
  if (!config) FAIL(config.error().front().to_string());
  return *config;
}

std::vector<std::string> lines(const std::vector<ConfigError>& errors) {
  std::vector<std::string> out;
  for (const ConfigError& error : errors) out.push_back(error.to_string());
  return out;
}

std::vector<std::string> faults(const std::vector<std::string>& texts) {
  const auto config = parse_configs(files(texts));
  REQUIRE_FALSE(config.has_value());
  return lines(config.error());
}

using Lines = std::vector<std::string>;

TEST_SUITE("limiter.config_file merge") {
  TEST_CASE("the rules of all files hold, in the order of the files") {
    const ConfigFile config = good({rules({"x", "y"}), "settings: {sync-port: 1}\n", rules({"z"})});
    REQUIRE(config.rules.rules.size() == 3);
    CHECK(config.rules.rules[0].name == "x");
    CHECK(config.rules.rules[0].from == "a:2");
    CHECK(config.rules.rules[2].name == "z");
    CHECK(config.rules.rules[2].from == "c:2");
    CHECK(config.rules.domain == "default");
    CHECK(config.has_rules);
    REQUIRE(config.settings.size() == 1);
    CHECK(config.settings[0].file == "b");
    CHECK(config.warnings.empty());
  }

  TEST_CASE("the built-in rule holds only if no file has rules") {
    CHECK(good({"settings: {}\n", "learning: true\n"}).rules.rules[0].name == "per-principal");
    CHECK_FALSE(good({"settings: {}\n", "domain: d\n"}).has_rules);
    CHECK(good({"settings: {}\n", "domain: d\n"}).rules.domain == "d");
    CHECK(good({"settings: {}\n", "rules: []\n"}).rules.rules.empty());
    CHECK(good({"settings: {}\n", rules({"x"})}).rules.rules.size() == 1);
  }

  TEST_CASE("each file's rules belong to its own domain; unnamed requests to that of the first with rules") {
    const ConfigFile config =
        good({"settings: {}\n", "domain: one\n" + rules({"x"}), "domain: two\n" + rules({"y"}), rules({"z"}),
              "domain: one\n" + rules({"w"})});
    CHECK(config.rules.domain == "one");
    REQUIRE(config.rules.rules.size() == 4);
    CHECK(config.rules.rules[0].domain.empty());
    CHECK(config.rules.rules[1].domain == "two");
    CHECK(config.rules.rules[2].domain == "default");
    CHECK(config.rules.rules[3].domain.empty());
    CHECK(lines(config.warnings) == Lines{"c:1:9: the rules of this file are for requests that name the "
                                          "domain \"two\"; those that name none have "
                                          "the domain \"one\", of b",
                                          "d: the rules of this file are for requests that name the domain "
                                          "\"default\"; those that name none have "
                                          "the domain \"one\", of b"});
  }

  TEST_CASE("a domain without rules is a warning: it holds for nothing") {
    CHECK(
        lines(good({"domain: one\n", rules({"x"})}).warnings) ==
        Lines{
            "a:1:9: domain: this file has no rules, and a domain holds for the rules of its own file only"});
    CHECK(good({"domain: one\n", rules({"x"})}).rules.domain == "default");
  }

  TEST_CASE("a name is taken in all files, whatever their domain") {
    CHECK(faults({"domain: one\n" + rules({"x", "y"}), rules({"z", "y"})}) ==
          Lines{"b:3:5: rule: the name \"y\" is taken by an earlier rule, in a:4; counters are kept by name, "
                "so each rule "
                "needs its own"});
  }

  TEST_CASE("two files that say different things name each other") {
    CHECK(faults({"learning: true\n", "settings: {}\nlearning: false\n"}) ==
          Lines{"b:2:11: learning: false here, and true in a:1; it holds for all files, so say it once"});
    CHECK(good({"learning: true\n", "learning: true\n"}).rules.learning);
    CHECK(faults({"settings:\n  sync-port: 1\n", "settings:\n  cluster: c\n  sync-port: 2\n"}) ==
          Lines{"b:3:3: settings: sync-port: \"2\" here, and \"1\" in a:2; remove one of the two"});
    CHECK(good({"settings: {sync-port: 1}\n", "settings: {sync-port: 1, cluster: c}\n"}).settings.size() ==
          2);
  }

  TEST_CASE("rules may replace those of other files, but of another domain to no effect") {
    const std::string replacing =
        "rules:\n  - {name: r, match: {q: a}, limits: [{requests: 1, per: 1s}], replaces: [x]}\n";
    CHECK(good({replacing, rules({"x"})}).warnings.empty());
    CHECK(
        faults({replacing, rules({"y"})}) ==
        Lines{
            "a:2:75: rule: replaces: expected the name of a rule, found \"x\"; there is none of that name"});
    const ConfigFile apart = good({replacing, "domain: d\n" + rules({"x"})});
    REQUIRE(apart.warnings.size() == 2);
    CHECK(apart.warnings[0].to_string() ==
          "a:2:75: rule: replaces: \"x\" is of another domain, so no request meets both");
  }

  TEST_CASE("rules that match the same are twins within a domain only") {
    const std::string twin = "rules:\n  - {name: t, match: {p: x}, limits: [{requests: 1, per: 1s}]}\n";
    CHECK(good({rules({"x"}), twin}).warnings.size() == 1);
    for (const ConfigError& warning : good({rules({"x"}), "domain: d\n" + twin}).warnings)
      CHECK(warning.message.find("matches the same") == std::string::npos);
  }

  TEST_CASE("the errors of all files are told, in the order of the files") {
    CHECK(faults({"rulez: []\n", "", "learning: x\ndomain: [1]\n"}).size() == 4);
    const Lines all = faults({"rules: {}\n", "rules:\n  - {}\n"});
    REQUIRE(all.size() == 4);
    CHECK(all[0].starts_with("a:1:8"));
    CHECK(all[1].starts_with("b:2:5"));
    std::vector<std::string> many(300, "rules: {}\n");
    const auto config = parse_configs(std::vector<ConfigText>(300, ConfigText{"f", "rules: {}\n"}));
    REQUIRE_FALSE(config.has_value());
    CHECK(config.error().size() == config_errors_max);
  }

  TEST_CASE("the bounds on rules and bytes hold for all files together") {
    std::vector<std::string> names;
    for (std::size_t i = 0; i < rules_max; ++i) names.push_back(fmt::format("r{}", i));
    CHECK(faults({rules(names), rules({"one-more"})}) ==
          Lines{"b: rules: expected at most 10000 rules in all files, found more"});
    const std::string half = "domain: d\n#" + std::string(config_bytes_max / 2, 'x');
    CHECK(faults({half, half}) == Lines{"b: expected at most 16777216 bytes in all files, found more"});
  }

  TEST_CASE("no file at all is an error") {
    CHECK(faults({}).size() == 1);
  }
}

}  // namespace
}  // namespace starling
