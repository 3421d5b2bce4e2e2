/// CPU time of this thread: others may be busy on this machine, and a benchmark must not count them.
#pragma once

#include <time.h>

#include "base/check.hpp"

namespace starling::bench {

inline double cpu_s() {
  timespec now{};
  STARLING_CHECK(clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now) == 0);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

/// Adds up spans of CPU time, less what looking at the clock costs by itself.
class Stopwatch {
 public:
  void begin() { began_ = cpu_s(); }
  void end() { total_ += cpu_s() - began_ - look_s(); }
  double total_s() const { return total_ > 0 ? total_ : 0; }

 private:
  /// Between two looks without anything in between: the mean of many.
  static double look_s() {
    static const double once = [] {
      constexpr int looks = 20'000;
      double sum = 0;
      for (int i = 0; i < looks; ++i) {
        const double began = cpu_s();
        sum += cpu_s() - began;
      }
      return sum / looks;
    }();
    return once;
  }

  double began_ = 0;
  double total_ = 0;
};

}  // namespace starling::bench
