#include "limiter/denied_sketch.hpp"

#include <algorithm>
#include <utility>

#include "base/check.hpp"

namespace starling {

DeniedSketch::DeniedSketch(std::size_t rows_max) : rows_max_(rows_max) {
  STARLING_CHECK(rows_max > 0);
  rows_.reserve(rows_max);
  heap_.reserve(rows_max);
  places_.reserve(rows_max);
  index_.reserve(rows_max + 1);  // a new counter comes before the old one of its row goes
}

void DeniedSketch::swap_places(std::uint32_t a, std::uint32_t b) {
  std::swap(heap_[a], heap_[b]);
  places_[heap_[a]] = a;
  places_[heap_[b]] = b;
}

void DeniedSketch::sift_down(std::uint32_t place) {
  const auto count = static_cast<std::uint32_t>(heap_.size());
  for (;;) {
    std::uint32_t lightest = place;
    for (const std::uint32_t child : {2 * place + 1, 2 * place + 2})
      if (child < count && weight_at(child) < weight_at(lightest)) lightest = child;
    if (lightest == place) return;
    swap_places(place, lightest);
    place = lightest;
  }
}

void DeniedSketch::sift_up(std::uint32_t place) {
  while (place > 0 && weight_at(place) < weight_at((place - 1) / 2)) {
    swap_places(place, (place - 1) / 2);
    place = (place - 1) / 2;
  }
}

bool DeniedSketch::add(const CounterId& counter, Hits hits, bool learns) {
  const auto [found, fresh] = index_.try_emplace(counter, 0);
  if (fresh && rows_.size() < rows_max_) {
    found->second = static_cast<std::uint32_t>(rows_.size());
    rows_.push_back(Row{.counter = counter});
    heap_.push_back(found->second);
    places_.push_back(found->second);
  } else if (fresh) {
    found->second = heap_.front();
    Row& lightest = rows_[heap_.front()];
    index_.erase(lightest.counter);  // leaves other entries where they are
    lightest = Row{.counter = counter, .missed_max = lightest.weight()};
  }
  const std::uint32_t at = found->second;
  Row& row = rows_[at];
  Hits& count = learns ? row.learned : row.denied;
  count = saturating_add(count, hits);
  sift_down(places_[at]);
  if (fresh) sift_up(places_[at]);
  return fresh;
}

void DeniedSketch::forget_ended(WallTime wall) {
  const auto ended = [&](const Row& row) { return row.counter.window.end_ms() <= ms_since_epoch(wall); };
  if (std::none_of(rows_.begin(), rows_.end(), ended)) return;
  std::erase_if(rows_, ended);
  // What is sorted is a heap.
  std::sort(rows_.begin(), rows_.end(), [](const Row& a, const Row& b) { return a.weight() < b.weight(); });
  index_.clear();
  heap_.clear();
  places_.clear();
  for (std::uint32_t at = 0; at < rows_.size(); ++at) {
    index_.emplace(rows_[at].counter, at);
    heap_.push_back(at);
    places_.push_back(at);
  }
}

const DeniedSketch::Row* DeniedSketch::find(const CounterId& counter) const {
  const auto found = index_.find(counter);
  return found == index_.end() ? nullptr : &rows_[found->second];
}

}  // namespace starling
