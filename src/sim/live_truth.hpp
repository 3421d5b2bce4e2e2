/// What was really set, taken back and expired while running: the checker of live overrides.
///
/// When the faults are over and all has been said, three things must hold: all nodes that are up keep the
/// same table; nothing is in it that nobody ever set; and nothing is lost of what any of them knew - of each
/// subject the newest word that a survivor had heard, or a newer one.
///
/// A word may be stamped anew by a node whose clock was more than a day ahead, so words are compared without
/// their stamps; and of those stamped so far ahead only the subject must still be known.
#pragma once

#include <map>
#include <span>
#include <string>
#include <vector>

#include "live/live_table.hpp"

namespace starling::sim {

class LiveTruth {
 public:
  using Known = std::map<LiveTable::Place, LiveEntry>;

  /// Somebody set, or took back, this.
  void on_changed(LiveTable::Place place, const LiveEntry& entry) { said_[place].push_back(entry); }

  /// About how many subjects anything was ever said.
  std::size_t subjects_count() const { return said_.size(); }
  /// The newest words of all `tables` together.
  static Known known(std::span<const LiveTable* const> tables);

  /// Returns what is broken, or an empty text. `now` is the true time, `highest` the latest that any clock
  /// ever showed: by it entries may have been dropped.
  std::string disagreement(std::span<const LiveTable* const> tables, const Known& known, WallTime now,
                           WallTime highest) const;

  /// False: packets are forged that nodes cannot but believe, so anything may be in a table.
  bool demands_truth = true;

 private:
  bool was_said(LiveTable::Place place, const LiveEntry& entry) const;

  std::map<LiveTable::Place, std::vector<LiveEntry>> said_;
};

}  // namespace starling::sim
