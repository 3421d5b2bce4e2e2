/// What the tests of live overrides share.
#pragma once

#include <string>

#include "base/random.hpp"
#include "live/live_table.hpp"

namespace starling {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::seconds;

inline constexpr WallTime noon{milliseconds(1'800'000'000'000)};
inline const KeyedHash hash{"starling"};

inline LiveOverride limit_of(std::string rule, Hits requests) {
  LiveOverride what;
  what.rule = std::move(rule);
  what.limits = {Limit{.requests = requests, .window_s = 10}};
  return what;
}

inline LiveOverride learning_of(std::string rule, bool learning) {
  LiveOverride what;
  what.kind = LiveOverride::Kind::learning;
  what.rule = std::move(rule);
  what.learning = learning;
  return what;
}

inline LiveOverride ignoring(std::string principal) {
  LiveOverride what;
  what.kind = LiveOverride::Kind::ignoring;
  what.principal = std::move(principal);
  return what;
}

inline LiveEntry entry_of(LiveOverride what) {
  LiveEntry entry;
  entry.what = std::move(what);
  entry.set_by = "alice";
  entry.set_on = "node-1";
  return entry;
}

inline LiveEntry stamped(LiveOverride what, WallTime wall, std::uint64_t origin = 9) {
  LiveEntry entry = entry_of(std::move(what));
  entry.stamp = Stamp{.wall_ms = ms_since_epoch(wall), .logical = 0, .origin = OriginId{origin}};
  return entry;
}

inline LiveTable table_of(std::uint64_t self, std::size_t entries_max = 100) {
  return LiveTable(LiveTable::Options{.self = OriginId{self}, .entries_max = entries_max}, hash);
}

inline std::vector<LiveEntry> all_of(const LiveTable& table) {
  std::vector<LiveEntry> all;
  table.visit_after(0, [&](LiveTable::Place, const LiveEntry& entry) {
    all.push_back(entry);
    return true;
  });
  return all;
}

}  // namespace starling
