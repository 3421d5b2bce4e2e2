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

  TEST_CASE("notes beyond their bound are counted, and what was lost stays told") {
    std::string text = "domain: d\ndescriptors:\n";
    for (std::size_t i = 0; i < import_notes_max + 5; ++i)
      text += fmt::format("- {{key: k{}, z: 1, rate_limit: {{unit: day, requests_per_unit: 1}}}}\n", i);
    const Imported imported = import_good(ImportFrom::envoy, text);
    REQUIRE(imported.notes.size() == import_notes_max + 1);
    CHECK(imported.notes.back().message.starts_with("and 5 more notes, 5 of them"));
    CHECK(imported.notes.back().kind == ImportNote::Kind::not_carried);
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
