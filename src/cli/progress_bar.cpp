#include "cli/progress_bar.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

namespace starling::cli {
namespace {

constexpr std::chrono::milliseconds before_first{700};
constexpr std::chrono::milliseconds between{100};
constexpr int width = 40;

}  // namespace

ProgressBar::ProgressBar() : is_terminal_(isatty(STDERR_FILENO) == 1) {}

void ProgressBar::show(double share) {
  const auto now = std::chrono::steady_clock::now();
  if (!is_terminal_ || now - shown_at_ < (drawn_ ? between : before_first)) return;
  const int full = static_cast<int>(std::clamp(share, 0.0, 1.0) * width);
  fmt::print(stderr, "\r[{:#<{}}{:.<{}}] {:3.0f} %", "", full, "", width - full, share * 100);
  std::fflush(stderr);
  shown_at_ = now;
  drawn_ = true;
}

void ProgressBar::clear() {
  if (drawn_) fmt::print(stderr, "\r\x1b[K");
  drawn_ = false;
}

}  // namespace starling::cli
