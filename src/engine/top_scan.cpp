#include "engine/top_scan.hpp"

#include <algorithm>
#include <utility>

namespace starling {

TopScan::TopScan(TopQuery::By by, std::string rule, bool one_per_rule)
    : by_(by),
      rule_(std::move(rule)),
      one_per_rule_(one_per_rule),
      needs_names_(by == TopQuery::By::usage || !rule_.empty() || one_per_rule),
      ranked_{.count_max = top_rows_max, .heap = {}},
      unnamed_{.count_max = unnamed_max, .heap = {}} {}

void TopScan::Best::offer(double score, const CounterId& counter) {
  const auto hotter = [](const Candidate& a, const Candidate& b) {
    return a.score != b.score ? a.score > b.score : a.counter < b.counter;
  };
  const Candidate offered{score, counter};
  if (heap.size() == count_max) {
    if (!hotter(offered, heap.front())) return;
    std::pop_heap(heap.begin(), heap.end(), hotter);
    heap.back() = offered;
  } else {
    heap.push_back(offered);
  }
  std::push_heap(heap.begin(), heap.end(), hotter);
}

void TopScan::begin() {
  running_ = true;
  next_row_ = 0;
  seen_ = 0;
  ranked_.heap.clear();
  unnamed_.heap.clear();
  best_of_rules_.clear();
}

void TopScan::offer_for_rule(std::string_view rule, double score, const CounterId& counter) {
  const auto found = best_of_rules_.find(rule);
  if (found != best_of_rules_.end()) {
    if (score > found->second.score) found->second = {score, counter};
  } else if (best_of_rules_.size() < top_rows_max) {
    best_of_rules_.emplace(rule, Candidate{score, counter});
  }
}

void TopScan::look_at(const CounterId& id, Hits value, const NameBook& names, WallTime wall) {
  if (Window::at(wall, id.window.length_s).id != id.window.id || value == 0) return;
  const auto hits = static_cast<double>(value);
  if (!needs_names_) return ranked_.offer(hits, id);
  const auto name = names.peek(id.key);
  if (!name) return unnamed_.offer(hits, id);
  if (!rule_.empty() && name->rule != rule_) return;
  const auto limit = static_cast<double>(std::max<Hits>(name->limit, 1));
  const double score = by_ == TopQuery::By::usage ? hits / limit : hits;
  if (one_per_rule_)
    offer_for_rule(name->rule, score, id);
  else
    ranked_.offer(score, id);
}

void TopScan::read_slice(const CounterTable& counters, const NameBook& names, Instant now, WallTime wall) {
  counters.for_each_counter(next_row_, slice_rows_max, [&](const CounterId& id, Hits value) {
    ++seen_;
    look_at(id, value, names, wall);
  });
  next_row_ += slice_rows_max;
  if (next_row_ >= counters.rows_count()) finish(now);
}

void TopScan::finish(Instant now) {
  running_ = false;
  finished_ = true;
  finished_at_ = now;
  candidates_.clear();
  for (const Best* best : {&ranked_, &unnamed_})
    for (const Candidate& candidate : best->heap) candidates_.push_back(candidate.counter);
  for (const auto& [rule, candidate] : best_of_rules_) candidates_.push_back(candidate.counter);
  scanned_ = seen_;
}

}  // namespace starling
