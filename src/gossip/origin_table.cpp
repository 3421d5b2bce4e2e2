#include "gossip/origin_table.hpp"

#include "base/check.hpp"

namespace starling {

void Claims::add(Version from, Version to) {
  auto at = std::lower_bound(ranges_.begin(), ranges_.end(), from,
                             [](const Range& range, Version version) { return range.to < version; });
  // From here on ranges may touch the new one: it swallows them.
  auto last = at;
  while (last != ranges_.end() && last->from <= to) {
    from = std::min(from, last->from);
    to = std::max(to, last->to);
    ++last;
  }
  at = ranges_.erase(at, last);
  ranges_.insert(at, Range{from, to});
  if (ranges_.size() > ranges_max) ranges_.pop_back();
}

Version Claims::advance(Version watermark) {
  auto last = ranges_.begin();
  for (; last != ranges_.end() && last->from <= watermark; ++last) watermark = std::max(watermark, last->to);
  ranges_.erase(ranges_.begin(), last);
  return watermark;
}

bool Differences::worth_asking(std::uint64_t theirs, std::uint64_t ours) const {
  return std::none_of(asked_.begin(), asked_.end(), [&](const Asked& asked) {
    return asked.theirs == theirs && asked.ours == ours && asked.answers >= answers_max;
  });
}

void Differences::on_answer(std::uint64_t theirs, std::uint64_t ours) {
  const auto found = std::find_if(asked_.begin(), asked_.end(), [&](const Asked& asked) {
    return asked.theirs == theirs && asked.ours == ours;
  });
  if (found != asked_.end()) {
    ++found->answers;
  } else if (asked_.size() < remembered_max) {
    asked_.push_back(Asked{theirs, ours, 1});
  } else {
    asked_[oldest_] = Asked{theirs, ours, 1};
    oldest_ = (oldest_ + 1) % remembered_max;
  }
}

OriginTable::OriginTable(OriginId self) {
  rows_.push_back(Origin{.id = self});
  index_.emplace(self, own_origin.value);
}

void Refusals::add(const wire::DeltaEntry& refused) {
  newer_.lowest = std::min(newer_.lowest, refused.version);
  const auto end_s = [](const wire::DeltaEntry& entry) {
    const std::uint64_t lengths =
        saturating_add(entry.window_id.value, 2);  // kept for one more after its end
    return entry.window_s != 0 && lengths > hits_max / entry.window_s ? hits_max : lengths * entry.window_s;
  };
  if (newer_.ends_last.window_s == 0 || end_s(refused) > end_s(newer_.ends_last)) newer_.ends_last = refused;
}

Result<OriginIndex> OriginTable::intern(OriginId id) {
  STARLING_CHECK(id != OriginId{});
  const auto found = index_.find(id);
  if (found != index_.end()) return OriginIndex{found->second};
  if (index_.size() >= origins_max) return fail(ErrorCode::table_full);
  std::uint32_t row = static_cast<std::uint32_t>(rows_.size());
  if (free_.empty()) {
    rows_.emplace_back();
  } else {
    row = free_.back();
    free_.pop_back();
  }
  rows_[row] = Origin{.id = id};
  rows_[row].log.list = row;
  index_.emplace(id, row);
  return OriginIndex{row};
}

Origin* OriginTable::find(OriginId id) {
  const auto found = index_.find(id);
  return found == index_.end() ? nullptr : &rows_[found->second];
}

const Origin* OriginTable::find(OriginId id) const {
  const auto found = index_.find(id);
  return found == index_.end() ? nullptr : &rows_[found->second];
}

void OriginTable::note_held(OriginIndex index) {
  Origin& row = rows_[index.value];
  const bool is_held = index != own_origin && row.log.size != 0;
  if (is_held == row.is_held) return;
  row.is_held = is_held;
  is_held ? ++held_count_ : --held_count_;
}

void OriginTable::erase(OriginIndex index) {
  Origin& row = rows_[index.value];
  STARLING_CHECK(index != own_origin && row.log.size == 0 && !row.is_held);
  index_.erase(row.id);
  row = Origin{};
  free_.push_back(index.value);
}

}  // namespace starling
