#include "ledger.hpp"

#include <algorithm>
#include <span>
#include <tuple>

namespace starling::load {
namespace {

std::uint64_t count_before(const std::vector<std::int64_t>& sorted, std::int64_t time) {
  return static_cast<std::uint64_t>(std::lower_bound(sorted.begin(), sorted.end(), time) - sorted.begin());
}

/// Adds one caller's answers of one window.
void add(WindowCounts& counts, std::span<const Answer> answers) {
  std::vector<std::int64_t> maybe_from, surely_from;
  std::uint64_t limit = 0, allowed = 0;
  for (const Answer& answer : answers) {
    TargetCounts& target = counts.targets[answer.target];
    ++target.offered;
    limit = std::max(limit, answer.limit);
    if (answer.outcome == Outcome::allowed) {
      ++allowed;
      ++target.allowed;
      surely_from.push_back(answer.received_ns);
    }
    if (answer.outcome == Outcome::allowed || answer.outcome == Outcome::lost)
      maybe_from.push_back(answer.sent_ns);
    counts.denied += answer.outcome == Outcome::denied ? 1 : 0;
    counts.denied_elsewhere += answer.outcome == Outcome::denied_elsewhere ? 1 : 0;
    counts.lost += answer.outcome == Outcome::lost ? 1 : 0;
  }
  std::sort(maybe_from.begin(), maybe_from.end());
  std::sort(surely_from.begin(), surely_from.end());
  for (const Answer& answer : answers) {
    if (answer.outcome != Outcome::denied) continue;
    if (count_before(maybe_from, answer.received_ns) < answer.limit)
      ++counts.false_certain;
    else if (count_before(surely_from, answer.sent_ns) < answer.limit)
      ++counts.false_possible;
  }
  ++counts.callers;
  counts.offered += answers.size();
  counts.allowed += allowed;
  counts.limit = std::max(counts.limit, limit);
  if (limit == 0) return;  // nobody answered: the limit is not known
  const std::uint64_t over = allowed - std::min(allowed, limit);
  counts.over_admission += over;
  counts.over_admission_worst = std::max(counts.over_admission_worst, over);
  if (answers.size() < limit) return;
  ++counts.pressed_callers;
  counts.pressed_offered += answers.size();
  counts.pressed_allowed += allowed;
}

}  // namespace

std::vector<WindowCounts> count_windows(std::vector<Answer> answers, std::size_t targets_count) {
  const auto group_of = [](const Answer& answer) { return std::tie(answer.window, answer.caller); };
  std::sort(answers.begin(), answers.end(),
            [&](const Answer& one, const Answer& other) { return group_of(one) < group_of(other); });
  std::vector<WindowCounts> windows;
  for (auto begin = answers.begin(); begin != answers.end();) {
    const auto end = std::find_if(begin, answers.end(),
                                  [&](const Answer& each) { return group_of(each) != group_of(*begin); });
    if (windows.empty() || windows.back().window != begin->window) {
      windows.emplace_back().window = begin->window;
      windows.back().targets.resize(targets_count);
    }
    add(windows.back(), {begin, end});
    begin = end;
  }
  return windows;
}

}  // namespace starling::load
