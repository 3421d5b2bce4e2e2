#include "import/import.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <string>

#include "imported_rules.hpp"

namespace starling {

TEST_SUITE("import.import") {
  TEST_CASE("every note stands at the top of the native file, with its place, and harms nothing") {
    const Imported imported =
        import_good(ImportFrom::envoy,
                    "domain: d\ndescriptors:\n"
                    "- {key: a, \"x\\nrules: []\": 1, rate_limit: {unit: day, requests_per_unit: 1}}\n");
    const std::string text = native_file(imported, ImportFrom::envoy, "a\nb.yaml");
    CHECK(text.find("# Made by `starling config import --from envoy` from a?b.yaml.\n") == 0);
    CHECK(text.find("# a?b.yaml:3:12: not carried over: descriptor: unknown key \"x?rules: []\"") !=
          std::string::npos);
    check_read_back(text, imported.rules);
  }

  TEST_CASE("a line end in a name makes no line in the native file, nor in a note") {
    const Imported imported =
        import_good(ImportFrom::kong,
                    "_format_version: '3.0'\nplugins:\n- name: rate-limiting\n  config:\n    minute: 5\n"
                    "    limit_by: header\n    header_name: \"X\\nrules: []\\nsettings: {}\\e[2J\"\n");
    const std::string text = native_file(imported, ImportFrom::kong, "x");
    CHECK(text.find("\nsettings") == std::string::npos);
    CHECK(text.find('\x1b') == std::string::npos);
    for (const ImportNote& note : imported.notes)
      CHECK(note.message.find_first_of("\n\x1b") == std::string::npos);
    check_read_back(text, imported.rules);
  }

  TEST_CASE("notes beyond their bound are counted, and what was lost stays told") {
    std::string text = "domain: d\ndescriptors:\n";
    for (std::size_t i = 0; i < import_notes_max + 5; ++i)
      text += fmt::format("- {{key: k{}, z: 1, rate_limit: {{unit: day, requests_per_unit: 1}}}}\n", i);
    const Imported imported = import_good(ImportFrom::envoy, text);
    REQUIRE(imported.notes.size() == import_notes_max + 1);
    CHECK(imported.notes.back().message.starts_with("and 5 more notes, 5 of them"));
    CHECK(imported.notes.back().kind == ImportNote::Kind::not_carried);
  }

  TEST_CASE("a text that is longer than the rules file takes is an error here, the longest is carried") {
    const auto envoy = [](std::size_t bytes, const char* end) {
      return "domain: d\ndescriptors:\n- {key: k, value: \"" + std::string(bytes, 'v') + end +
             "\", rate_limit: {unit: day, requests_per_unit: 1}}\n";
    };
    const auto kong = [](std::size_t bytes) {
      return "_format_version: '3.0'\nconsumers:\n- username: " + std::string(bytes, 'u') +
             "\n  plugins: [{name: rate-limiting, config: {minute: 5}}]\n";
    };
    const auto principal = [](std::size_t bytes) {
      return "rateLimit:\n  enabled: true\n  capacityByPrincipal: [{principal: " + std::string(bytes, 'p') +
             ", override: 3}]\n";
    };
    const auto caller = [](const char* list, std::size_t bytes) {
      return fmt::format("rateLimit:\n  enabled: true\n  {}: [{}]\n", list, std::string(bytes, 'c'));
    };
    struct Case {
      ImportFrom from;
      std::string longest;
      std::string too_long;
      std::string expected;
    };
    const std::vector<Case> cases{
        {ImportFrom::envoy, envoy(1024, ""), envoy(1025, ""),
         "a value to match of at most 1024 bytes, found one of 1025"},
        {ImportFrom::envoy, envoy(1023, "*"), envoy(1024, "*"),
         "a value to match of at most 1024 bytes, found one of 1025"},
        {ImportFrom::kong, kong(1024), kong(1025),
         "a value to match of at most 1024 bytes, found one of 1025"},
        {ImportFrom::spinnaker, principal(1024), principal(1025), "a value to match of at most 1024 bytes"},
        {ImportFrom::spinnaker, caller("enforcing", 256), caller("enforcing", 257),
         "a caller of at most 256 bytes, found one of 257"},
        {ImportFrom::spinnaker, caller("ignoring", 256), caller("ignoring", 257),
         "a caller of at most 256 bytes"}};
    for (const Case& each : cases) {
      CAPTURE(each.too_long);
      const Imported imported = import_good(each.from, each.longest);
      check_read_back(native_file(imported, each.from, "x"), imported.rules);
      const auto errors = import_errors(each.from, each.too_long);
      REQUIRE(!errors.empty());
      CHECK(errors.front().find(each.expected) != std::string::npos);
      CHECK(errors.front().ends_with("; shorten it or leave it out"));
    }
  }

  TEST_CASE("errors beyond their bound are counted") {
    std::string text = "domain: d\ndescriptors:\n";
    for (std::size_t i = 0; i < import_errors_max + 5; ++i) text += "- {value: x}\n";
    const auto errors = import_errors(ImportFrom::envoy, text);
    REQUIRE(errors.size() == import_errors_max + 1);
    CHECK(errors.back() == "0:0 and 5 more errors");
  }
}

}  // namespace starling
