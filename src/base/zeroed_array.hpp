/// An array of a fixed size that begins as all zeros and takes memory only where it is written: for more than
/// some pages `calloc` hands on what the system gives, zeroed as it is touched. So a table can be as large as
/// its bound from the start, without a stall to grow and without the memory of a full one.
/// Errors: std::bad_alloc, where the system does not promise that much.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <new>
#include <type_traits>

#include "base/check.hpp"

namespace starling {

/// A `Row` of zero bytes must mean what an unused row is.
template <class Row>
class ZeroedArray {
  static_assert(std::is_trivially_copyable_v<Row> && std::is_trivially_destructible_v<Row>);

 public:
  explicit ZeroedArray(std::size_t size) : size_(size) {
    if (size >= SIZE_MAX / sizeof(Row) - line_bytes) throw std::bad_alloc();
    memory_.reset(std::calloc(size * sizeof(Row) + line_bytes, 1));
    if (memory_ == nullptr) throw std::bad_alloc();
    // A row that fits a cache line must not lie across two.
    const auto address = reinterpret_cast<std::uintptr_t>(memory_.get());
    rows_ = reinterpret_cast<Row*>((address + line_bytes - 1) / line_bytes * line_bytes);
  }

  std::size_t size() const { return size_; }
  Row& operator[](std::size_t at) {
    STARLING_CHECK(at < size_);
    return rows_[at];
  }
  const Row& operator[](std::size_t at) const {
    STARLING_CHECK(at < size_);
    return rows_[at];
  }
  /// Brings a row near that will be written, if there is one.
  void prefetch(std::size_t at) const {
    if (at < size_) __builtin_prefetch(rows_ + at, 1);
  }

 private:
  static constexpr std::size_t line_bytes = 64;
  static_assert(alignof(Row) <= line_bytes);
  struct Free {
    void operator()(void* memory) const { std::free(memory); }
  };

  std::unique_ptr<void, Free> memory_;
  Row* rows_ = nullptr;
  std::size_t size_;
};

}  // namespace starling
