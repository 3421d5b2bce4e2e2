/// From a counter's hash to its row: an open-addressing table of 32-bit slots.
///
/// A slot has the row and, in the bits that are left over, a part of the hash, so that of the rows that share
/// a neighborhood nearly always only the right one is looked at: a lookup costs one line of slots and one
/// row. At 4 bytes and at most three quarters full that is 5 to 11 bytes a counter, where a map with keys in
/// its slots takes 60. It never grows: a rehash of millions would stall requests for a quarter of a second.
///
/// Linear probing; a slot that is emptied is filled from behind (no tombstones), so the table is as good
/// after a million windows as in the first.
///
/// Source: Knuth, The Art of Computer Programming, volume 3, section 6.4, algorithm R.
#pragma once

#include <bit>
#include <cstdint>
#include <limits>

#include "base/zeroed_array.hpp"

namespace starling {

class CounterIndex {
 public:
  static constexpr std::uint32_t none = std::numeric_limits<std::uint32_t>::max();

  /// Rows are below `rows_max`.
  explicit CounterIndex(std::uint32_t rows_max)
      : row_bits_(static_cast<unsigned>(std::bit_width(rows_max))),
        slots_(std::bit_ceil(std::uint64_t{rows_max} + rows_max / 3 + 2)),
        mask_(slots_.size() - 1) {}

  /// The row of this hash for which `is_right(row)`, or none.
  template <class IsRight>
  std::uint32_t find(std::uint64_t hash, const IsRight& is_right) const {
    const std::uint32_t tag = tag_of(hash);
    for (std::uint64_t at = home_of(hash);; at = (at + 1) & mask_) {
      const std::uint32_t slot = slots_[at];
      if (slot == 0) return none;
      if (tag_in(slot) == tag && is_right(row_in(slot))) return row_in(slot);
    }
  }

  /// In two steps what `find` will say, most likely, without a look at any row. It may be wrong.
  void prefetch(std::uint64_t hash) const { slots_.prefetch(home_of(hash)); }
  std::uint32_t guess(std::uint64_t hash) const {
    return find(hash, [](std::uint32_t) { return true; });
  }

  /// `row` must not be there.
  void insert(std::uint64_t hash, std::uint32_t row) {
    std::uint64_t at = home_of(hash);
    while (slots_[at] != 0) at = (at + 1) & mask_;
    slots_[at] = (row + 1) | shifted(tag_of(hash));
  }

  /// `row` must be there. `hash_of(row)`: of any row that is there.
  template <class HashOf>
  void erase(std::uint32_t row, const HashOf& hash_of) {
    std::uint64_t hole = home_of(hash_of(row));
    while (row_in(slots_[hole]) != row) hole = (hole + 1) & mask_;
    for (std::uint64_t at = (hole + 1) & mask_; slots_[at] != 0; at = (at + 1) & mask_) {
      // What would be looked for from behind the hole stays where it is.
      const std::uint64_t home = home_of(hash_of(row_in(slots_[at])));
      if (((at - home) & mask_) < ((at - hole) & mask_)) continue;
      slots_[hole] = slots_[at];
      hole = at;
    }
    slots_[hole] = 0;
  }

 private:
  std::uint64_t home_of(std::uint64_t hash) const { return (hash >> 32) & mask_; }
  std::uint32_t tag_of(std::uint64_t hash) const { return tag_in(static_cast<std::uint32_t>(hash)); }
  std::uint32_t tag_in(std::uint32_t slot) const { return row_bits_ < 32 ? slot >> row_bits_ : 0; }
  std::uint32_t shifted(std::uint32_t tag) const { return row_bits_ < 32 ? tag << row_bits_ : 0; }
  std::uint32_t row_in(std::uint32_t slot) const { return (slot & (none >> (32 - row_bits_))) - 1; }

  unsigned row_bits_;
  ZeroedArray<std::uint32_t> slots_;  // 0: empty; else row + 1, and above `row_bits_` a part of the hash
  std::uint64_t mask_;
};

}  // namespace starling
