/// The hottest counters, as a node sees them: the question, and the answer.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.hpp"
#include "engine/view.hpp"

namespace starling {

inline constexpr std::size_t top_rows_max = 1000;

struct TopQuery {
  enum class By : std::uint8_t {
    hits,    ///< counted in the current window, cluster-wide
    denied,  ///< hits denied, or by a learning limit nearly, on this node
    usage,   ///< share of the limit that is used
  };
  std::string rule;  ///< only this one's; empty: all
  By by = By::hits;
  std::size_t rows_max = 20;  ///< from 1 to `top_rows_max`
  /// Of each rule only its hottest counter, of at most `top_rows_max` rules. Those without a name are left
  /// out.
  /// Their shares are not told.
  bool one_per_rule = false;

  friend bool operator==(const TopQuery&, const TopQuery&) = default;
};

inline constexpr std::array<std::string_view, 3> top_by_names{"hits", "denied", "usage"};
constexpr std::string_view name(TopQuery::By by) {
  return top_by_names[static_cast<std::size_t>(by)];
}

struct TopRow {
  CounterKey key;
  bool named = false;  ///< false: nobody that could be asked knows; `rule`, `principal`, `limit` say nothing
  std::string rule;    ///< empty: the request brought the limit
  std::string principal;  ///< "client_ip=10.0.0.1,user=alice"; empty: all callers share the counter
  Hits limit = 0;         ///< hits per window, as last known where the name comes from
  std::uint32_t window_s = 0;
  std::uint64_t window_id = 0;
  Hits used = 0;  ///< hits held to the limit; with a sliding window the previous window's too, weighted
  Hits denied_here = 0;                    ///< hits denied on this node in this window, at least
  Hits learned_here = 0;                   ///< hits that a learning limit would have denied, likewise
  std::size_t nodes_count = 0;             ///< origins that have counted here in this window
  std::vector<CounterView::Share> shares;  ///< theirs, the largest first, at most 32

  /// 1 is the whole limit; of a limit of 0 any hit is more than that.
  double usage() const {
    if (limit == 0) return used == 0 ? 0.0 : static_cast<double>(hits_max);
    return static_cast<double>(used) / static_cast<double>(limit);
  }
};

struct TopView {
  /// False: the table is large and being read; what is here is older, or less. Ask again.
  bool complete = true;
  std::vector<TopRow> rows;  ///< hottest first
  /// Hot counters without a name, in `rows` if they can be ranked without one; and those of them that
  /// somebody has been asked about just now, so that asking again soon may help.
  std::size_t unnamed = 0;
  std::size_t asking = 0;
  std::size_t scanned = 0;  ///< rows that were looked at
};

}  // namespace starling
