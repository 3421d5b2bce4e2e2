/// Text that is written, read and cleared again for every request.
///
/// A std::string does the same, but calls and terminates for every piece of a few bytes; here a piece costs a
/// comparison and a copy, which for constants is a move or two. What was once reserved stays: a usual answer
/// allocates nothing.
#pragma once

#include <fmt/format.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <string>
#include <string_view>

namespace starling {

class TextBuffer {
 public:
  /// Appends all `parts`, none of which may lie in this buffer.
  template <class... Parts>
  void append(const Parts&... parts) {
    const std::size_t bytes = (std::size_t{0} + ... + std::string_view(parts).size());
    [[maybe_unused]] char* at = room(bytes);
    ((at = copy(at, std::string_view(parts))), ...);
    used_ += bytes;
  }

  /// Appends the first `bytes` of `padded`. All of it is copied, which a constant size makes a few moves.
  template <std::size_t size>
  void append_padded(const std::array<char, size>& padded, std::size_t bytes) {
    std::memcpy(room(size), padded.data(), size);
    used_ += bytes;
  }

  void append_number(std::uint64_t number) {
    const fmt::format_int digits(number);  // half of what std::to_chars takes
    append(std::string_view(digits.data(), digits.size()));
  }

  TextBuffer& operator+=(std::string_view text) {
    append(text);
    return *this;
  }
  TextBuffer& operator+=(char c) {
    *room(1) = c;
    ++used_;
    return *this;
  }

  std::string_view view() const { return {room_.data(), used_}; }
  std::size_t size() const { return used_; }
  bool empty() const { return used_ == 0; }

  /// Keeps the memory for what comes next, unless it has become more than `kept_bytes_max`.
  void clear(std::size_t kept_bytes_max = std::numeric_limits<std::size_t>::max()) {
    used_ = 0;
    if (room_.size() > kept_bytes_max) room_ = {};
  }

 private:
  static char* copy(char* at, std::string_view text) {
    if (!text.empty()) std::memcpy(at, text.data(), text.size());
    return at + text.size();
  }

  char* room(std::size_t bytes) {
    if (room_.size() - used_ < bytes) room_.resize(2 * room_.size() + bytes);
    return room_.data() + used_;
  }

  std::string room_;  ///< its size is what there is room for
  std::size_t used_ = 0;
};

}  // namespace starling
