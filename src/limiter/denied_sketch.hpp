/// Who is denied most here: the heavy hitters among denials, in a fixed number of rows.
///
/// Every denied caller would be one table too many: a flood of made-up principals would fill it. Space-Saving
/// keeps `rows_max` counters. A caller that has a row adds to it; another takes a free row or else the row
/// with the smallest weight, and inherits that weight as what may be wrong with its own. So a row's weight is
/// off by at most (all denials) / (rows), and whoever has more than that many denials is in the table for
/// sure. What is shown is what was counted since the caller got its row: a lower bound, exact for those that
/// matter.
///
/// The smallest row is on top of a heap of row numbers, and each row knows its place there. So a denial costs
/// a lookup and at most log2(rows) = 10 swaps of two numbers, without an allocation; a hot caller sits near
/// the leaves and moves hardly ever. Rows of windows that are over leave by the clock.
///
/// Denials are of this node only: a denied request counts nowhere, so nothing about it is gossiped.
///
/// Source: Metwally, Agrawal, El Abbadi, "Efficient computation of frequent and top-k elements in data
/// streams" (2005); weighted as in Berinde et al., "Space-optimal heavy hitters" (2010).
#pragma once

#include <absl/container/flat_hash_map.h>

#include <cstdint>
#include <span>
#include <vector>

#include "base/ids.hpp"
#include "base/time.hpp"
#include "counter/counter_table.hpp"

namespace starling {

inline constexpr std::size_t denied_rows_max = 1024;

class DeniedSketch {
 public:
  struct Row {
    CounterId counter;
    Hits denied = 0;      ///< hits denied since the row is this counter's
    Hits learned = 0;     ///< hits that passed only because the limit learns
    Hits missed_max = 0;  ///< what both may have had before, at most

    Hits seen() const { return saturating_add(denied, learned); }
    Hits weight() const { return saturating_add(seen(), missed_max); }
  };

  explicit DeniedSketch(std::size_t rows_max = denied_rows_max);

  /// `hits` were denied, or if `learns` would have been. True if the counter had no row before.
  bool add(const CounterId& counter, Hits hits, bool learns);

  /// Drops rows of windows that have ended.
  void forget_ended(WallTime wall);

  std::span<const Row> rows() const { return rows_; }
  /// Null if the counter has no row.
  const Row* find(const CounterId& counter) const;

 private:
  Hits weight_at(std::uint32_t place) const { return rows_[heap_[place]].weight(); }
  void swap_places(std::uint32_t a, std::uint32_t b);
  void sift_down(std::uint32_t place);
  void sift_up(std::uint32_t place);

  std::size_t rows_max_;
  std::vector<Row> rows_;
  std::vector<std::uint32_t> heap_;    // row numbers: no row weighs less than its parent
  std::vector<std::uint32_t> places_;  // of each row in the heap
  absl::flat_hash_map<CounterId, std::uint32_t> index_;
};

}  // namespace starling
