/// Who is denied, for `--log-denials`: one line when a limit first denies a principal in a window, and none
/// for the thousands of denials that may follow.
///
/// A counter's id names the limit, the principal and the window, so it is all that has to be remembered: each
/// limit of a rule has lines of its own, a reload of rules brings none again, and a new window does. A limit
/// that learns says what it would have denied, and once more if it is enforced in the same window.
///
/// A flood of principals must not fill memory, nor push everything else out of the log's queue: there are
/// `rows_max` rows, which leave with their windows, and `lines_per_s_max` lines. Denials that find no room
/// are counted, and told in one line every `summed_every`. Whoever found none may have a line later in the
/// window.
///
/// Sans-IO but for the log: time comes in. Of denials on this node only, as all that is known of denials is.
#pragma once

#include <absl/container/flat_hash_map.h>
#include <starling/request.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "base/time.hpp"
#include "counter/counter_table.hpp"
#include "limiter/rules.hpp"
#include "node/log.hpp"

namespace starling {

class DenialLog {
 public:
  static constexpr std::size_t rows_max = 16'384;          ///< 32 bytes each, reserved twice over: 1.1 MB
  static constexpr std::uint32_t lines_per_s_max = 1'000;  ///< the log's queue holds 8,192
  static constexpr Duration summed_every = std::chrono::seconds(10);
  static constexpr Duration forget_interval_min = std::chrono::milliseconds(100);

  explicit DenialLog(Log log);

  /// After the engine has decided; `counters` are those behind the decision's limits, in the same order.
  /// Shape: nothing for a request that no limit denies; a lookup per denying limit; a line if it is new.
  void on_decision(const Request& request, const Decision& decision, std::span<const CounterId> counters,
                   const RuleSet& rules, Instant now, WallTime wall) {
    if (!decision.allowed || decision.learned) on_denied(request, decision, counters, rules, now, wall);
  }

  /// Call once a second or so: drops rows whose windows are not the current ones, and tells sums.
  void tend(Instant now, WallTime wall);
  /// Tells how many denials got no line, if any did not. Call at the end, too.
  void tell_sum();

  std::size_t rows_count() const { return rows_.size(); }

 private:
  void on_denied(const Request& request, const Decision& decision, std::span<const CounterId> counters,
                 const RuleSet& rules, Instant now, WallTime wall);
  bool note(const CounterId& counter, std::uint8_t saying, Instant now, WallTime wall);
  bool take_line(Instant now);
  void say(const Request& request, const LimitStatus& status, const RuleSet& rules);
  void forget(Instant now, WallTime wall);

  Log log_;
  absl::flat_hash_map<CounterId, std::uint8_t> rows_;  ///< which of the two kinds of line was said
  Instant forget_again_{};
  Instant second_ends_{};
  std::uint32_t lines_in_second_ = 0;
  Instant sum_again_{};
  std::uint64_t unsaid_ = 0;
  std::uint64_t unsaid_learning_ = 0;  ///< of these
  std::string text_;                   // scratch
};

}  // namespace starling
