/// What another project's file may contain by mistake or malice: always a result, within bounds.
#include "import/foreign_yaml.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <string>
#include <string_view>

#include "base/random.hpp"
#include "import/import.hpp"

namespace starling {
namespace {

std::string repeated(std::string_view text, std::size_t count) {
  std::string out;
  for (std::size_t i = 0; i < count; ++i) out += text;
  return out;
}

/// "3:5 message" of the error.
std::string refusal(std::string_view text) {
  const auto documents = read_foreign_yaml(text);
  REQUIRE_FALSE(documents.has_value());
  return fmt::format("{}:{} {}", documents.error().place.line, documents.error().place.column,
                     documents.error().message);
}

}  // namespace

TEST_SUITE("import.foreign_yaml") {
  TEST_CASE("places are those of the file, from 1") {
    const auto documents = read_foreign_yaml("a: 1\nb:\n  - x\n  - {c: y}\n---\nd: 2\n");
    REQUIRE(documents);
    REQUIRE(documents->size() == 2);
    const ForeignNode* list = documents->front().find("b");
    REQUIRE(list != nullptr);
    CHECK(list->items[1].find("c")->place == Place{.line = 4, .column = 9});
    CHECK(documents->front().entries[1].place == Place{.line = 2, .column = 1});
    CHECK(documents->back().find("d")->place == Place{.line = 6, .column = 4});
    CHECK(documents->front().find("z") == nullptr);
  }

  TEST_CASE("aliases are copies, and merge keys bring in what the map does not say") {
    const auto documents = read_foreign_yaml(
        "base: &b {x: 1, y: 2}\nother: &o {y: 3, z: 4}\nmap: {<<: [*b, *o], x: 9}\nlist: [*b]\n");
    REQUIRE(documents);
    const ForeignNode* map = documents->front().find("map");
    REQUIRE(map->entries.size() == 3);
    CHECK(map->find("x")->text == "9");
    CHECK(map->find("y")->text == "2");
    CHECK(map->find("z")->text == "4");
    CHECK(documents->front().find("list")->items[0].find("y")->text == "2");
  }

  TEST_CASE("what is no YAML, or nothing, is refused with its place") {
    CHECK(refusal("").starts_with("0:0 expected a configuration"));
    CHECK(refusal("# nothing\n---\n---\n").starts_with("0:0 expected a configuration"));
    CHECK(refusal("a: [1,\nb: }").starts_with("2:"));
    CHECK(refusal("a: 1\nb: 2\na: 3\n").starts_with("3:1 duplicate key \"a\""));
    CHECK(refusal("[1]: 2").find("expected a text as key") != std::string::npos);
    CHECK(refusal("a: &x [*x]").find("within itself") != std::string::npos);
    CHECK(refusal("<<: 1").find("expected a map to merge") != std::string::npos);
    CHECK(refusal("a: *b").starts_with("1:"));
  }

  TEST_CASE("bombs of every kind end at a bound") {
    std::string aliases = "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n";
    for (int i = 1; i < 12; ++i)
      aliases += fmt::format("a{0}: &a{0} [*a{1},*a{1},*a{1},*a{1},*a{1},*a{1},*a{1},*a{1}]\n", i, i - 1);
    CHECK(refusal(aliases).find("at most 1000000 values") != std::string::npos);
    CHECK(refusal(repeated("[", 100'000)).find("levels") != std::string::npos);
    CHECK(refusal(repeated("{a: ", 100'000)).find("levels") != std::string::npos);
    CHECK(refusal(repeated("- ", 100'000)).find("levels") != std::string::npos);
    CHECK(refusal(repeated("&a [", 99) + repeated("x,", 50'000) + repeated("]", 99)).find("values") !=
          std::string::npos);
    CHECK(refusal(repeated("- a\n", 1'100'000)).find("values") != std::string::npos);
    CHECK(refusal(repeated("---\na\n", 2'000)).find("documents") != std::string::npos);
    for (const std::string_view stray : {",", "a\n,", "- a,\n,", "a: ,\n"})
      if (const auto documents = read_foreign_yaml(stray)) CHECK(documents->size() <= foreign_documents_max);
    CHECK(refusal(std::string(foreign_bytes_max + 1, ' ')).find("bytes") != std::string::npos);
  }

  TEST_CASE("noise is refused or read, by every importer, and never more than that") {
    Random random(11);
    const std::vector<std::string_view> words{"domain: d\n",
                                              "descriptors:\n",
                                              "  - ",
                                              "key: a",
                                              "\n",
                                              "rate_limit: ",
                                              "{",
                                              "}",
                                              "[",
                                              "]",
                                              ", ",
                                              ": ",
                                              "value: ",
                                              "x*",
                                              "unit: ",
                                              "second",
                                              "rateLimit:\n",
                                              "  capacity: 5\n",
                                              "enforcing: ",
                                              "plugins:\n",
                                              "config: ",
                                              "name: ",
                                              "rate-limiting",
                                              "minute: 5",
                                              "services:\n",
                                              "_format_version: x\n",
                                              "- ",
                                              "*a",
                                              "&a ",
                                              "\"",
                                              "---\n",
                                              "null"};
    int read = 0;
    for (int i = 0; i < 6000; ++i) {
      std::string text;
      for (std::uint64_t left = 1 + random.below(25); left > 0; --left)
        text += words[random.below(words.size())];
      for (const ImportFrom from : {ImportFrom::envoy, ImportFrom::spinnaker, ImportFrom::kong}) {
        const auto imported = import_rules(from, text);
        if (imported)
          ++read;
        else
          CHECK_FALSE(imported.error().empty());
      }
    }
    CHECK(read > 10);
  }
}

}  // namespace starling
