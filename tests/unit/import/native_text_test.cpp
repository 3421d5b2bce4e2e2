#include "import/native_text.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "base/random.hpp"
#include "imported_rules.hpp"

namespace starling {
namespace {

Matcher any(std::string key) {
  return Matcher{.key = std::move(key), .kind = Matcher::Kind::any, .text = ""};
}
Matcher equal(std::string key, std::string text) {
  return Matcher{.key = std::move(key), .kind = Matcher::Kind::equal, .text = std::move(text)};
}

}  // namespace

TEST_SUITE("import.native_text") {
  TEST_CASE("every field is read back as it was") {
    RuleSet set;
    set.domain = "a domain: with \"quotes\"";
    set.learning = true;
    Rule rule;
    rule.name = "all of it";
    rule.match = {any("client"), equal("path", "/login"), Matcher{"tier", Matcher::Kind::prefix, "be"}};
    rule.exact = true;
    rule.limits = {Limit{.requests = 0, .window_s = 1},
                   Limit{.requests = 1'000'000'000'000, .window_s = 366 * 86'400},
                   Limit{.requests = 3, .window_s = 30 * 86'400}, Limit{.requests = 4, .window_s = 604'800}};
    rule.algorithm = Algorithm::sliding_window;
    rule.admission = Admission::guarded;
    rule.when_isolated = WhenIsolated::deny;
    rule.when_full = WhenFull::deny;
    rule.learning = false;
    rule.overrides = {Override{.match = {equal("client", "x")}, .limits = {Limit{5, 60}}, .learning = true},
                      Override{.match = {equal("client", "y"), equal("tier", "best")}, .unlimited = true},
                      Override{.match = {equal("client", "z")}, .learning = false}};
    rule.enforcing = {Caller{.principal = "1", .match = {}},
                      Caller{.principal = "", .match = {equal("client", "q")}}};
    rule.ignoring = {Caller{.principal = "null", .match = {}}};
    rule.replaces = {"other"};
    Rule other;
    other.name = "other";
    other.match = {any("client")};
    other.exact = true;
    other.unlimited = true;
    set.rules = {rule, other};
    check_read_back(write_rules(set, {"a comment", "", "another"}), set);
  }

  TEST_CASE("no rules at all are read back as none") {
    check_read_back(write_rules(RuleSet{}, {}), RuleSet{});
  }

  TEST_CASE("texts that YAML takes for something else keep their meaning") {
    for (const std::string text : {"",
                                   " ",
                                   "1",
                                   "1.5",
                                   "0x10",
                                   "1e3",
                                   "true",
                                   "Yes",
                                   "NO",
                                   "off",
                                   "y",
                                   "null",
                                   "~",
                                   "- a",
                                   "a: b",
                                   "a #b",
                                   "#",
                                   "{}",
                                   "[]",
                                   "'",
                                   "\"",
                                   "\\",
                                   "&a",
                                   "!a",
                                   "|",
                                   ">",
                                   "%",
                                   "`",
                                   "@a",
                                   "a,b",
                                   "2001-01-01",
                                   "12:30",
                                   "<<",
                                   "?",
                                   "-",
                                   "=",
                                   ".",
                                   "..",
                                   "a\tb",
                                   "a\nb",
                                   "\x01",
                                   "\x7f",
                                   "\xC3\xA4",
                                   "\xE2\x82\xAC",
                                   "\xF0\x9F\x90\xA6",
                                   "/a/b",
                                   "a@b.c"}) {
      CAPTURE(text);
      RuleSet set;
      set.rules = {Rule{.name = "n", .match = {any("k")}, .limits = {Limit{1, 1}}}};
      set.rules[0].overrides = {Override{.match = {equal("k", text)}, .unlimited = true}};
      if (!text.empty()) {
        set.domain = text;
        set.rules[0].name = text;
        set.rules[0].match = {any(text)};
        set.rules[0].overrides[0].match = {equal(text, text)};
        set.rules[0].enforcing = {Caller{.principal = text, .match = {}}};
      }
      check_read_back(write_rules(set, {}), set);
    }
  }

  TEST_CASE("random texts are read back as they were") {
    Random random(7);
    const std::string alphabet = "ab01 :#-?,[]{}\"'\\&!|>%@`~=<.\t\n\r\x1b/_";
    for (int i = 0; i < 2000; ++i) {
      std::string text;
      for (std::uint64_t left = 1 + random.below(12); left > 0; --left)
        text += alphabet[random.below(alphabet.size())];
      CAPTURE(text);
      RuleSet set;
      set.rules = {Rule{.name = text, .match = {equal(text, text)}, .limits = {Limit{1, 1}}}};
      check_read_back(write_rules(set, {}), set);
    }
  }

  TEST_CASE("plain words stand without quotes") {
    CHECK(yaml_text("per-principal") == "per-principal");
    CHECK(yaml_text("alice@example.com") == "alice@example.com");
    CHECK(yaml_text("50.0.0.5") == "\"50.0.0.5\"");
    CHECK(yaml_text("value*") == "\"value*\"");
  }
}

}  // namespace starling
