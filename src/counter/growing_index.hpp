/// From a hash to a row, like `CounterIndex`, for rows of which there may be millions or a few: it doubles as
/// they become more, without a stall.
///
/// A table that is too full becomes the one `before_`, and a new one takes its place; each insertion moves a
/// few of its rows over, so that it is empty long before the new one is full. Until then who is not found in
/// the one is looked for in the other. What is erased leaves a mark behind, and marks make a table full too:
/// where it is they that do, the new one is as large as the old.
///
/// The hard case is a row that was moved, then erased and used again for something else: `before_` still had
/// it. So it is erased in both.
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <limits>
#include <optional>
#include <utility>

#include "base/zeroed_array.hpp"

namespace starling {

class GrowingIndex {
 public:
  static constexpr std::uint32_t none = std::numeric_limits<std::uint32_t>::max();

  /// Rows are below `rows_max`, which is below 2^31.
  explicit GrowingIndex(std::uint32_t rows_max)
      : row_bits_(static_cast<unsigned>(std::bit_width(rows_max + 1))), slots_(slots_min) {}

  /// The row of this hash for which `is_right(row)`, or none.
  template <class IsRight>
  std::uint32_t find(std::uint32_t hash, const IsRight& is_right) const {
    const std::uint32_t row = find_in(slots_, hash, is_right);
    return row != none || !before_ ? row : find_in(*before_, hash, is_right);
  }

  /// In two steps what `find` will say, most likely, without a look at any row. It may be wrong.
  void prefetch(std::uint32_t hash) const {
    slots_.prefetch(home_of(slots_, hash));
    if (before_) before_->prefetch(home_of(*before_, hash));
  }
  std::uint32_t guess(std::uint32_t hash) const {
    return find(hash, [](std::uint32_t) { return true; });
  }

  /// `row` must not be there. `hash_of(row)`: of any row that is.
  template <class HashOf>
  void insert(std::uint32_t hash, std::uint32_t row, const HashOf& hash_of) {
    if (4 * (std::uint64_t{used_count_} + 1) > 3 * std::uint64_t{slots_.size()}) {
      while (before_) move_some(hash_of);
      const bool is_crowded = 8 * std::uint64_t{rows_count_} > 3 * std::uint64_t{slots_.size()};
      before_ = std::exchange(slots_, Slots(slots_.size() << (is_crowded ? 1 : 0)));
      used_count_ = 0;
      moved_to_ = 0;
    }
    if (before_) move_some(hash_of);
    put(hash, row);
    ++rows_count_;
  }

  /// `row` must be there, by this hash.
  void erase(std::uint32_t hash, std::uint32_t row) {
    bury(slots_, hash, row);
    if (before_) bury(*before_, hash, row);
    --rows_count_;
  }

  std::size_t slots_count() const { return slots_.size(); }

 private:
  using Slots =
      ZeroedArray<std::uint32_t>;  // 0: empty; else row + 1, and above `row_bits_` a part of the hash
  static constexpr std::size_t slots_min = 1024;
  static constexpr std::size_t moved_per_insertion = 8;

  static std::size_t home_of(const Slots& slots, std::uint32_t hash) { return hash & (slots.size() - 1); }
  static std::size_t next_of(const Slots& slots, std::size_t at) { return (at + 1) & (slots.size() - 1); }
  std::uint32_t row_mask() const { return none >> (32 - row_bits_); }
  std::uint32_t slot_of(std::uint32_t hash, std::uint32_t row) const {
    return (row + 1) | (hash & ~row_mask());
  }
  std::uint32_t row_in(std::uint32_t slot) const { return (slot & row_mask()) - 1; }
  /// Was erased: no row has this number.
  std::uint32_t gone() const { return row_mask(); }

  template <class IsRight>
  std::uint32_t find_in(const Slots& slots, std::uint32_t hash, const IsRight& is_right) const {
    const std::uint32_t tag = hash & ~row_mask();
    for (std::size_t at = home_of(slots, hash); slots[at] != 0; at = next_of(slots, at)) {
      const std::uint32_t slot = slots[at];
      if ((slot & ~row_mask()) != tag || slot == gone()) continue;
      if (is_right(row_in(slot))) return row_in(slot);
    }
    return none;
  }

  void put(std::uint32_t hash, std::uint32_t row) {
    std::size_t at = home_of(slots_, hash);
    while (slots_[at] != 0 && slots_[at] != gone()) at = next_of(slots_, at);
    if (slots_[at] == 0) ++used_count_;
    slots_[at] = slot_of(hash, row);
  }

  /// Does nothing where it is not.
  void bury(Slots& slots, std::uint32_t hash, std::uint32_t row) const {
    const std::uint32_t wanted = slot_of(hash, row);
    std::size_t at = home_of(slots, hash);
    while (slots[at] != 0 && slots[at] != wanted) at = next_of(slots, at);
    if (slots[at] == wanted) slots[at] = gone();
  }

  template <class HashOf>
  void move_some(const HashOf& hash_of) {
    const std::size_t end = std::min(moved_to_ + moved_per_insertion, before_->size());
    for (; moved_to_ < end; ++moved_to_) {
      const std::uint32_t slot = (*before_)[moved_to_];
      if (slot == 0 || slot == gone()) continue;
      const std::uint32_t row = row_in(slot);
      put(hash_of(row), row);
    }
    if (moved_to_ == before_->size()) before_.reset();
  }

  unsigned row_bits_;
  Slots slots_;
  std::optional<Slots> before_;
  std::size_t moved_to_ = 0;      // of `before_`, what is below is in `slots_` too
  std::uint32_t used_count_ = 0;  // of `slots_`, marks included
  std::uint32_t rows_count_ = 0;
};

}  // namespace starling
