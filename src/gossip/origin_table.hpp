/// The origins whose counts are here: this node (row 0), its peers, and nodes that are gone.
///
/// An origin stays while any of its counts lives or its peer is known, because its watermark
/// says what need not be sent again. The table is bounded; an unknown origin beyond the bound is refused.
#pragma once

#include <absl/container/flat_hash_map.h>

#include <algorithm>
#include <cstdint>
#include <vector>

#include "base/ids.hpp"
#include "base/result.hpp"
#include "base/time.hpp"
#include "gossip/publish_log.hpp"
#include "wire/messages.hpp"

namespace starling {

inline constexpr std::size_t origins_max = 4096;

/// Ranges of versions that were taken whole beyond a hole. Packets that overtake each other would otherwise
/// have to be sent again, although all that is in them is here: of a burst in random order only the first few
/// would count.
class Claims {
 public:
  static constexpr std::size_t ranges_max = 32;

  /// (from, to] was taken. If there is no room the highest range is dropped: it will be told again.
  void add(Version from, Version to);
  /// The watermark that `watermark` becomes with what was claimed beyond it.
  Version advance(Version watermark);
  void clear() { ranges_.clear(); }
  /// 0 if nothing is claimed.
  Version highest() const { return ranges_.empty() ? Version{} : ranges_.back().to; }
  std::size_t size() const { return ranges_.size(); }

 private:
  struct Range {
    Version from;
    Version to;
  };
  std::vector<Range> ranges_;  // by `from`, ascending; they do not touch
};

/// Differences that were asked about, so that asking ends. What is known is a hash of each side.
class Differences {
 public:
  static constexpr std::size_t remembered_max = 16;
  static constexpr std::uint32_t answers_max = 6;  ///< some of an answer may be lost

  /// True if asking may still help.
  bool worth_asking(std::uint64_t theirs, std::uint64_t ours) const;
  /// The question was answered, by something at least.
  void on_answer(std::uint64_t theirs, std::uint64_t ours);
  bool empty() const { return asked_.empty(); }

 private:
  struct Asked {
    std::uint64_t theirs = 0;
    std::uint64_t ours = 0;
    std::uint32_t answers = 0;
  };
  std::vector<Asked> asked_;
  std::size_t oldest_ = 0;
};

/// Versions of which something was refused here, until what was refused is over everywhere: a table that was
/// full once must not keep this node from vouching for what it takes in later. There are two generations, so
/// that refusals without end (a table that stays full) do not keep the first of them alive.
class Refusals {
 public:
  void add(const wire::DeltaEntry& refused);
  /// `is_over(entry)`: by our clock nobody needs it any more.
  template <class IsOver>
  void forget(const IsOver& is_over) {
    if (any(older_) && !is_over(older_.ends_last)) return;
    older_ = newer_;
    newer_ = {};
  }
  /// The lowest version of which something was refused; the highest there can be if nothing was.
  Version lowest() const { return std::min(older_.lowest, newer_.lowest); }
  bool empty() const { return !any(older_) && !any(newer_); }

 private:
  struct Generation {
    Version lowest{hits_max};
    wire::DeltaEntry ends_last;  ///< of those refused, the one whose window ends last
  };
  static bool any(const Generation& generation) { return generation.lowest != Version{hits_max}; }

  Generation older_;
  Generation newer_;
};

struct Origin {
  OriginId id;              ///< 0: the row is free
  Version watermark;        ///< everything up to here is held, as far as its windows live
  Claims beyond;            ///< what is held past a hole
  Differences differences;  ///< past a hole, between us and others
  Refusals refused;         ///< of what this origin counted
  PublishLog::Ends log;
  bool is_held = false;          ///< counts of it live here; never of our own
  Version join_target;           ///< what a joining node waits for; 0: nothing
  Instant behind_since = never;  ///< since when somebody is known to hold more; never: nobody is

  // Repair: what was asked, of whom, and until when to wait for it.
  OriginId pulled_from;
  std::uint32_t pull_packets_left = 0;
  Version pull_after;    ///< what was asked for lies after this
  Version pull_reached;  ///< highest version that an answer has covered
  Instant pull_until{};
  std::uint64_t pull_theirs = 0;  ///< the difference that was asked about; 0: none, or answered
  std::uint64_t pull_ours = 0;

  /// Of the origin's own heartbeats: how often in a row they knew of less than the watermark, while it stood
  /// still.
  std::uint32_t overclaims = 0;
  Version overclaimed;

  /// Up to where others may rely on us: what was refused here may still find room there.
  Version whole() const { return std::min(watermark, Version{refused.lowest().value - 1}); }
};

class OriginTable {
 public:
  explicit OriginTable(OriginId self);

  OriginIndex self() const { return own_origin; }
  Result<OriginIndex> intern(OriginId id);
  /// Null if unknown.
  Origin* find(OriginId id);
  const Origin* find(OriginId id) const;
  Origin& operator[](OriginIndex index) { return rows_[index.value]; }
  const Origin& operator[](OriginIndex index) const { return rows_[index.value]; }

  /// Rows, free ones included, in a stable order.
  std::size_t rows_count() const { return rows_.size(); }
  std::size_t origins_count() const { return index_.size(); }
  /// Of others' origins those of which counts live here: to be told whenever a log has become longer or
  /// shorter.
  void note_held(OriginIndex index);
  std::size_t held_count() const { return held_count_; }

  /// Frees the row of an origin of which nothing is left. Row 0 is never freed.
  void erase(OriginIndex index);

 private:
  absl::flat_hash_map<OriginId, std::uint32_t> index_;
  std::vector<Origin> rows_;
  std::vector<std::uint32_t> free_;
  std::size_t held_count_ = 0;
};

}  // namespace starling
