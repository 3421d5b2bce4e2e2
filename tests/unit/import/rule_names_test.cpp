#include "import/rule_names.hpp"

#include <doctest/doctest.h>

namespace starling {

TEST_SUITE("import.rule_names") {
  TEST_CASE("a name that is taken gets a number that is not") {
    RuleNames names;
    CHECK(names.take("a") == "a");
    CHECK(names.take("a-2") == "a-2");
    CHECK(names.take("a") == "a-3");
    CHECK(names.take("") == "rule");
  }

  TEST_CASE("a name is cut to what the rules file takes, not within a character") {
    RuleNames names;
    const std::string euro = "\xE2\x82\xAC";
    std::string longer;
    for (int i = 0; i < 100; ++i) longer += euro;
    const std::string first = names.take("x" + longer);
    CHECK(first.size() <= 256);
    CHECK((first.size() - 1) % 3 == 0);
    CHECK(names.take("x" + longer + "y") == first + "-2");
  }
}

}  // namespace starling
