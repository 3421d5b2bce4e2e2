#include "live/live_table.hpp"

#include <algorithm>

namespace starling {
namespace {

constexpr std::uint64_t no_end = ~std::uint64_t{0};

}  // namespace

void LiveTable::put(Place place, LiveEntry entry) {
  Row& row = rows_[place];
  std::uint64_t& joined = buckets_[bucket(place)];
  joined ^= row.digest;
  row.digest = digest_of(entry, hash_);
  joined ^= row.digest;
  row.entry = std::move(entry);
  sorted_.insert(&row.entry);  // if it is new; else the subject, all that the order goes by, is the same
  first_gone_ms_ = std::min(first_gone_ms_, row.entry.gone_ms().value_or(no_end));
  newest_wall_ms_ = std::max(newest_wall_ms_, row.entry.stamp.wall_ms);
}

void LiveTable::erase(Rows::iterator row) {
  buckets_[bucket(row->first)] ^= row->second.digest;
  sorted_.erase(&row->second.entry);
  rows_.erase(row);
}

bool LiveTable::make_room(const LiveEntry& entry, bool is_own, WallTime wall) {
  if (rows_.size() < options_.entries_max) return true;
  auto oldest_tombstone = rows_.end();
  auto newest = rows_.end();
  for (auto row = rows_.begin(); row != rows_.end(); ++row) {
    const Stamp& stamp = row->second.entry.stamp;
    auto& extreme = row->second.entry.holds_at(wall) ? newest : oldest_tombstone;
    const bool is_tombstone = &extreme == &oldest_tombstone;
    if (extreme == rows_.end() ||
        (is_tombstone ? stamp < extreme->second.entry.stamp : stamp > extreme->second.entry.stamp))
      extreme = row;
  }
  const bool holds = entry.holds_at(wall);
  auto leaves = rows_.end();
  if (oldest_tombstone != rows_.end()) {
    if (holds || oldest_tombstone->second.entry.stamp < entry.stamp) leaves = oldest_tombstone;
  } else if (holds && !is_own && newest != rows_.end() && entry.stamp < newest->second.entry.stamp) {
    leaves = newest;
  }
  if (holds && (leaves == rows_.end() || leaves == newest)) ++counts_.refused_full;
  if (leaves == rows_.end()) return false;
  erase(leaves);
  return true;
}

Result<const LiveEntry*> LiveTable::set(LiveEntry entry, WallTime wall) {
  if (const LiveFlaw flaw = flaw_of(entry); flaw != LiveFlaw::none)
    return fail(ErrorCode::bad_field, static_cast<std::uint32_t>(flaw));
  const Place place = place_of(entry.what, hash_);
  const auto row = rows_.find(place);
  // Two subjects at one place: one of 2^64, unless somebody is looking for it.
  const bool taken = row != rows_.end() && !same_subject(row->second.entry.what, entry.what);
  if (taken || (row == rows_.end() && !make_room(entry, true, wall))) return fail(ErrorCode::table_full);
  entry.stamp = clock_.next(wall);
  put(place, std::move(entry));
  return find(place);
}

const LiveEntry* LiveTable::clear(const LiveOverride& subject, std::string_view by, std::string_view on,
                                  WallTime wall) {
  const Place place = place_of(subject, hash_);
  const auto row = rows_.find(place);
  if (row == rows_.end() || !row->second.entry.holds_at(wall) ||
      !same_subject(row->second.entry.what, subject))
    return nullptr;
  LiveEntry tombstone;
  tombstone.what.kind = subject.kind;
  tombstone.what.rule = subject.rule;
  tombstone.what.principal = subject.principal;
  tombstone.what.match = subject.match;
  tombstone.deleted = true;
  tombstone.set_by = by.substr(0, wire::name_bytes_max);
  tombstone.set_on = on.substr(0, wire::name_bytes_max);
  if (flaw_of(tombstone) != LiveFlaw::none) tombstone.set_by.clear();
  tombstone.stamp = clock_.next(wall);
  put(place, std::move(tombstone));
  return find(place);
}

Result<bool> LiveTable::join(LiveEntry entry, WallTime wall) {
  if (const LiveFlaw flaw = flaw_of(entry); flaw != LiveFlaw::none) {
    ++counts_.refused_flawed;
    return fail(ErrorCode::bad_field, static_cast<std::uint32_t>(flaw));
  }
  if (HybridClock::is_too_far_ahead(entry.stamp, wall)) {
    ++counts_.refused_clock;
    return fail(ErrorCode::bad_field);
  }
  const auto gone_ms = entry.gone_ms();
  if (gone_ms && *gone_ms <= ms_since_epoch(wall)) return false;
  const Place place = place_of(entry.what, hash_);
  const auto row = rows_.find(place);
  if (row != rows_.end()) {
    const LiveEntry& held = row->second.entry;
    if (!same_subject(held.what, entry.what)) {
      ++counts_.refused_full;
      return fail(ErrorCode::table_full);
    }
    const bool later = entry.stamp > held.stamp ||
                       (entry.stamp == held.stamp && digest_of(entry, hash_) > row->second.digest);
    if (!later && !HybridClock::is_too_far_ahead(held.stamp, wall)) return false;
  } else if (!make_room(entry, false, wall)) {
    return fail(ErrorCode::table_full);
  }
  clock_.hear(entry.stamp, wall);
  put(place, std::move(entry));
  return true;
}

void LiveTable::stamp_anew(WallTime wall) {
  for (auto& [place, row] : rows_) {
    if (!HybridClock::is_too_far_ahead(row.entry.stamp, wall)) continue;
    LiveEntry entry = row.entry;
    entry.stamp = clock_.next(wall);
    put(place, std::move(entry));
  }
}

void LiveTable::tend(Instant now, WallTime wall, WallTime ended_by) {
  const bool is_ahead = newest_wall_ms_ > ms_since_epoch(wall) + HybridClock::ahead_ms_max;
  const bool is_over = !rows_.empty() && first_gone_ms_ <= ms_since_epoch(ended_by);
  if (!is_ahead) ahead_since_ = never;
  if (is_ahead && ahead_since_ == never) ahead_since_ = now;
  const bool stays_ahead = is_ahead && now - ahead_since_ >= restamp_after;
  if (!is_over && !stays_ahead) return;
  if (stays_ahead) stamp_anew(wall);
  first_gone_ms_ = no_end;
  newest_wall_ms_ = 0;
  for (auto row = rows_.begin(); row != rows_.end();) {
    const auto current = row++;
    const std::uint64_t gone_ms = current->second.entry.gone_ms().value_or(no_end);
    if (gone_ms <= ms_since_epoch(ended_by)) {
      erase(current);
      continue;
    }
    first_gone_ms_ = std::min(first_gone_ms_, gone_ms);
    newest_wall_ms_ = std::max(newest_wall_ms_, current->second.entry.stamp.wall_ms);
  }
}

const LiveEntry* LiveTable::find(Place place) const {
  const auto row = rows_.find(place);
  return row == rows_.end() ? nullptr : &row->second.entry;
}

std::uint64_t LiveTable::digest() const {
  if (rows_.empty()) return empty_digest;
  std::uint64_t all = 0;
  for (const std::uint64_t joined : buckets_) all ^= joined;
  return std::max(all, empty_digest + 1);
}

LiveTable::Holding LiveTable::holding(WallTime wall) const {
  Holding out;
  for (const LiveEntry* entry : sorted_) {
    if (!entry->holds_at(wall)) {
      if (!entry->deleted) out.last_expired = std::max(out.last_expired, entry->expires_at);
      continue;
    }
    out.entries.push_back(entry);
    if (entry->expires_at && (!out.next_expiry || *entry->expires_at < *out.next_expiry))
      out.next_expiry = entry->expires_at;
  }
  return out;
}

LiveCounts LiveTable::counts(WallTime wall) const {
  LiveCounts counts = counts_;
  counts.digest = digest();
  counts.overrides_max = options_.entries_max;
  for (const auto& [place, row] : rows_) {
    const bool holds = row.entry.holds_at(wall);
    ++(holds ? counts.overrides : counts.tombstones);
    if (holds) ++counts.by_kind[static_cast<std::size_t>(row.entry.what.kind)];
  }
  return counts;
}

}  // namespace starling
