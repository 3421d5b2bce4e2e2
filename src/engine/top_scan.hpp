/// Finds the hottest counters of a table that is too large to be looked at between two requests.
///
/// A scan goes through the rows in slices and keeps the best it has seen: those it can rank, and the largest
/// of those it cannot, because their name is not known here yet. Requests are answered between the slices, so
/// counters come, go and grow meanwhile; a candidate is a key to look at again, not a result. The last
/// finished scan stays until the next one ends.
///
/// One slice takes about as long as two hundred requests; the numbers are in `src/README.md`.
#pragma once

#include <absl/container/flat_hash_map.h>

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.hpp"
#include "counter/counter_table.hpp"
#include "engine/top_view.hpp"
#include "limiter/name_book.hpp"

namespace starling {

class TopScan {
 public:
  static constexpr std::size_t slice_rows_max = 8192;
  /// Of counters without a name, the largest are remembered, and their names asked for.
  static constexpr std::size_t unnamed_max = 256;

  /// Ranked by hits or by usage; counters of one rule, or of all if it is empty.
  /// With `one_per_rule` the best of each rule.
  TopScan(TopQuery::By by, std::string rule, bool one_per_rule);

  bool serves(const TopQuery& query) const {
    return query.by == by_ && query.rule == rule_ && query.one_per_rule == one_per_rule_;
  }

  void begin();
  bool running() const { return running_; }
  /// Looks at the next rows.
  void read_slice(const CounterTable& counters, const NameBook& names, Instant now, WallTime wall);

  bool finished() const { return finished_; }  ///< at least once
  Instant finished_at() const { return finished_at_; }
  /// Of the last finished scan, in no particular order.
  const std::vector<CounterId>& candidates() const { return candidates_; }
  std::size_t scanned() const { return scanned_; }  ///< counters that were there

 private:
  struct Candidate {
    double score = 0;
    CounterId counter;
  };
  struct RuleHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view rule) const { return std::hash<std::string_view>{}(rule); }
  };
  /// The best few seen so far; the worst of them is in front.
  struct Best {
    std::size_t count_max = 0;
    std::vector<Candidate> heap;
    void offer(double score, const CounterId& counter);
  };

  void offer_for_rule(std::string_view rule, double score, const CounterId& counter);
  void look_at(const CounterId& id, Hits value, const NameBook& names, WallTime wall);
  void finish(Instant now);

  TopQuery::By by_;
  std::string rule_;
  bool one_per_rule_;
  bool needs_names_;
  bool running_ = false;
  bool finished_ = false;
  Instant finished_at_{};
  std::size_t next_row_ = 0;
  std::size_t seen_ = 0;
  Best ranked_;
  Best unnamed_;
  absl::flat_hash_map<std::string, Candidate, RuleHash, std::equal_to<>>
      best_of_rules_;  ///< at most `top_rows_max`
  std::vector<CounterId> candidates_;
  std::size_t scanned_ = 0;
};

}  // namespace starling
