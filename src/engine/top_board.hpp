/// The hottest callers of the cluster, as this node sees them: what `starling top` shows.
///
/// Nearly everything is here anyway: the counter table has the merged counts of all nodes. What is added is
/// small and stays off a request's way: names are noted when a counter is new (`name_book.hpp`), denials are
/// counted in a fixed sketch (`denied_sketch.hpp`), and the rest happens when somebody looks: a table of at
/// most one slice is read at once, a larger one slice by slice between requests (`top_scan.hpp`), and names
/// that only others know are asked for (`name_exchange.hpp`). A look never waits: it gets what is known now,
/// with a word on what a second look a moment later may add.
#pragma once

#include <starling/request.hpp>

#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include "base/effects.hpp"
#include "counter/counter_table.hpp"
#include "engine/name_exchange.hpp"
#include "engine/top_scan.hpp"
#include "engine/top_view.hpp"
#include "gossip/gossip.hpp"
#include "limiter/denied_sketch.hpp"
#include "limiter/limiter.hpp"
#include "limiter/name_book.hpp"
#include "membership/membership.hpp"

namespace starling {

class TopBoard {
 public:
  static constexpr std::size_t scans_max = 4;  ///< questions of different kinds answered from scans at a time
  static constexpr Duration slice_interval = std::chrono::milliseconds(1);
  static constexpr Duration result_age_max = std::chrono::seconds(1);
  static constexpr Duration scan_kept_for = std::chrono::seconds(10);  ///< after the last question
  static constexpr std::size_t shares_max = 32;                        ///< per row, the largest

  struct Options {
    OriginId self;
    std::size_t names_max = names_max_default;
  };

  /// All must outlive this.
  TopBoard(Options options, const CounterTable& counters, const Limiter& limiter,
           const Membership& membership, Gossip& gossip);

  /// After the limiter has decided. Shape: a few loads for a known counter.
  void on_decision(const Request& request, const Decision& decision);

  TopView top(const TopQuery& query, Instant now, WallTime wall, Effects& effects);

  void on_tick(Instant now, WallTime wall);
  Instant next_deadline() const { return next_slice_; }

  NameExchange& exchange() { return exchange_; }
  const NameExchange& exchange() const { return exchange_; }
  const NameBook& names() const { return names_; }
  const DeniedSketch& denied() const { return denied_; }

 private:
  struct Scan {
    TopScan scan;
    Instant asked_at;
  };
  struct Ranked {
    double score = 0;
    CounterId counter;
  };

  void note(const Request& request, const LimitStatus& status, CounterKey key);
  void note_new_counters(const Request& request, const Decision& decision);
  TopScan& scan_for(const TopQuery& query, Instant now);
  std::vector<CounterId> candidates(const TopQuery& query, Instant now, WallTime wall, TopView& view);
  Hits used_of(const CounterId& id, const CounterName* name, WallTime wall) const;
  double score_of(TopQuery::By by, const CounterId& id, const CounterName* name, WallTime wall) const;
  TopRow row_of(const CounterId& id, bool with_shares, WallTime wall);
  void ask_for(const CounterId& id, Instant now, TopView& view);
  void list_sliding_rules();

  const CounterTable& counters_;
  const Limiter& limiter_;
  Gossip& gossip_;
  NameBook names_;
  DeniedSketch denied_;
  NameExchange exchange_;
  std::deque<Scan> scans_;
  std::size_t turn_ = 0;  // of the scans, whose slice is next
  Instant next_slice_ = never;
  Instant next_forget_{};
  std::string text_;                       // scratch
  std::vector<std::string_view> sliding_;  // names of rules, during a look
};

}  // namespace starling
