#include "sim/ledger.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace starling::sim {
namespace {

using Share = CounterView::Share;

template <class Shares>
auto find_share(Shares& shares, OriginId origin) {
  return std::find_if(shares.begin(), shares.end(),
                      [&](const Share& share) { return share.origin == origin; });
}

std::string told(const Ledger::Counter& counter, OriginId observer) {
  return fmt::format("node {:016x}, rule {}, {} s window {}, principal {}", observer.value, counter.key.rule,
                     counter.key.window_s, counter.key.window_id, counter.key.principal);
}

}  // namespace

Hits Ledger::Entry::admitted_by(OriginId origin) const {
  const auto found = find_share(by_origin, origin);
  return found == by_origin.end() ? 0 : found->hits;
}

Ledger::Observer& Ledger::Counter::observer(OriginId node) {
  const auto found = std::find_if(observers.begin(), observers.end(),
                                  [&](const Observer& observer) { return observer.node == node; });
  if (found != observers.end()) return *found;
  observers.push_back(Observer{.node = node});
  return observers.back();
}

const Ledger::Observer* Ledger::Counter::find_observer(OriginId node) const {
  const auto found = std::find_if(observers.begin(), observers.end(),
                                  [&](const Observer& observer) { return observer.node == node; });
  return found == observers.end() ? nullptr : &*found;
}

Ledger::Counter& Ledger::counter(const CounterId& id, std::string_view rule, std::string_view principal,
                                 Hits limit) {
  const auto [found, fresh] = index_.try_emplace(id, counters_.size());
  if (fresh) {
    Counter& counter = counters_.emplace_back();
    counter.id = id;
    counter.key = Key{std::string(rule), id.window.length_s, id.window.id.value, std::string(principal)};
  }
  Counter& counter = counters_[found->second];
  counter.entry.limit = limit;
  return counter;
}

Ledger::Counter* Ledger::find(const CounterId& id) {
  const auto found = index_.find(id);
  return found == index_.end() ? nullptr : &counters_[found->second];
}

void Ledger::on_admitted(Counter& counter, OriginId origin, Hits hits) {
  Entry& entry = counter.entry;
  ++entry.offered;
  entry.admitted += hits;
  const auto found = find_share(entry.by_origin, origin);
  if (found == entry.by_origin.end()) {
    entry.by_origin.push_back({origin, hits});
  } else {
    found->hits += hits;
  }
}

void Ledger::on_denied(Counter& counter, Hits hits) {
  Entry& entry = counter.entry;
  ++entry.offered;
  if (entry.admitted + hits <= entry.limit) ++entry.false_rejections;
}

std::string Ledger::check(Counter& counter, const View& view) const {
  const Entry& entry = counter.entry;
  Observer& observer = counter.observer(view.observer);
  observer.forgot = observer.forgot || view.may_have_forgotten;
  if (observer.forgot) observer.seen.clear();

  Hits viewed = 0;
  Hits own = 0;
  std::size_t known = 0;
  for (const Share& share : view.shares) {
    viewed = saturating_add(viewed, share.hits);
    if (share.origin == view.observer) own = share.hits;
    const Hits admitted = entry.admitted_by(share.origin);
    if (demands_truth && share.hits > admitted)
      return fmt::format("truth: {}: sees {} hits of origin {:016x}, which admitted {}",
                         told(counter, view.observer), share.hits, share.origin.value, admitted);
    if (observer.forgot) continue;
    const auto before = find_share(observer.seen, share.origin);
    if (before == observer.seen.end()) {
      observer.seen.push_back(share);
      ++known;
      continue;
    }
    ++known;
    if (share.hits < before->hits)
      return fmt::format("growth: {}: sees {} hits of origin {:016x}, it saw {} before",
                         told(counter, view.observer), share.hits, share.origin.value, before->hits);
    before->hits = share.hits;
  }
  if (!observer.forgot && known != observer.seen.size())
    return fmt::format("growth: {}: sees {} origins, it saw {} before", told(counter, view.observer), known,
                       observer.seen.size());
  if (!observer.forgot && own != entry.admitted_by(view.observer))
    return fmt::format("own: {}: knows {} hits of its own, it admitted {}", told(counter, view.observer), own,
                       entry.admitted_by(view.observer));
  if (viewed != view.total)
    return fmt::format("sum: {}: sums {} to {}", told(counter, view.observer), viewed, view.total);
  const Hits unseen = saturating_sub(entry.admitted, viewed);
  if (view.admitted_now && entry.admitted > saturating_add(entry.limit, unseen))
    return fmt::format(
        "over-admission: {}: {} admitted, limit {}, and the node, which made the last admission, had not "
        "seen "
        "only {}",
        told(counter, view.observer), entry.admitted, entry.limit, unseen);
  return {};
}

std::vector<std::pair<const Ledger::Key&, const Ledger::Entry&>> Ledger::entries() const {
  std::vector<std::pair<const Key&, const Entry&>> all;
  all.reserve(counters_.size());
  for (const Counter& counter : counters_) all.emplace_back(counter.key, counter.entry);
  return all;
}

}  // namespace starling::sim
