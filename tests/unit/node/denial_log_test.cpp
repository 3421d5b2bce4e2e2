/// Denials of a real engine on a clock of the test's, and what is logged of them.
#include "node/denial_log.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/plain_text.hpp"
#include "engine/engine.hpp"
#include "node/log_line.hpp"

namespace starling {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using Lines = std::vector<std::string>;

class Kept final : public LogSink {
 public:
  explicit Kept(Lines& lines) : lines_(lines) {}
  void take(const LogRecord& record) override {
    lines_.emplace_back();
    append_message(lines_.back(), record);
  }

 private:
  Lines& lines_;
};

Rule rule_of(std::string name, std::string key, std::vector<Limit> limits) {
  return Rule{.name = std::move(name),
              .match = {Matcher{.key = std::move(key), .kind = Matcher::Kind::any, .text = ""}},
              .limits = std::move(limits)};
}

RuleSet set_of(std::initializer_list<Rule> rules) {
  RuleSet set;
  set.rules = rules;
  return set;
}

struct Bench {
  explicit Bench(RuleSet rules)
      : engine(EngineOptions{.origin = OriginId{1}, .counters_max = 50'000, .components_max = 50'000},
               std::move(rules), now) {}

  Decision ask(std::span<const Descriptor> descriptors, std::uint64_t hits = 1) {
    const WallTime wall = wall_at_start + std::chrono::duration_cast<milliseconds>(now - Instant{}) + stepped;
    const Request request{.descriptors = descriptors, .hits = hits};
    const Decision decision = engine.decide(request, now, wall);
    log.on_decision(request, decision, engine.decided(), engine.rules(), now, wall);
    return decision;
  }
  bool ask(std::string_view key, std::string_view value, std::uint64_t hits = 1) {
    const Entry entry{key, value};
    const Descriptor descriptor{.entries = std::span(&entry, 1)};
    return ask(std::span(&descriptor, 1), hits).allowed;
  }
  void ask_often(std::string_view value, int count) {
    for (int i = 0; i < count; ++i) ask("user", value);
  }
  /// As a node does it: once a second.
  void pass(seconds duration) {
    for (auto i = duration.count(); i > 0; --i) {
      now += seconds(1);
      log.tend(now, wall_at_start + std::chrono::duration_cast<milliseconds>(now - Instant{}) + stepped);
    }
  }
  Lines taken() { return std::exchange(lines, {}); }

  static constexpr WallTime wall_at_start{milliseconds(1'800'000'000'000)};  // a window of any length begins
  Instant now{};
  milliseconds stepped{};
  Lines lines;
  Engine engine;
  DenialLog log{std::make_shared<Logger>(std::make_unique<Kept>(lines), LogLevel::info)};
};

std::size_t sums_in(const Lines& lines) {
  std::size_t count = 0;
  for (const std::string& line : lines) count += line.starts_with("denials without lines") ? 1 : 0;
  return count;
}

}  // namespace

TEST_SUITE("node.denial_log") {
  TEST_CASE("a thousand denials of a principal have one line, and what passes has none") {
    Bench bench(set_of({rule_of("per-user", "user", {{2, 60}})}));
    bench.ask_often("alice", 2);
    CHECK(bench.taken().empty());
    bench.ask_often("alice", 1000);
    CHECK(bench.taken() ==
          Lines{R"(denied rule=per-user principal="user=alice" limit=2 per=1m reason=limit learning=false)"});
    bench.ask_often("bob", 3);
    CHECK(bench.taken() ==
          Lines{R"(denied rule=per-user principal="user=bob" limit=2 per=1m reason=limit learning=false)"});
    bench.ask("user", "carol", 0);
    bench.ask_often("carol", 2);
    bench.ask("user", "carol", 0);  // only looks
    CHECK(bench.taken().empty());
  }

  TEST_CASE("a new window has a line again, and rows leave with theirs") {
    Bench bench(set_of({rule_of("per-user", "user", {{1, 60}})}));
    for (int window = 0; window < 5; ++window) {
      CAPTURE(window);
      bench.ask_often("alice", 50);
      bench.pass(seconds(59));
      bench.ask_often("alice", 50);
      CHECK(bench.taken().size() == 1);
      CHECK(bench.log.rows_count() == 1);
      bench.pass(seconds(1));
      CHECK(bench.log.rows_count() == 0);
    }
  }

  TEST_CASE("a clock that is stepped leaves no row behind, wherever it goes") {
    Bench bench(set_of({rule_of("per-user", "user", {{0, 60}})}));
    for (const auto step : {milliseconds(0), milliseconds(86'400'000), milliseconds(-86'400'000)}) {
      bench.stepped = step;
      bench.pass(seconds(1));
      bench.ask_often("alice", 10);
      CHECK(bench.taken().size() == 1);
      CHECK(bench.log.rows_count() == 1);
    }
  }

  TEST_CASE("each limit of a rule, and each rule, has lines of its own") {
    Bench bench(
        set_of({rule_of("both", "user", {{3, 1}, {5, 3600}}), rule_of("other", "user", {{100, 60}})}));
    bench.ask_often("alice", 20);
    CHECK(bench.taken() ==
          Lines{R"(denied rule=both principal="user=alice" limit=3 per=1s reason=limit learning=false)"});
    bench.pass(seconds(1));
    bench.ask_often("alice", 20);
    CHECK(bench.taken() ==
          Lines{R"(denied rule=both principal="user=alice" limit=5 per=1h reason=limit learning=false)"});
    bench.ask("user", "alice", 101);
    CHECK(bench.taken() ==
          Lines{R"(denied rule=both principal="user=alice" limit=3 per=1s reason=limit learning=false)",
                R"(denied rule=other principal="user=alice" limit=100 per=1m reason=limit learning=false)"});
  }

  TEST_CASE("a limit that learns says so, and that it is enforced once it is") {
    RuleSet set = set_of({rule_of("per-user", "user", {{1, 60}})});
    set.rules[0].learning = true;
    Bench bench(set);
    bench.ask_often("alice", 100);
    CHECK(bench.ask("user", "alice"));
    CHECK(bench.taken() ==
          Lines{R"(would be denied, but the limit only learns rule=per-user principal="user=alice" limit=1 )"
                R"(per=1m reason=limit learning=true)"});
    set.rules[0].learning = false;
    bench.engine.replace_rules(set);
    bench.ask_often("alice", 100);
    CHECK_FALSE(bench.ask("user", "alice"));
    CHECK(bench.taken() ==
          Lines{R"(denied rule=per-user principal="user=alice" limit=1 per=1m reason=limit learning=false)"});
    set.rules[0].learning = true;
    bench.engine.replace_rules(set);
    bench.ask_often("alice", 100);
    CHECK(bench.taken().empty());
  }

  TEST_CASE("what only learns is told beside what denies the same request") {
    RuleSet set = set_of({rule_of("learns", "user", {{1, 60}}), rule_of("denies", "user", {{1, 3600}})});
    set.rules[0].learning = true;
    Bench bench(set);
    bench.ask_often("alice", 100);
    const Lines lines = bench.taken();
    REQUIRE(lines.size() == 2);
    CHECK(lines[0].ends_with("learning=true"));
    CHECK(lines[1].ends_with("learning=false"));
  }

  TEST_CASE("a reload brings no line again, and names what the rule is now") {
    RuleSet set = set_of({rule_of("a", "user", {{1, 60}})});
    Bench bench(set);
    bench.ask_often("alice", 10);
    CHECK(bench.taken().size() == 1);
    set.rules.insert(set.rules.begin(),
                     rule_of("first", "tenant", {{0, 60}}));  // rules have other numbers now
    set.rules[1].limits[0].requests = 0;
    bench.engine.replace_rules(set);
    bench.ask_often("alice", 10);
    CHECK(bench.taken().empty());
    bench.ask_often("bob", 10);
    CHECK(bench.taken() ==
          Lines{R"(denied rule=a principal="user=bob" limit=0 per=1m reason=limit learning=false)"});
    set.rules[1].name = "b";
    bench.engine.replace_rules(set);
    bench.ask_often("alice", 10);
    CHECK(bench.taken() ==
          Lines{R"(denied rule=b principal="user=alice" limit=0 per=1m reason=limit learning=false)"});
  }

  TEST_CASE("a limit that the request brings has all of its descriptor as principal") {
    Bench bench(RuleSet{});
    const Entry entries[] = {{"user", "alice"}, {"path", "/a b"}};
    const Descriptor descriptor{.entries = entries, .limit = RequestLimit{.requests = 0, .window_s = 90}};
    for (int i = 0; i < 100; ++i) bench.ask(std::span(&descriptor, 1));
    CHECK(bench.taken() == Lines{R"(denied rule=(request) principal="user=alice,path=/a b" limit=0 per=90s )"
                                 R"(reason=limit learning=false)"});
  }

  TEST_CASE("whatever bytes a caller sends, a principal is one bounded line of printable text") {
    Bench bench(set_of({rule_of("per-user", "user", {{0, 60}})}));
    std::string every_byte;
    for (int byte = 0; byte < 256; ++byte) every_byte += static_cast<char>(byte);
    bench.ask("user", "x\n2026-11-22 info forged rule=y\x1b[31m");
    bench.ask("user", every_byte);
    bench.ask("user", std::string(100'000, 'a'));
    bench.ask("user", "J\xc3\xb6rg");
    bench.ask("user", "\xff\xfe");
    bench.ask("user", "");
    const Lines lines = bench.taken();
    REQUIRE(lines.size() == 6);
    for (const std::string& line : lines) {
      CHECK(is_plain_text(line));
      CHECK(line.size() < 6 * 256 + 256);  // what is not to be seen is written out
    }
    CHECK(lines[0].find(R"(principal="user=x\n2026-11-22 info forged rule=y\u001b[31m")") !=
          std::string::npos);
    const std::size_t begin = lines[2].find("user=");
    CHECK(lines[2].find("...\" limit=") - begin == 253);
    CHECK(lines[3].find("user=J\xc3\xb6rg") != std::string::npos);
    CHECK(lines[4].find(R"(principal="user=\xff\xfe")") != std::string::npos);
    CHECK(lines[5].find(R"(principal="user=")") != std::string::npos);
  }

  TEST_CASE("more new lines than a second may have are summed, and come later in the window") {
    Bench bench(set_of({rule_of("per-user", "user", {{0, 60}})}));
    const int count = static_cast<int>(DenialLog::lines_per_s_max) + 7;
    const auto ask_all = [&] {
      for (int i = 0; i < count; ++i) bench.ask("user", fmt::format("u{}", i));
    };
    ask_all();
    CHECK(bench.taken().size() == DenialLog::lines_per_s_max);
    bench.pass(seconds(1));
    CHECK(bench.taken() ==
          Lines{"denials without lines of their own: more callers are denied than the log has "
                "room for count=7 learning_count=0"});
    ask_all();
    CHECK(bench.taken().size() == 7);
    ask_all();
    bench.pass(seconds(20));
    CHECK(bench.taken().empty());
  }

  TEST_CASE("a full table: the rest is counted and told every ten seconds and at the end") {
    RuleSet set =
        set_of({rule_of("day", "user", {{0, 86'400}}), rule_of("learns", "learner", {{0, 86'400}})});
    set.rules[1].learning = true;
    Bench bench(set);
    std::size_t lines = 0;
    std::size_t asked = 0;
    while (bench.log.rows_count() < DenialLog::rows_max) {
      for (int i = 0; i < 500; ++i) bench.ask("user", fmt::format("u{}", asked++));
      lines += bench.taken().size();
      bench.pass(seconds(1));
    }
    CHECK(lines == DenialLog::rows_max);
    bench.pass(seconds(20));  // what was over is told
    bench.taken();
    for (int second = 0; second < 30; ++second) {
      for (int i = 0; i < 10; ++i) bench.ask("user", fmt::format("late{}", i));
      bench.ask("learner", "x");
      bench.pass(seconds(1));
    }
    CHECK(bench.log.rows_count() == DenialLog::rows_max);
    const Lines told = bench.taken();
    CHECK(sums_in(told) == told.size());
    CHECK(told.size() == 3);
    CHECK(told.front().ends_with("count=11 learning_count=1"));
    CHECK(told.back().ends_with("count=110 learning_count=10"));
    bench.log.tell_sum();
    CHECK(bench.taken().front().ends_with("count=99 learning_count=9"));
    bench.log.tell_sum();
    CHECK(bench.taken().empty());
    bench.ask_often("u0", 100);  // who has a row is quiet
    bench.log.tell_sum();
    CHECK(bench.taken().empty());
    bench.now = Instant{} + seconds(86'400);  // a new day
    bench.pass(seconds(1));
    CHECK(bench.log.rows_count() == 0);
    bench.ask_often("late1", 100);
    CHECK(bench.taken().size() == 1);
  }

  TEST_CASE("rows of windows that have ended make room at once") {
    Bench bench(set_of({rule_of("per-user", "user", {{0, 30}})}));
    std::size_t asked = 0;
    while (bench.log.rows_count() < DenialLog::rows_max) {
      for (std::uint32_t i = 0; i < DenialLog::lines_per_s_max; ++i)
        bench.ask("user", fmt::format("u{}", asked++));
      bench.now += seconds(1);
    }
    bench.taken();
    bench.now = Instant{} + seconds(30);  // nobody has tended it
    bench.ask_often("alice", 10);
    CHECK(bench.taken().size() == 1);
    CHECK(bench.log.rows_count() == 1);
  }
}

}  // namespace starling
