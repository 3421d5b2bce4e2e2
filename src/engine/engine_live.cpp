// What is set while running: from clients and peers to the table, and from there to the limiter and to
// people.
#include <algorithm>

#include "engine/engine.hpp"

namespace starling {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

/// While a joiner is told of thousands, the limiter gets them this often at most.
constexpr Duration apply_interval = milliseconds(20);
/// Ten thousand take 5 ms, which a request waits for. So a change to many is applied at once if it comes
/// alone, and changes that come thick and fast together, so that they take a twentieth of the time.
constexpr Duration apply_interval_per_entry = std::chrono::microseconds(10);
constexpr std::size_t few_entries = 256;  // these at once in any case, for somebody here waits for it
constexpr Duration refused_notice_interval = seconds(10);

LiveView view_of(const LiveEntry& entry) {
  return LiveView{.what = entry.what,
                  .set_by = entry.set_by,
                  .set_on = entry.set_on,
                  .set_at = WallTime(WallClock::duration(static_cast<std::int64_t>(entry.stamp.wall_ms))),
                  .expires_at = entry.expires_at};
}

std::uint64_t refused(const LiveCounts& counts) {
  return counts.refused_full + counts.refused_clock + counts.refused_flawed + counts.refused_unknown;
}

}  // namespace

Result<LiveView> Engine::set_live(const LiveOverride& what, std::optional<WallTime> expires_at,
                                  std::string_view set_by, Instant now, WallTime wall, Effects& effects) {
  wall_ = wall;
  LiveEntry entry{.what = what,
                  .stamp = {},
                  .deleted = false,
                  .expires_at = expires_at,
                  .set_by = std::string(set_by),
                  .set_on = options_.node_name};
  const auto set = live_.set(std::move(entry), wall);
  if (!set) return tl::unexpected(set.error());
  live_applied_.stale = live_applied_.at_once = true;
  LiveView view = view_of(**set);
  tell_changed(**set, options_.origin, effects);
  live_exchange_.push(live_.place(what), now, effects);
  return view;
}

bool Engine::clear_live(const LiveOverride& subject, std::string_view by, Instant now, WallTime wall,
                        Effects& effects) {
  wall_ = wall;
  const LiveEntry* cleared = live_.clear(subject, by, options_.node_name, wall);
  if (cleared == nullptr) return false;
  live_applied_.stale = live_applied_.at_once = true;
  tell_changed(*cleared, options_.origin, effects);
  live_exchange_.push(live_.place(subject), now, effects);
  return true;
}

std::vector<LiveView> Engine::live_overrides(WallTime wall) const {
  std::vector<LiveView> views;
  for (const LiveEntry* entry : live_.holding(wall).entries) views.push_back(view_of(*entry));
  return views;
}

Result<void> Engine::on_overrides(const Endpoint& from, Instant now, WallTime wall, Effects& effects) {
  const auto overrides = decoder_.overrides();
  if (!overrides) return tl::unexpected(overrides.error());
  const OriginId sender = (*overrides)->sender;
  const auto taken = live_exchange_.on_overrides(**overrides, from.address, now, wall, effects);
  if (!taken) return tl::unexpected(taken.error());
  if (!taken->changed.empty()) live_applied_.stale = true;
  if (taken->was_asked_for) {
    live_news_.taken_in += taken->changed.size();
    live_news_.taken_from = sender;
  } else {
    for (const LiveTable::Place place : taken->changed)
      if (const LiveEntry* entry = live_.find(place)) tell_changed(*entry, sender, effects);
  }
  update_state(now, wall, effects);
  return {};
}

bool Engine::live_is_stale(Instant now, WallTime wall) const {
  const LiveApplied& applied = live_applied_;
  if (applied.stale) {
    const std::size_t entries = live_.size();
    const Duration many = apply_interval_per_entry * static_cast<std::int64_t>(entries);
    Duration interval = many;
    if (!applied.at_once)
      interval = std::max(apply_interval, many);
    else if (entries <= few_entries)
      interval = Duration::zero();
    if (now - applied.at >= interval) return true;
  }
  return (applied.next_expiry && wall >= *applied.next_expiry) ||
         (applied.last_expired && wall < *applied.last_expired);  // the clock went back
}

void Engine::apply_live(Instant now, WallTime wall) {
  const LiveTable::Holding holding = live_.holding(wall);
  std::vector<LiveOverride> overrides;
  overrides.reserve(holding.entries.size());
  for (const LiveEntry* entry : holding.entries) overrides.push_back(entry->what);
  limiter_.set_live_overrides(std::move(overrides));
  if (holding.next_expiry && (!live_expiry_untold_ || *holding.next_expiry < *live_expiry_untold_))
    live_expiry_untold_ = holding.next_expiry;
  live_applied_ = LiveApplied{.stale = false,
                              .at_once = false,
                              .at = now,
                              .next_expiry = holding.next_expiry,
                              .last_expired = holding.last_expired};
}

void Engine::tend_live(Instant now, WallTime wall, WallTime ended_by, Effects& effects) {
  const std::uint64_t digest = live_.digest();
  live_.tend(now, wall, ended_by);
  live_exchange_.sweep();
  if (live_.digest() != digest) live_applied_.stale = true;
  if (live_is_stale(now, wall)) apply_live(now, wall);
  if (live_expiry_untold_ && wall >= *live_expiry_untold_) tell_expired(wall, effects);
  if (live_news_.taken_in != 0) {
    effects.notify(Notice{.kind = Notice::Kind::overrides_taken_in,
                          .peer = live_news_.taken_from,
                          .detail = static_cast<std::int64_t>(live_news_.taken_in)});
    live_news_.taken_in = 0;
  }
  const std::uint64_t refused_now = refused(live_.refusals());
  if (refused_now != live_news_.refused_told && now - live_news_.refused_told_at >= refused_notice_interval) {
    effects.notify(Notice{.kind = Notice::Kind::overrides_refused,
                          .detail = static_cast<std::int64_t>(refused_now - live_news_.refused_told)});
    live_news_.refused_told = refused_now;
    live_news_.refused_told_at = now;
  }
}

void Engine::tell_expired(WallTime wall, Effects& effects) {
  const WallTime since = *live_expiry_untold_;
  live_expiry_untold_.reset();
  live_.visit_after(0, [&](LiveTable::Place, const LiveEntry& entry) {
    if (entry.deleted || !entry.expires_at || *entry.expires_at < since) return true;
    if (*entry.expires_at > wall) {
      if (!live_expiry_untold_ || *entry.expires_at < *live_expiry_untold_)
        live_expiry_untold_ = entry.expires_at;
      return true;
    }
    const LiveView view = view_of(entry);
    effects.notify(Notice{.kind = Notice::Kind::override_expired, .peer = options_.origin, .live = &view});
    return true;
  });
}

void Engine::tell_changed(const LiveEntry& entry, OriginId told_by, Effects& effects) {
  const LiveView view = view_of(entry);
  effects.notify(Notice{.kind = entry.deleted ? Notice::Kind::override_cleared : Notice::Kind::override_set,
                        .peer = told_by,
                        .live = &view});
}

}  // namespace starling
