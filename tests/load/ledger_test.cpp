#include "ledger.hpp"

#include <doctest/doctest.h>

using namespace starling::load;

namespace {

Answer answer(Outcome outcome, std::int64_t sent, std::int64_t received, std::int64_t window = 7,
              std::uint32_t caller = 0) {
  return {.sent_ns = sent,
          .received_ns = received,
          .window = window,
          .limit = 2,
          .caller = caller,
          .outcome = outcome};
}

WindowCounts only_window(std::vector<Answer> answers) {
  const std::vector<WindowCounts> windows = count_windows(std::move(answers), 1);
  REQUIRE(windows.size() == 1);
  return windows.front();
}

}  // namespace

TEST_SUITE("load.ledger") {
  TEST_CASE("nothing was asked: no windows") {
    CHECK(count_windows({}, 3).empty());
  }

  TEST_CASE("a denial after the limit was admitted is right") {
    const WindowCounts window = only_window(
        {answer(Outcome::allowed, 0, 1), answer(Outcome::allowed, 2, 3), answer(Outcome::denied, 4, 5)});
    CHECK(window.offered == 3);
    CHECK(window.allowed == 2);
    CHECK(window.denied == 1);
    CHECK(window.over_admission == 0);
    CHECK(window.false_certain == 0);
    CHECK(window.false_possible == 0);
  }

  TEST_CASE("a denial while nobody could have used the limit up is false, whatever is admitted later") {
    const WindowCounts window = only_window(
        {answer(Outcome::allowed, 0, 1), answer(Outcome::denied, 2, 3), answer(Outcome::allowed, 4, 5)});
    CHECK(window.false_certain == 1);
    CHECK(window.false_possible == 0);
  }

  TEST_CASE("a denial beside admissions under way is neither surely right nor surely false") {
    const WindowCounts window = only_window(
        {answer(Outcome::allowed, 0, 9), answer(Outcome::allowed, 1, 9), answer(Outcome::denied, 4, 5)});
    CHECK(window.false_certain == 0);
    CHECK(window.false_possible == 1);
  }

  TEST_CASE("an admission that was asked for after the denial had come is no excuse for it") {
    const WindowCounts window = only_window(
        {answer(Outcome::allowed, 0, 1), answer(Outcome::denied, 2, 3), answer(Outcome::allowed, 3, 4)});
    CHECK(window.false_certain == 1);
  }

  TEST_CASE("a lost request may have been admitted from when it was sent") {
    CHECK(only_window(
              {answer(Outcome::allowed, 0, 1), answer(Outcome::lost, 2, 0), answer(Outcome::denied, 3, 4)})
              .false_possible == 1);
    CHECK(only_window(
              {answer(Outcome::allowed, 0, 1), answer(Outcome::denied, 3, 4), answer(Outcome::lost, 5, 0)})
              .false_certain == 1);
  }

  TEST_CASE("a denial by another limit says nothing about this one") {
    const WindowCounts window = only_window({answer(Outcome::denied_elsewhere, 0, 1)});
    CHECK(window.false_certain + window.false_possible == 0);
    CHECK(window.denied == 0);
    CHECK(window.denied_elsewhere == 1);
  }

  TEST_CASE("the window before does not use up this one's limit") {
    const std::vector<WindowCounts> windows =
        count_windows({answer(Outcome::denied, 4, 5, 8), answer(Outcome::allowed, 0, 1, 7),
                       answer(Outcome::allowed, 2, 3, 7)},
                      1);
    REQUIRE(windows.size() == 2);
    CHECK(windows[0].window == 7);
    CHECK(windows[0].allowed == 2);
    CHECK(windows[1].window == 8);
    CHECK(windows[1].false_certain == 1);
  }

  TEST_CASE("one caller's room does not make good what another had too much") {
    const WindowCounts window =
        only_window({answer(Outcome::allowed, 0, 1, 7, 0), answer(Outcome::allowed, 0, 1, 7, 0),
                     answer(Outcome::allowed, 0, 1, 7, 0), answer(Outcome::allowed, 0, 1, 7, 0),
                     answer(Outcome::allowed, 0, 1, 7, 1)});
    CHECK(window.callers == 2);
    CHECK(window.over_admission == 2);
    CHECK(window.over_admission_worst == 2);
    CHECK(window.pressed_callers == 1);
    CHECK(window.pressed_offered == 4);
    CHECK(window.pressed_allowed == 4);
  }

  TEST_CASE("one caller's admissions are no excuse for denying another") {
    CHECK(only_window({answer(Outcome::allowed, 0, 1, 7, 0), answer(Outcome::allowed, 0, 1, 7, 0),
                       answer(Outcome::denied, 2, 3, 7, 1)})
              .false_certain == 1);
  }

  TEST_CASE("each target has its own share of a window") {
    std::vector<Answer> answers{answer(Outcome::allowed, 0, 1), answer(Outcome::denied, 0, 1),
                                answer(Outcome::allowed, 0, 1)};
    answers[2].target = 1;
    const std::vector<WindowCounts> windows = count_windows(answers, 3);
    REQUIRE(windows.size() == 1);
    REQUIRE(windows[0].targets.size() == 3);
    CHECK(windows[0].targets[0].offered == 2);
    CHECK(windows[0].targets[0].allowed == 1);
    CHECK(windows[0].targets[1].allowed == 1);
    CHECK(windows[0].targets[2].offered == 0);
  }

  TEST_CASE("a window of which nobody told the limit is over nothing") {
    const WindowCounts window = only_window({answer(Outcome::lost, 0, 0)});
    CHECK(window.lost == 1);
    CHECK(window.limit == 2);
    Answer unknown = answer(Outcome::lost, 0, 0);
    unknown.limit = 0;
    CHECK(only_window({unknown}).pressed_callers == 0);
  }
}
