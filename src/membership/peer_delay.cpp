#include "membership/peer_delay.hpp"

#include <algorithm>

namespace starling {
namespace {

/// Down only from below seven eighths of the lower power, for this long.
constexpr Duration steady_before_lower = std::chrono::seconds(5);

constexpr Duration with_margin(Duration delay) {
  return delay * 8 / 7;
}

}  // namespace

Duration rounded_peer_delay(Duration delay) {
  Duration rounded = peer_delay_min;
  while (rounded < delay && rounded < peer_delay_max) rounded *= 2;
  return rounded;
}

void RoundTrips::add(Duration rtt) {
  samples_[next_] = rtt;
  next_ = (next_ + 1) % samples_max;
  samples_count_ = std::min(samples_count_ + 1, samples_max);
  if (samples_count_ < samples_min) return;
  auto sorted = samples_;
  const auto middle = sorted.begin() + static_cast<std::ptrdiff_t>(samples_count_ / 2);
  std::nth_element(sorted.begin(), middle, sorted.begin() + static_cast<std::ptrdiff_t>(samples_count_));
  typical_ = *middle;
}

void MeasuredDelay::update(Duration largest, Instant now) {
  const Duration wanted = rounded_peer_delay(largest);
  const Duration wanted_with_margin = rounded_peer_delay(with_margin(largest));
  if (wanted > value_) {
    value_ = wanted;
    high_until_ = now;
  } else if (wanted_with_margin >= value_) {
    high_until_ = now;
  } else if (now - high_until_ >= steady_before_lower) {
    value_ = wanted_with_margin;
    high_until_ = now;
  }
}

}  // namespace starling
