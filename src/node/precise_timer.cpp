#include "node/precise_timer.hpp"

#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <memory>

#include "base/check.hpp"

namespace starling {

PreciseTimer::PreciseTimer(Loop& loop, Listener& listener) : listener_(listener) {
  // The clock of uv_hrtime, so that deadlines need no conversion.
  descriptor_ = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
  STARLING_CHECK(descriptor_ >= 0);
  auto initialised = std::make_unique<uv_poll_t>();
  STARLING_CHECK(uv_poll_init(loop.get(), initialised.get(), descriptor_) == 0);
  poll_ = adopt(std::move(initialised), this);
  uv_poll_start(poll_.get(), UV_READABLE, [](uv_poll_t* poll, int, int) {
    if (auto* self = static_cast<PreciseTimer*>(poll->data)) self->on_readable();
  });
}

PreciseTimer::~PreciseTimer() {
  poll_.reset();  // stops polling before the descriptor goes
  close(descriptor_);
}

void PreciseTimer::arm(Instant deadline) {
  if (deadline == armed_) return;
  armed_ = deadline;
  itimerspec spec{};  // all zero disarms
  if (deadline != never) {
    const std::int64_t ns = std::max<std::int64_t>(1, deadline.time_since_epoch().count());
    spec.it_value.tv_sec = ns / 1'000'000'000;
    spec.it_value.tv_nsec = ns % 1'000'000'000;
  }
  STARLING_CHECK(timerfd_settime(descriptor_, TFD_TIMER_ABSTIME, &spec, nullptr) == 0);
}

void PreciseTimer::on_readable() {
  std::uint64_t expirations = 0;
  if (read(descriptor_, &expirations, sizeof expirations) != sizeof expirations)
    return;  // armed anew meanwhile
  armed_ = never;
  listener_.on_timer();
}

}  // namespace starling
