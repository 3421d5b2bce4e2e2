#include "limiter/duration_text.hpp"

#include <doctest/doctest.h>

#include "base/random.hpp"

namespace starling {
namespace {

using std::chrono::milliseconds;

TEST_SUITE("limiter.duration_text") {
  TEST_CASE("a whole number and a unit are read") {
    CHECK(parse_duration("0s") == milliseconds(0));
    CHECK(parse_duration("500ms") == milliseconds(500));
    CHECK(parse_duration("1s") == milliseconds(1000));
    CHECK(parse_duration("5m") == milliseconds(300'000));
    CHECK(parse_duration("2h") == milliseconds(7'200'000));
    CHECK(parse_duration("1d") == milliseconds(86'400'000));
    CHECK(parse_duration("1w") == milliseconds(604'800'000));
    CHECK(parse_duration("1month") == milliseconds(30LL * 86'400'000));
    CHECK(parse_duration("1year") == milliseconds(365LL * 86'400'000));
    CHECK(parse_duration("0010s") == milliseconds(10'000));
  }

  TEST_CASE("anything else is not read") {
    for (const char* text : {"",     "s",       "ms",     "10",  "10 s", " 10s", "10s ",  "10S",   "10sec",
                             "1.5s", "1e3s",    "+1s",    "-1s", "-0s",  "-",    "1h30m", "0x10s", "1y",
                             "1mon", "2months", "1years", "1us", "1ns",  "s1",   "1s\n",  "--1s"}) {
      CAPTURE(text);
      CHECK_FALSE(parse_duration(text).has_value());
    }
    CHECK_FALSE(parse_duration(std::string_view("1s\0", 3)).has_value());
  }

  TEST_CASE("what overflows is not read, up to the last millisecond") {
    CHECK(parse_duration("9223372036854775807ms") == milliseconds::max());
    CHECK_FALSE(parse_duration("9223372036854775808ms").has_value());
    CHECK(parse_duration("9223372036854775s") == milliseconds(9'223'372'036'854'775'000));
    CHECK_FALSE(parse_duration("9223372036854776s").has_value());
    CHECK_FALSE(parse_duration("9223372036854775807w").has_value());
    CHECK_FALSE(parse_duration("9223372036854775807year").has_value());
    CHECK_FALSE(parse_duration(std::string(1000, '9') + "s").has_value());
  }

  TEST_CASE("durations are written in their shortest exact spelling") {
    CHECK(format_duration(milliseconds(0)) == "0s");
    CHECK(format_duration(milliseconds(1)) == "1ms");
    CHECK(format_duration(milliseconds(1500)) == "1500ms");
    CHECK(format_duration(milliseconds(90'000)) == "90s");
    CHECK(format_duration(milliseconds(3'600'000)) == "1h");
    CHECK(format_duration(milliseconds(86'400'000)) == "1d");
    CHECK(format_duration(milliseconds(7 * 86'400'000)) == "1w");
    CHECK(format_duration(milliseconds(8 * 86'400'000)) == "8d");
    CHECK(format_duration(*parse_duration("1month")) == "30d");
    CHECK(format_duration(*parse_duration("1year")) == "365d");
  }

  TEST_CASE("what is written is read back as it was") {
    Random random(1);
    for (int i = 0; i < 10'000; ++i) {
      constexpr std::int64_t units_ms[] = {1, 1000, 60'000, 3'600'000, 86'400'000, 604'800'000};
      const milliseconds duration(static_cast<std::int64_t>(random.below(100'000)) *
                                  units_ms[random.below(6)]);
      CHECK(parse_duration(format_duration(duration)) == duration);
    }
    CHECK(parse_duration(format_duration(milliseconds::max())) == milliseconds::max());
  }
}

}  // namespace
}  // namespace starling
