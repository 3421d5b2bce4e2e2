/// A fuzz target is a function of bytes. libFuzzer calls it millions of times with bytes of its own making
/// (scripts/fuzz); the normal test suite calls it once with each file of its corpus (replay.cpp).
///
/// What it must never do is crash, leak, or break a promise that is written in the target with
/// `REQUIRE_THAT`.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string_view>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t bytes_count);

#define REQUIRE_THAT(promise)                                                                      \
  do {                                                                                             \
    if (!(promise)) {                                                                              \
      std::fprintf(stderr, "%s:%d: expected %s, found otherwise\n", __FILE__, __LINE__, #promise); \
      std::abort();                                                                                \
    }                                                                                              \
  } while (false)

namespace starling::fuzz {

inline std::string_view text_of(const std::uint8_t* data, std::size_t bytes_count) {
  return {reinterpret_cast<const char*>(data), bytes_count};
}

/// Cuts `rest` into pieces whose lengths follow from a seed: 1 to 8 bytes if it is odd, else 1 to 200.
class Cutter {
 public:
  Cutter(std::uint8_t seed, std::string_view bytes)
      : state_(seed), bytes_max_((seed & 1U) != 0 ? 8 : 200), rest_(bytes) {}

  bool done() const { return rest_.empty(); }
  std::string_view next() {
    state_ = state_ * 1'664'525U + 1'013'904'223U;
    const std::string_view piece = rest_.substr(0, (state_ >> 16U) % bytes_max_ + 1);
    rest_.remove_prefix(piece.size());
    return piece;
  }

 private:
  std::uint32_t state_;
  std::uint32_t bytes_max_;
  std::string_view rest_;
};

}  // namespace starling::fuzz
