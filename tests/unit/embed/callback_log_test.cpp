/// Log lines on their way to the program that embeds a node.
#include "embed/callback_log.hpp"

#include <doctest/doctest.h>

#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace starling::embed {

TEST_SUITE("embed.callback_log") {
  TEST_CASE("lines come at once, as they are, with how much they matter") {
    std::vector<std::pair<LogLevel, std::string>> lines;
    const Log log = make_callback_log(
        [&](LogLevel level, std::string_view line) { lines.emplace_back(level, line); }, LogLevel::trace);
    log->log(starling::LogLevel::trace, "a {}", 1);
    log->debug("b");
    log->info("c");
    log->warn("d");
    log->error("e");
    using Lines = std::vector<std::pair<LogLevel, std::string>>;
    CHECK(lines == Lines{{LogLevel::trace, "a 1"},
                         {LogLevel::debug, "b"},
                         {LogLevel::info, "c"},
                         {LogLevel::warn, "d"},
                         {LogLevel::error, "e"}});
  }

  TEST_CASE("lines that matter less are not made") {
    int count = 0;
    const Log log = make_callback_log([&](LogLevel, std::string_view) { ++count; }, LogLevel::warn);
    log->info("a");
    log->warn("b");
    CHECK(count == 1);
    CHECK_FALSE(log->should_log(starling::LogLevel::info));
  }

  TEST_CASE("without a callback nothing is logged") {
    const Log log = make_callback_log(nullptr, LogLevel::trace);
    CHECK_FALSE(log->should_log(starling::LogLevel::error));
    log->error("nobody");
  }

  TEST_CASE("what a callback throws stays there") {
    const Log log =
        make_callback_log([](LogLevel, std::string_view) { throw std::runtime_error("no"); }, LogLevel::info);
    CHECK_NOTHROW(log->error("a"));
  }
}

}  // namespace starling::embed
