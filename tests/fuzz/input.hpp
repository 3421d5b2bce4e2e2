/// A fuzzer's bytes as a stream of choices, for targets that build what they try: whatever the bytes are,
/// they say something, and a change of one of them changes little else.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace starling::fuzz {

class Input {
 public:
  Input(const std::uint8_t* data, std::size_t bytes_count) : rest_(data, bytes_count) {}

  bool done() const { return rest_.empty(); }
  /// 0 when nothing is left.
  std::uint8_t byte() {
    if (rest_.empty()) return 0;
    const std::uint8_t first = rest_.front();
    rest_ = rest_.subspan(1);
    return first;
  }
  bool flag() { return (byte() & 1U) != 0; }
  /// A number below `bound`, which is from 1 to 256.
  std::size_t below(std::size_t bound) { return byte() % bound; }
  /// Mostly small; else of two, four or eight bytes, or near a bound of its type.
  std::uint64_t number() {
    constexpr std::array<std::uint64_t, 8> edges{0xFFFF,
                                                 0x1'0000,
                                                 0xFFFF'FFFF,
                                                 0x1'0000'0000,
                                                 0x7FFF'FFFF'FFFF'FFFF,
                                                 0x8000'0000'0000'0000,
                                                 0xFFFF'FFFF'FFFF'FFFE,
                                                 0xFFFF'FFFF'FFFF'FFFF};
    const std::uint8_t first = byte();
    if (first < 200) return first;
    if (first < 216) return bytes(2);
    if (first < 232) return bytes(4);
    if (first < 248) return bytes(8);
    return edges[first - 248U];
  }
  std::uint32_t number32() { return static_cast<std::uint32_t>(number()); }
  /// One byte says how long, at most `bytes_max` and at most what is left.
  std::string text(std::size_t bytes_max) {
    const auto taken = take(std::min<std::size_t>(byte(), bytes_max));
    return {taken.begin(), taken.end()};
  }
  std::span<const std::uint8_t> take(std::size_t count) {
    const auto taken = rest_.first(std::min(count, rest_.size()));
    rest_ = rest_.subspan(taken.size());
    return taken;
  }
  std::span<const std::uint8_t> rest() const { return rest_; }

 private:
  std::uint64_t bytes(int count) {
    std::uint64_t value = 0;
    for (int i = 0; i < count; ++i) value |= static_cast<std::uint64_t>(byte()) << (8 * i);
    return value;
  }

  std::span<const std::uint8_t> rest_;
};

}  // namespace starling::fuzz
