#include "node/loop_meter.hpp"

#include <array>
#include <memory>

#include "base/check.hpp"

namespace starling {
namespace {

using std::chrono::microseconds;

constexpr std::array<Duration, 13> bounds{microseconds(10),       microseconds(25),     microseconds(50),
                                          microseconds(100),      microseconds(250),    microseconds(500),
                                          microseconds(1'000),    microseconds(2'500),  microseconds(5'000),
                                          microseconds(10'000),   microseconds(50'000), microseconds(250'000),
                                          microseconds(1'000'000)};

}  // namespace

LoopMeter::LoopMeter(Loop& loop) : loop_(loop), busy_(bounds) {
  STARLING_CHECK(uv_loop_configure(loop_.get(), UV_METRICS_IDLE_TIME) == 0);
  auto prepare = std::make_unique<uv_prepare_t>();
  STARLING_CHECK(uv_prepare_init(loop_.get(), prepare.get()) == 0);
  turns_ = adopt(std::move(prepare), this);
  uv_prepare_start(turns_.get(), [](uv_prepare_t* handle) {
    if (auto* self = static_cast<LoopMeter*>(handle->data)) self->on_turn();
  });
  uv_unref(reinterpret_cast<uv_handle_t*>(turns_.get()));
}

void LoopMeter::on_turn() {
  const Instant now = Loop::now();
  const Duration slept{static_cast<std::int64_t>(uv_metrics_idle_time(loop_.get()))};
  if (ended_at_ != Instant{}) busy_.observe((now - ended_at_) - (slept - slept_));
  ended_at_ = now;
  slept_ = slept;
}

}  // namespace starling
