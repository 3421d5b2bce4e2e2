/// The last few of our own clocks that we sent somewhere: only who got one can send it back.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>

namespace starling {

class SentClocks {
 public:
  static constexpr std::size_t remembered_count = 8;

  void remember(std::uint64_t ns) {
    ns_[next_] = ns;
    next_ = (next_ + 1) % remembered_count;
  }
  /// 0 stands for no clock and is never among them.
  bool contains(std::uint64_t ns) const {
    return ns != 0 && std::find(ns_.begin(), ns_.end(), ns) != ns_.end();
  }

 private:
  std::array<std::uint64_t, remembered_count> ns_{};
  std::size_t next_ = 0;
};

}  // namespace starling
