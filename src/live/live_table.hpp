/// What was changed while running: a map from subject to the last word about it.
///
/// The table is a CRDT. Of two entries about one subject the later stamp wins, and of equal stamps (only a
/// forger makes them differ) the greater digest; so it does not matter in what order, how often or by which
/// way entries come, and tables that have heard the same are equal.
///
/// It is bounded. When it is full the oldest tombstones leave first, and then a client is told that there is
/// no room. What was accepted on two sides of a partition may still be too much for one table: then the
/// entries made first stay, everywhere the same ones, for these are what people rely on.
///
/// Equality is cheap to see: every entry has a place, a hash of its subject; the digests of all entries in
/// each sixty-fourth of the places are joined by exclusive or, and those again to one number.
///
/// The hard case is a clock that was far ahead and is right again. What was set under it nobody else takes
/// in, and nobody can override. So such an entry loses against any sound one, and if for five seconds none
/// has come, it is stamped anew: what a person set stays set, and everybody learns of it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <string_view>
#include <vector>

#include "base/keyed_hash.hpp"
#include "base/result.hpp"
#include "live/live_entry.hpp"

namespace starling {

inline constexpr std::size_t live_overrides_max = 10'000;

struct LiveCounts {
  std::size_t overrides = 0;                                           ///< that hold
  std::array<std::size_t, live_override_kind_names.size()> by_kind{};  ///< the same, by LiveOverride::Kind
  std::uint64_t digest = 0;    ///< another number whenever anything was set or taken back
  std::size_t tombstones = 0;  ///< taken back or expired, less than a day ago
  std::size_t overrides_max = 0;
  std::uint64_t refused_full = 0;     ///< set, or heard of, without room
  std::uint64_t refused_clock = 0;    ///< heard of with a stamp more than 24 hours ahead
  std::uint64_t refused_flawed = 0;   ///< heard of, and no override as it must be
  std::uint64_t refused_unknown = 0;  ///< heard of, of a kind that only later versions know
};

class LiveTable {
 public:
  using Place = std::uint64_t;
  using Buckets = std::array<std::uint64_t, wire::override_buckets_count>;
  static constexpr std::uint64_t empty_digest = 1;
  static constexpr Duration restamp_after = std::chrono::seconds(5);

  struct Options {
    OriginId self;
    std::size_t entries_max = live_overrides_max;
  };
  LiveTable(Options options, KeyedHash hash) : options_(options), hash_(hash), clock_(options.self) {}
  LiveTable(const LiveTable&) = delete;  // the reading order has pointers to rows
  LiveTable& operator=(const LiveTable&) = delete;

  /// Sets `entry.what`, stamped now. The entry, valid until the next change.
  /// Errors (state unchanged): table_full; bad_field, detail: the LiveFlaw.
  Result<const LiveEntry*> set(LiveEntry entry, WallTime wall);
  /// Takes back what holds about this subject. Null: nothing does.
  const LiveEntry* clear(const LiveOverride& subject, std::string_view by, std::string_view on,
                         WallTime wall);

  /// Takes in an entry of somebody else's. True if it is news.
  /// Errors (state unchanged, counted): table_full; bad_field, also for a stamp too far ahead.
  Result<bool> join(LiveEntry entry, WallTime wall);
  void count_unknown(std::uint32_t entries) { counts_.refused_unknown += entries; }

  /// Drops what ended a day before `ended_by`, and stamps anew what is still too far ahead.
  void tend(Instant now, WallTime wall, WallTime ended_by);

  const LiveEntry* find(Place place) const;
  Place place(const LiveOverride& subject) const { return place_of(subject, hash_); }
  std::size_t size() const { return rows_.size(); }
  /// 0 never, `empty_digest` if there is nothing.
  std::uint64_t digest() const;
  const Buckets& buckets() const { return buckets_; }
  static std::size_t bucket(Place place) { return place >> 58; }

  /// Calls `visit(place, entry)` for entries after `after` by place, until it returns false.
  template <class Visit>
  void visit_after(Place after, const Visit& visit) const {
    for (auto row = rows_.upper_bound(after); row != rows_.end(); ++row)
      if (!visit(row->first, row->second.entry)) return;
  }

  /// All that hold at `wall`, in reading order, and when the first of them expires.
  struct Holding {
    std::vector<const LiveEntry*> entries;
    std::optional<WallTime> next_expiry;
    std::optional<WallTime> last_expired;  ///< before this time more would hold
  };
  Holding holding(WallTime wall) const;

  LiveCounts counts(WallTime wall) const;
  /// Only what was refused.
  const LiveCounts& refusals() const { return counts_; }

 private:
  struct Row {
    LiveEntry entry;
    std::uint64_t digest = 0;
  };
  using Rows = std::map<Place, Row>;
  struct InReadingOrder {
    bool operator()(const LiveEntry* a, const LiveEntry* b) const {
      return in_reading_order(a->what, b->what);
    }
  };

  void put(Place place, LiveEntry entry);
  void erase(Rows::iterator row);
  bool make_room(const LiveEntry& entry, bool is_own, WallTime wall);
  void stamp_anew(WallTime wall);

  Options options_;
  KeyedHash hash_;
  HybridClock clock_;
  Rows rows_;
  /// Kept up to date: to sort ten thousand when they are asked for takes 18 ms, and requests wait for it.
  std::set<const LiveEntry*, InReadingOrder> sorted_;
  Buckets buckets_{};
  LiveCounts counts_;
  std::uint64_t first_gone_ms_ = ~std::uint64_t{0};  // no entry goes before
  std::uint64_t newest_wall_ms_ = 0;                 // no stamp is above
  Instant ahead_since_ = never;
};

}  // namespace starling
