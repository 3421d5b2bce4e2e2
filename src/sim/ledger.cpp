#include "sim/ledger.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace starling::sim {

Ledger::Entry& Ledger::entry_of(const Key& key) {
  if (last_ == nullptr || last_->first != key) last_ = &*entries_.try_emplace(key).first;
  return last_->second;
}

void Ledger::on_admitted(const Key& key, Hits limit, OriginId origin, Hits hits) {
  Entry& entry = entry_of(key);
  entry.limit = limit;
  ++entry.offered;
  entry.admitted += hits;
  entry.by_origin[origin] += hits;
}

void Ledger::on_denied(const Key& key, Hits limit, Hits hits) {
  Entry& entry = entry_of(key);
  entry.limit = limit;
  ++entry.offered;
  if (entry.admitted + hits <= limit) ++entry.false_rejections;
}

std::string Ledger::check(const Key& key, OriginId observer, const CounterView& view, bool admitted_now) {
  Entry& entry = entry_of(key);
  std::map<OriginId, Hits>& seen = seen_[{key, observer}];
  Hits viewed = 0;
  for (const CounterView::Share& share : view.shares) {
    viewed += share.hits;
    const auto truth = entry.by_origin.find(share.origin);
    const Hits admitted = truth == entry.by_origin.end() ? 0 : truth->second;
    if (share.hits > admitted)
      return fmt::format("truth: node {:016x} sees {} hits of origin {:016x} in window {}, which admitted {}",
                         observer.value, share.hits, share.origin.value, key.window_id, admitted);
    Hits& before = seen[share.origin];
    if (share.hits < before)
      return fmt::format("growth: node {:016x} sees {} hits of origin {:016x} in window {}, it saw {} before",
                         observer.value, share.hits, share.origin.value, key.window_id, before);
    before = share.hits;
  }
  for (const auto& [origin, before] : seen) {
    const bool there = std::any_of(view.shares.begin(), view.shares.end(),
                                   [&](const CounterView::Share& share) { return share.origin == origin; });
    if (before > 0 && !there)
      return fmt::format(
          "growth: node {:016x} no longer sees origin {:016x} in window {}, it saw {} hits before",
          observer.value, origin.value, key.window_id, before);
  }
  if (viewed != view.total)
    return fmt::format("sum: node {:016x} sums {} to {}", observer.value, viewed, view.total);
  const Hits unseen = entry.admitted - viewed;  // no underflow: every share is at most the truth
  if (admitted_now && entry.admitted > entry.limit + unseen)
    return fmt::format(
        "over-admission: {} admitted in window {}, limit {}, and node {:016x}, which made the "
        "last admission, had not seen only {}",
        entry.admitted, key.window_id, entry.limit, observer.value, unseen);
  return {};
}

const Ledger::Entry* Ledger::find(const Key& key) const {
  const auto found = entries_.find(key);
  return found == entries_.end() ? nullptr : &found->second;
}

void Ledger::drop_before(std::uint64_t now_s) {
  forget_before(now_s);
  last_ = nullptr;
  std::erase_if(entries_, [&](const auto& item) {
    const Key& key = item.first;
    return (key.window_id + 1) * key.window_s <= now_s;
  });
}

void Ledger::forget_before(std::uint64_t now_s) {
  std::erase_if(seen_, [&](const auto& item) {
    const Key& key = item.first.first;
    return (key.window_id + 1) * key.window_s <= now_s;
  });
}

}  // namespace starling::sim
