/// What every window admitted, and whether its denials were right.
///
/// The nodes' own words decide which window a request was counted in; what is added here is the order of
/// things. An answer tells of a decision that fell somewhere between sending and receiving. So before a
/// denial at most those requests had been admitted that were sent before it was received (and are not known
/// to have been denied), and at least those whose answers had come before it was sent. If even the most is
/// below the limit, the denial was false: certainly. If only the least is, it may have been. A request whose
/// answer never came may have been admitted.
///
/// Units: times in ns on one clock; each request costs one hit. The unit of all sums is one caller's window:
/// a limit that one caller exceeds is not made good by another who stays below it.
#pragma once

#include <cstdint>
#include <vector>

namespace starling::load {

enum class Outcome : std::uint8_t {
  allowed,
  denied,            ///< by the limit that is looked at
  denied_elsewhere,  ///< by another one only: counts nowhere, says nothing about this one
  lost,              ///< no answer: counted, or not
};

struct Answer {
  std::int64_t sent_ns = 0;
  std::int64_t received_ns = 0;  ///< nothing for what is lost
  std::int64_t window = 0;       ///< id
  std::uint64_t limit = 0;       ///< as the answer told it; 0 for what is lost
  std::uint32_t caller = 0;
  std::uint16_t target = 0;
  Outcome outcome = Outcome::lost;
};

struct TargetCounts {
  std::uint64_t offered = 0, allowed = 0;
};

struct WindowCounts {
  std::int64_t window = 0;
  std::uint64_t limit = 0;  ///< of one caller
  std::uint64_t offered = 0, allowed = 0, denied = 0, denied_elsewhere = 0, lost = 0;
  std::uint64_t over_admission = 0;        ///< of all callers, each beyond its own limit
  std::uint64_t over_admission_worst = 0;  ///< of one caller
  std::uint64_t false_certain = 0, false_possible = 0;
  std::uint64_t callers = 0;
  /// Those who asked for at least what they may have: only they can be admitted too much.
  std::uint64_t pressed_callers = 0, pressed_offered = 0, pressed_allowed = 0;
  std::vector<TargetCounts> targets;
};

/// One entry for each window that any of `answers` is in, in the order of their ids.
std::vector<WindowCounts> count_windows(std::vector<Answer> answers, std::size_t targets_count);

}  // namespace starling::load
