/// What may wait for some beats of the publish queue's slow clock, by the beat that it has to go with.
///
/// A ring of lists, one for each beat to come. A beat takes its own list and, if that is short, of the next
/// ones too, so that nothing waits while there is room.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <vector>

#include "base/check.hpp"
#include "base/ids.hpp"

namespace starling {

class LateList {
 public:
  static constexpr std::uint32_t beats_max = 8;

  /// `beats`: goes with the beat after so many at the latest; 1 is the next, and more than `beats_max` are as
  /// many.
  void add(ComponentIndex component, std::uint32_t beats) {
    list_in(std::clamp<std::uint32_t>(beats, 1, beats_max)).push_back(component);
    ++waiting_count_;
  }

  /// The next beat: its list is due, and of the next ones, in their order, what is missing to `count_min`.
  void begin_beat(std::size_t count_min) {
    ++beat_;
    std::size_t count = list_in(0).size();
    make_due(list_in(0), count);
    for (std::uint32_t beats = 1; beats < beats_max && count < count_min; ++beats) {
      const std::size_t more = std::min(count_min - count, list_in(beats).size());
      make_due(list_in(beats), more);
      count += more;
    }
  }
  void make_all_due() {
    for (std::uint32_t beats = 0; beats <= beats_max; ++beats)
      make_due(list_in(beats), list_in(beats).size());
  }

  bool has_due() const { return taken_ < due_.size(); }
  ComponentIndex take_due() {
    STARLING_CHECK(has_due());
    const ComponentIndex component = due_[taken_++];
    if (has_due()) return component;
    due_.clear();
    taken_ = 0;
    return component;
  }

  std::size_t size() const { return waiting_count_ + due_.size() - taken_; }
  bool empty() const { return size() == 0; }

 private:
  std::vector<ComponentIndex>& list_in(std::uint32_t beats) {
    return lists_[(beat_ + beats) % lists_.size()];
  }
  void make_due(std::vector<ComponentIndex>& list, std::size_t count) {
    const auto end = list.begin() + static_cast<std::ptrdiff_t>(count);
    due_.insert(due_.end(), list.begin(), end);
    list.erase(list.begin(), end);
    waiting_count_ -= count;
  }

  std::array<std::vector<ComponentIndex>, beats_max + 1> lists_;
  std::uint64_t beat_ = 0;
  std::size_t waiting_count_ = 0;
  std::vector<ComponentIndex> due_;
  std::size_t taken_ = 0;  // of the front of `due_`
};

}  // namespace starling
