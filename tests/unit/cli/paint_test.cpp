#include "cli/paint.hpp"

#include <doctest/doctest.h>

#include <map>
#include <string>

namespace starling::cli {
namespace {

bool wants(ColourChoice choice, bool is_terminal, std::map<std::string, std::string> variables) {
  return wants_colour(choice, is_terminal, [&](const char* name) -> const char* {
    const auto found = variables.find(name);
    return found == variables.end() ? nullptr : found->second.c_str();
  });
}

TEST_SUITE("cli.paint") {
  TEST_CASE("by itself only on a terminal that can, and when nobody objects") {
    constexpr auto automatic = ColourChoice::automatic;
    CHECK(wants(automatic, true, {{"TERM", "xterm"}}));
    CHECK(wants(automatic, true, {{"TERM", "xterm"}, {"NO_COLOR", ""}}));
    CHECK_FALSE(wants(automatic, true, {{"TERM", "xterm"}, {"NO_COLOR", "1"}}));
    CHECK_FALSE(wants(automatic, true, {{"TERM", "dumb"}}));
    CHECK_FALSE(wants(automatic, true, {{"TERM", ""}}));
    CHECK_FALSE(wants(automatic, true, {}));
    CHECK_FALSE(wants(automatic, false, {{"TERM", "xterm"}}));
  }

  TEST_CASE("who asks for it gets it, and who does not want it does not") {
    CHECK(wants(ColourChoice::always, false, {{"NO_COLOR", "1"}}));
    CHECK_FALSE(wants(ColourChoice::never, true, {{"TERM", "xterm"}}));
  }

  TEST_CASE("a colour ends with its text") {
    const Paint on(true);
    CHECK(on(Hue::bad, "x") == "\x1b[31mx\x1b[0m");
    CHECK(on(Hue::plain, "x") == "x");
    CHECK(on(Hue::good, "") == "");
    CHECK(Paint()(Hue::bad, "x") == "x");
  }
}

}  // namespace
}  // namespace starling::cli
