/// What a file of rules may contain by mistake or malice: always a result, within a bound of time, memory and
/// text.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <string>
#include <string_view>
#include <vector>

#include "base/random.hpp"
#include "limiter/config_file.hpp"

namespace starling {
namespace {

constexpr std::size_t errors_max = 100;
constexpr std::size_t message_bytes_max = 400;

std::string repeated(std::string_view text, std::size_t count) {
  std::string result;
  for (std::size_t i = 0; i < count; ++i) result += text;
  return result;
}

/// Parses, and holds any errors to what people and logs can take. Returns whether the text was good.
bool parse_bounded(const std::string& text) {
  const auto config = parse_config(text, "f");
  if (config) return true;
  CHECK_FALSE(config.error().empty());
  CHECK(config.error().size() <= errors_max);
  for (const ConfigError& error : config.error()) {
    const std::string shown = error.to_string();
    CAPTURE(shown);
    CHECK(shown.size() <= message_bytes_max);
    for (const char c : shown) REQUIRE((c >= ' ' && c <= '~'));
    CHECK(error.line >= 0);
    CHECK(error.column >= 0);
  }
  return false;
}

std::string first_error(const std::string& text) {
  const auto config = parse_config(text, "f");
  return config ? "none" : config.error().front().to_string();
}

constexpr std::string_view valid = R"(domain: gateway
settings: {sync-port: 4300, node-name: "a\tb"}
rules:
  - name: &name login
    match: {path: /login, client_ip: "*", agent: 'curl*'}
    limits:
      - {requests: 5, per: 1s}
      - requests: 60
        per: 1m
  - name: api   # with a comment
    match: &match
      path: |
        /api
    limits: &limits [{requests: 100, per: 1h}]
  - {name: copy, match: *match, exact: true, limits: *limits}
  - name: many
    match: {user: "*"}
    unlimited: true
    learning: false
    overrides:
      - {match: {user: alice}, limits: [{requests: 1, per: 1month}], learning: true}
      - match: {user: "b*", tier: gold}
        unlimited: true
    enforcing: [carol, {user: dave, tier: silver}]
    ignoring: [carol]
    replaces: [login, api]
)";

TEST_SUITE("limiter.config_file hostile") {
  TEST_CASE("what follows the first document is an error, never ignored in silence") {
    for (const char* text :
         {"domain: a\n---\nrules: []\n", "domain: a\n...\nrules: []\n", "{domain: a}\nrules: []\n",
          "{domain: a} rules\n", "---\n---\nrules: []\n", "---\n---\n---\nrules: []\n", ",", ",\nrules: []\n",
          "domain: a\n...\nrules: ]\n"}) {
      CAPTURE(text);
      CHECK_FALSE(parse_bounded(text));
    }
    CHECK(first_error("domain: a\n---\nrules: []\n") ==
          "f:3:1: expected the end of the file, found more after the first YAML document; put everything "
          "into one map");
    CHECK(parse_bounded("---\ndomain: a\n...\n"));
    CHECK(parse_bounded("domain: a\n---\n# nothing more\n"));
  }

  TEST_CASE("a NUL or another control character does not end the file early") {
    for (int c = 0; c < 32; ++c) {
      if (c == '\n' || c == '\r' || c == '\t') continue;
      CAPTURE(c);
      CHECK_FALSE(parse_bounded(std::string("domain: a\n") + static_cast<char>(c) + "\nrules: 5\n"));
    }
  }

  TEST_CASE("nesting that no file of rules has is refused, however deep") {
    for (const char* piece :
         {"[",  "{", "- ",   "? ",   "{a: ", "[{",    "&a [",  "a: ", "&a ", "!a ", "- - ", "[[]", "!<a> [",
          "\"", "'", "|\n ", ">\n ", "%A\n", "---\n", "...\n", "#",   "*a ", ": ",  ",",    "]",   "}"}) {
      CAPTURE(piece);
      CHECK_NOTHROW(parse_bounded(repeated(piece, 100'000)));
      CHECK_NOTHROW(parse_bounded("rules: " + repeated(piece, 10'000)));
    }
    CHECK(first_error(repeated("[", 100'000)).find("nested too deep") != std::string::npos);
    CHECK(first_error(repeated("[", 100'000) + repeated("]", 100'000)).find("nested too deep") !=
          std::string::npos);
    std::string staircase;
    for (std::size_t depth = 0; depth < 2000; ++depth) staircase += std::string(depth, ' ') + "a:\n";
    CHECK_FALSE(parse_bounded(staircase));
  }

  TEST_CASE("aliases can neither loop nor blow up") {
    for (const char* text : {"&a [*a]", "domain: &a {x: *a}\n", "rules: &r [*r]\n", "&a {*a : b}",
                             "rules: [&r {name: a, match: *r, limits: [{requests: 1, per: 1s}]}]\n",
                             "rules: [{name: a, match: {p: x}, limits: &l [*l]}]\n"}) {
      CAPTURE(text);
      CHECK_FALSE(parse_bounded(text));
    }
    std::string laughs = "l0: &l0 [x]\n";
    for (int i = 1; i < 40; ++i)
      laughs += fmt::format("l{}: &l{} [{}]\n", i, i, repeated(fmt::format("*l{},", i - 1), 9));
    CHECK_FALSE(parse_bounded(laughs + "rules: *l39\n"));
  }

  TEST_CASE("a large map that a thousand rules share is not walked a thousand times") {
    std::string keys;
    for (int i = 0; i < 20'000; ++i) keys += fmt::format("k{}: 1, ", i);
    std::string as_match = "settings: &s {" + keys + "}\nrules:\n";
    std::string as_rule = as_match;
    for (int i = 0; i < 1000; ++i) {
      as_match += fmt::format("  - {{name: r{}, match: *s, limits: [{{requests: 1, per: 1s}}]}}\n", i);
      as_rule += "  - *s\n";
    }
    CHECK_FALSE(parse_bounded(as_match));  // without a bound: half a minute
    CHECK_FALSE(parse_bounded(as_rule));
  }

  TEST_CASE("errors beyond those that are told do not let a broken limit through") {
    std::string text = "rules:\n";
    for (int i = 0; i < 300; ++i)
      text += fmt::format("  - {{name: r{}, match: {{p: a}}, limits: [{}]}}\n", i, repeated("{}, ", 8));
    const auto config = parse_config(text, "f");
    REQUIRE_FALSE(config.has_value());
    CHECK(config.error().size() == errors_max);
  }

  TEST_CASE("the number of rules and the size of the file are bounded") {
    std::string text = "rules:\n";
    for (std::size_t i = 0; i < rules_max; ++i)
      text += fmt::format("  - {{name: r{}, match: {{p: a}}, limits: [{{requests: 1, per: 1s}}]}}\n", i);
    const auto config = parse_config(text, "f");
    REQUIRE(config);
    CHECK(config->rules.rules.size() == rules_max);
    CHECK(first_error(text + "  - {name: one-more, match: {p: a}, limits: [{requests: 1, per: 1s}]}\n") ==
          "f:2:3: rules: expected at most 10000 rules, found 10001");
    const std::string smallest = "domain: d\n#";
    CHECK(parse_bounded(smallest + std::string(config_bytes_max - smallest.size(), 'x')));
    CHECK(first_error(std::string(config_bytes_max + 1, '#')) ==
          "f: expected at most 16777216 bytes, found 16777217");
  }

  TEST_CASE("texts of the file are shown cut and harmless") {
    CHECK(first_error("? " + std::string(200'000, 'k') + "\n: 1\n").size() < message_bytes_max);
    CHECK(first_error("\"a\\n\\e[31mb\": 1\n").starts_with("f:1:1: the file: unknown key \"a??[31mb\""));
    CHECK(first_error("domain: [\"\\0\"\n").find("expected YAML") != std::string::npos);
    CHECK_FALSE(parse_bounded("rules: \"line\n\n\n  break\"\n"));
    CHECK_FALSE(parse_bounded("rules: \"\\u009b31m\"\n"));
  }

  TEST_CASE("random bytes are refused or read, and that is all") {
    Random random(1);
    for (int i = 0; i < 3000; ++i) {
      std::string text(random.below(200), '\0');
      for (char& c : text) c = static_cast<char>(random.next());
      parse_bounded(text);
    }
  }

  TEST_CASE("a valid file with random flaws is refused or read, and that is all") {
    REQUIRE(parse_bounded(std::string(valid)));
    constexpr std::string_view alphabet = "[]{}:,-?&*!|>'\"%@`#~ \n\t\\a1s<.=\xc3\x85\xff";
    std::size_t good_count = 0;
    std::size_t bad_count = 0;
    for (std::uint64_t seed = 1; seed <= 10'000; ++seed) {
      CAPTURE(seed);
      Random random(seed);
      std::string text(valid);
      for (std::uint64_t flaws = 1 + random.below(4); flaws > 0; --flaws) {
        const std::size_t at = random.below(text.size());
        const std::size_t length = random.below(std::min<std::size_t>(20, text.size() - at));
        switch (random.below(5)) {
          case 0:
            text[at] = alphabet[random.below(alphabet.size())];
            break;
          case 1:
            text.insert(at, 1, alphabet[random.below(alphabet.size())]);
            break;
          case 2:
            text.erase(at, 1 + length);
            break;
          case 3:
            text.insert(random.below(text.size()), text.substr(at, length));
            break;
          default:
            text.resize(at + 1);
        }
        if (text.empty()) text = " ";
      }
      ++(parse_bounded(text) ? good_count : bad_count);
    }
    CHECK(good_count > 100);
    CHECK(bad_count > 1000);
  }
}

}  // namespace
}  // namespace starling
