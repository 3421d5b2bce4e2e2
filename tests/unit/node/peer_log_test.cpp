#include "node/peer_log.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "node/log_line.hpp"

namespace starling {
namespace {

using std::chrono::seconds;

struct Bench {
  struct Sink final : LogSink {
    explicit Sink(std::vector<std::string>& to) : lines(to) {}
    void take(const LogRecord& record) override {
      lines.emplace_back();
      append_message(lines.back(), record);
    }
    std::vector<std::string>& lines;
  };

  void say(std::uint16_t peer, std::string_view what, std::string_view origin = "00000000000000aa") {
    const std::string name = "n" + std::to_string(peer);
    log.say({.level = LogLevel::info,
             .what = what,
             .name = name,
             .origin = std::string(origin),
             .address = {.address = Address::v4(10, 0, 0, 1), .port = peer}},
            now);
  }

  std::vector<std::string> lines;
  PeerLog log{std::make_shared<Logger>(std::make_unique<Sink>(lines), LogLevel::info)};
  Instant now{seconds(1000)};
};

}  // namespace

TEST_SUITE("node.peer_log") {
  TEST_CASE("each change has a line, of however many peers") {
    Bench bench;
    for (std::uint16_t peer = 1; peer <= 300; ++peer) bench.say(peer, "peer alive");
    REQUIRE(bench.lines.size() == 300);
    CHECK(bench.lines[1] == "peer alive peer=n2 address=10.0.0.1:2 origin=00000000000000aa");
    bench.now += seconds(70);
    bench.log.tend(bench.now);
    CHECK(bench.lines.size() == 300);
  }

  TEST_CASE("a peer that flaps has a few lines a minute and a sum, the others all of theirs") {
    Bench bench;
    for (int i = 0; i < 1000; ++i) {
      bench.say(1, i % 2 == 0 ? "peer alive" : "peer dead", std::to_string(i));  // each life another origin
      bench.now += std::chrono::milliseconds(10);
    }
    bench.say(2, "peer alive");
    CHECK(bench.lines.size() == PeerLog::lines_per_address_max + 1);
    bench.log.tend(bench.now);
    CHECK(bench.lines.size() == PeerLog::lines_per_address_max + 1);
    bench.now += seconds(60);
    bench.log.tend(bench.now);
    REQUIRE(bench.lines.size() == PeerLog::lines_per_address_max + 2);
    CHECK(
        bench.lines.back() ==
        "peer comes and goes: changes of the last minute had no lines of their own; the last was: peer dead "
        "peer=n1 address=10.0.0.1:1 count=994");
    bench.log.tend(bench.now + seconds(600));
    bench.say(1, "peer alive");
    CHECK(bench.lines.back().starts_with("peer alive"));
    CHECK(bench.lines.size() == PeerLog::lines_per_address_max + 3);
  }

  TEST_CASE("the sum does not wait for the next quiet minute") {
    Bench bench;
    for (int i = 0; i < 20'000; ++i) {
      bench.say(1, "peer alive");
      bench.now += std::chrono::milliseconds(10);
    }  // 200 s
    CHECK(bench.lines.size() == 4 * PeerLog::lines_per_address_max + 3);
  }

  TEST_CASE("more addresses than there is room for are summed") {
    Bench bench;
    for (std::uint16_t round = 0; round < 10; ++round)
      for (std::uint16_t peer = 1; peer <= 2 * PeerLog::addresses_max; ++peer) bench.say(peer, "peer alive");
    const std::size_t lines = PeerLog::addresses_max * PeerLog::lines_per_address_max;
    CHECK(bench.lines.size() == lines);
    bench.now += seconds(60);
    bench.log.tend(bench.now);
    REQUIRE(bench.lines.size() == lines + PeerLog::summed_max + 1);
    const std::size_t rest = (PeerLog::addresses_max - PeerLog::summed_max) * 4 + PeerLog::addresses_max * 10;
    CHECK(bench.lines.back().ends_with("count=" + std::to_string(rest)));
  }
}

}  // namespace starling
